// Package governor keeps a training below the temperature at which the firmware would slow the whole box down, inference
// with it. It gives up threads and then time, one step at a time. Work is split over outputs, so that none of this changes
// a bit of a result.
package governor

import (
	"math"
	"slices"
	"time"
)

// Rung is how much of the box the training may use.
type Rung struct {
	Threads int     `json:"threads"`
	Duty    float64 `json:"duty"` // share of the time that is worked: 1, 0.75, 0.5, 0.25, or 0 for a pause
}

// Limits are what the governor keeps to.
type Limits struct {
	Threads int     // at most
	Celsius float64 // that the hottest zone must not pass
}

// Bound says what the limit of a box is.
type Bound struct {
	Celsius float64 // 0: the point of throttling less Margin
	Margin  float64 // °C
}

// DefaultBound is six degrees below the point of throttling.
func DefaultBound() Bound { return Bound{Margin: 6} }

// Reading is what the sensors say at a moment.
type Reading struct {
	Celsius  float64 `json:"celsius"`   // of the hottest zone
	Lost     bool    `json:"lost"`      // it cannot be read: as bad as hot
	LowPower bool    `json:"low_power"` // under-voltage or over-current now: a brown-out comes before a reset
	Late     bool    `json:"late"`      // inference takes longer than the line allows
}

const (
	decideEvery = 5 * time.Second
	settle      = 15 * time.Second // a step up waits this long after any other step
	window      = 12               // samples that the trend is read from
	horizon     = 4 * time.Second  // how far ahead it is followed
	kickAfter   = 8 * time.Second  // the die has followed a step of the load by then; the heat sink hardly
	guard       = 2.5              // °C below the limit where a step down is due: noise, resolution and delay of sensors
	band        = 1.0              // °C below that where a step up is tried
	resumeBelow = 8.0              // °C below the limit where a paused training goes on
	calm        = time.Minute      // after low power or late inference
	frozenAfter = 3 * time.Minute  // a reading that never moves is no reading
	firstRetry  = time.Minute      // before a step that turned out too hot is tried again; doubles each time
	lastRetry   = 4 * time.Minute
)

// Governor is the ladder: all threads; one fewer, and so on to one thread; 75, 50, 25 % of the time; a pause. It has no
// clock of its own: time is what Sample is told.
type Governor struct {
	limits Limits
	rung   int // 0: all threads
	last   []sample
	moved  time.Duration // when the raw reading last changed
	raw    float64
	fine   float64       // °C between readings at least: the sensor's resolution, which it rounds down by
	step   time.Duration // when the rung last changed
	tried  time.Duration // when the last decision was
	held   time.Duration // no step up before
	retry  []retry       // by rung: when it may be tried again
	before float64       // °C that would be now if the rung had not changed
	change float64       // of the load by that step, in threads
	kick   float64       // °C that the die follows a thread by: rather too much than too little
	begun  bool
}

type sample struct {
	at      time.Duration
	celsius float64
}

// retry is what is known of a rung that was too hot.
type retry struct {
	from  float64       // °C when it was entered
	not   time.Duration // before this time
	pause time.Duration
}

// New makes a governor at the top of the ladder.
func New(l Limits) *Governor {
	return &Governor{limits: l, retry: make([]retry, l.Threads+4), fine: 1}
}

// Rung is where the governor stands.
func (g *Governor) Rung() Rung { return g.at(g.rung) }

func (g *Governor) at(rung int) Rung {
	n := g.limits.Threads
	if rung < n {
		return Rung{Threads: n - rung, Duty: 1}
	}
	return Rung{Threads: 1, Duty: 1 - 0.25*float64(rung-n+1)}
}

// load is the work of a rung in threads.
func (r Rung) load() float64 { return float64(r.Threads) * r.Duty }

// Sample takes a reading, about once a second, and returns the rung from now on. Times never go back.
func (g *Governor) Sample(now time.Duration, r Reading) Rung {
	r.Lost = r.Lost || !(r.Celsius > -40 && r.Celsius < 150)
	g.observe(now, r)
	single := g.limits.Threads - 1
	if r.LowPower && g.rung < single {
		g.move(now, single)
	}
	if r.LowPower || r.Late {
		g.held = now + calm
	}
	if hurry := g.hot(now, r) && g.soon() > g.limits.Celsius-guard/2; now-g.tried < decideEvery && !hurry {
		return g.Rung()
	}
	g.tried = now
	switch {
	case g.hot(now, r):
		g.down(now, r)
	case g.cool(now):
		g.up(now)
	}
	return g.Rung()
}

// observe keeps the last readings: enough for a median of three now and one some seconds ago.
func (g *Governor) observe(now time.Duration, r Reading) {
	if !g.begun {
		g.begun, g.moved, g.step, g.tried = true, now, now-settle, now
	}
	if r.Lost {
		g.last, g.change = nil, 0
		return
	}
	if d := math.Abs(r.Celsius - g.raw); d > 0 {
		if g.moved > 0 {
			g.fine = min(g.fine, d)
		}
		g.raw, g.moved = r.Celsius, now
	}
	g.last = append(g.last, sample{now, r.Celsius + g.fine/2})
	if len(g.last) > window {
		g.last = g.last[1:]
	}
	g.learn(now)
}

// learn measures how far the die followed the last step.
func (g *Governor) learn(now time.Duration) {
	if g.change == 0 || now-g.step < kickAfter {
		return
	}
	kick := max((g.median(0).celsius-g.before)/g.change, 0)
	g.kick = max(kick, g.kick+(kick-g.kick)/8)
	g.change = 0
}

// median is the median of three readings that ends back before the newest.
func (g *Governor) median(back int) sample {
	w := slices.Clone(g.last[max(0, len(g.last)-back-3) : len(g.last)-back])
	at := w[len(w)-1].at
	slices.SortFunc(w, func(a, b sample) int {
		if a.celsius < b.celsius {
			return -1
		}
		return 1
	})
	return sample{at, w[len(w)/2].celsius}
}

// soon is the temperature a horizon ahead, if it goes on rising as it does; a fall is not believed.
func (g *Governor) soon() float64 {
	if len(g.last) == 0 {
		return g.limits.Celsius
	}
	return g.median(0).celsius + max(g.slope(), 0)*horizon.Seconds()
}

// slope is the trend in °C a second since the die followed the last step, 0 as long as it is not known.
func (g *Governor) slope() float64 {
	first := slices.IndexFunc(g.last, func(x sample) bool { return x.at >= g.step+kickAfter })
	if first < 0 || len(g.last)-first < 7 {
		return 0
	}
	a, b := g.median(0), g.median(len(g.last)-first-3)
	return (a.celsius - b.celsius) / (a.at - b.at).Seconds()
}

// hot reports whether a step down is due.
func (g *Governor) hot(now time.Duration, r Reading) bool {
	return r.Lost || r.LowPower || r.Late && g.rung < len(g.retry)-2 || g.frozen(now) || g.soon() > g.limits.Celsius-guard
}

// frozen reports a reading that has not moved although the load goes on. The step down that follows is a probe: a sensor
// that lives moves.
func (g *Governor) frozen(now time.Duration) bool {
	return now-g.moved > frozenAfter && now-g.step >= min(time.Minute, now-g.moved-frozenAfter)
}

// cool reports whether a step up may be tried.
func (g *Governor) cool(now time.Duration) bool {
	if g.rung == 0 || now < g.held || now-g.step < settle || g.moved < g.step {
		return false
	}
	t := g.soon()
	if g.rung == len(g.retry)-1 {
		return t < g.limits.Celsius-resumeBelow
	}
	next := g.retry[g.rung-1]
	more := g.at(g.rung-1).load() - g.Rung().load()
	return t+max(band, g.kick*more) < g.limits.Celsius-guard && (now >= next.not || t < next.from-2)
}

// down gives up one rung, and remembers that this one was too hot.
func (g *Governor) down(now time.Duration, r Reading) {
	if g.rung == len(g.retry)-1 {
		return
	}
	if x := &g.retry[g.rung]; !r.Lost && !r.LowPower && !r.Late && !g.frozen(now) {
		x.pause = min(max(2*x.pause, firstRetry), lastRetry)
		x.not = now + x.pause
	}
	g.move(now, g.rung+1)
}

func (g *Governor) up(now time.Duration) {
	x := &g.retry[g.rung-1]
	if t := g.soon(); t < x.from-2 {
		x.pause = 0 // it is cooler around than when it failed
	}
	x.from = g.soon()
	g.move(now, g.rung-1)
}

func (g *Governor) move(now time.Duration, rung int) {
	g.change = 0
	if len(g.last) > 0 && now-g.step >= kickAfter {
		g.before, g.change = g.median(0).celsius+g.slope()*kickAfter.Seconds(), g.at(rung).load()-g.Rung().load()
	}
	g.rung, g.step = rung, now
}
