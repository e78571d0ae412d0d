package governor

import (
	"cmp"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// plant is a box: a die on a heat sink in a room, with a sensor.
type plant struct {
	limit, room       float64 // °C
	drift             float64 // °C that the room rises in the course of the run
	idle, thread      float64 // W
	threads           int
	rDie, rSink       float64 // °C/W
	tauDie, tauSink   float64 // s
	noise, resolution float64 // °C of the sensor
	die, sink         float64 // °C above the room
	now               float64 // s
	length            float64
	random            *rand.Rand
}

// randomPlant is anything between a bare Pi Zero and an Orin under a fan.
func randomPlant(seed uint64) *plant {
	r := rand.New(rand.NewPCG(seed, 5))
	in := func(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }
	for {
		p := &plant{limit: in(66, 93), room: in(15, 45), drift: in(-6, 6), idle: in(0.8, 5), thread: in(0.3, 3), threads: 1 + r.IntN(12),
			rDie: in(0.5, 3), rSink: in(2, 14), tauDie: in(2, 8), tauSink: in(30, 400), resolution: []float64{0.1, 0.487, 0.5, 1}[r.IntN(4)],
			length: 3600, random: r}
		p.noise = in(0.2, 0.5) * p.resolution           // a sensor that lives flickers
		if p.steady(0)+math.Abs(p.drift) < p.limit-10 { // else no governor can help
			p.sink = p.idle * p.rSink
			p.die = p.idle * p.rDie
			return p
		}
	}
}

func (p *plant) watts(load float64) float64 { return p.idle + p.thread*load }

// steady is where the temperature goes at a load, in threads.
func (p *plant) steady(load float64) float64 { return p.room + p.watts(load)*(p.rDie+p.rSink) }

func (p *plant) celsius() float64 { return p.room + p.drift*p.now/p.length + p.die + p.sink }

// second lets a second pass.
func (p *plant) second(load float64) {
	const steps = 10
	for range steps {
		w := p.watts(load)
		p.die += (w*p.rDie - p.die) / p.tauDie / steps
		p.sink += (w*p.rSink - p.sink) / p.tauSink / steps
	}
	p.now++
}

func (p *plant) sensor() float64 {
	return math.Floor((p.celsius()+p.noise*p.random.NormFloat64())/p.resolution) * p.resolution
}

// bestSteady is the most that a rung that is never left does without passing a temperature.
func (p *plant) bestSteady(celsius float64) float64 {
	g := New(Limits{Threads: p.threads})
	for g.rung = range len(g.retry) {
		if load := g.Rung().load(); p.steady(load)+max(p.drift, 0) <= celsius {
			return load
		}
	}
	return 0
}

// settled is when the ladder must have found its place.
const settled = 600

// TestPlants: after settling no second above the limit on any plant, and at least nine tenths of the throughput of the best
// rung that stays three degrees below it. SECATEUR_PLANTS is how many.
func TestPlants(t *testing.T) {
	n, err := strconv.ParseUint(cmp.Or(os.Getenv("SECATEUR_PLANTS"), "150"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	worst, slow, sum := 1.0, 0, 0.0
	for seed := range n {
		p := randomPlant(seed)
		above, work := p.govern(func(int, *Reading) {})
		if above > 0 {
			t.Errorf("plant %d was above its limit for %d s: %+v", seed, above, *p)
		}
		if best := p.bestSteady(p.limit - 3); best > 0 {
			share := min(work/best, 1)
			sum += share
			worst = min(worst, share)
			if share < 0.9 {
				slow++
				t.Errorf("plant %d does %.3f of the best steady throughput: %+v", seed, share, *p)
			}
		} else {
			sum++
		}
	}
	t.Logf("%d plants: worst %.3f of the best steady throughput, mean %.3f, %d below 0.9", n, worst, sum/float64(n), slow)
}

// govern runs the plant for an hour and returns the seconds above the limit after settling, and the mean load then. spoil
// changes what the sensors say.
func (p *plant) govern(spoil func(second int, r *Reading)) (above int, work float64) {
	g := New(Limits{Threads: p.threads, Celsius: p.limit})
	rung := g.Rung()
	for s := range int(p.length) {
		p.second(rung.load())
		r := Reading{Celsius: p.sensor()}
		spoil(s, &r)
		rung = g.Sample(time.Duration(s)*time.Second, r)
		if s >= settled {
			work += rung.load() / (p.length - settled)
			if p.celsius() > p.limit {
				above++
			}
		}
	}
	return above, work
}

// TestSensorFaults: whatever happens to the sensor, the training ends in a pause and stays there.
func TestSensorFaults(t *testing.T) {
	for name, spoil := range map[string]func(s int, r *Reading){
		"gone":          func(s int, r *Reading) { r.Lost = s > 700 },
		"never there":   func(s int, r *Reading) { r.Lost = true },
		"stuck":         func(s int, r *Reading) { stick(s, r, 700, 41.5) },
		"stuck at once": func(s int, r *Reading) { r.Celsius = 30 },
		"hot":           func(s int, r *Reading) { stick(s, r, 700, 120) },
	} {
		for seed := range uint64(10) {
			p := randomPlant(seed)
			g := New(Limits{Threads: p.threads, Celsius: p.limit})
			for s := range 2400 {
				p.second(g.Rung().load())
				r := Reading{Celsius: p.sensor()}
				spoil(s, &r)
				g.Sample(time.Duration(s)*time.Second, r)
				if s > 1900 && g.Rung().Duty != 0 {
					t.Fatalf("%s, plant %d: %+v after %d s", name, seed, g.Rung(), s)
				}
			}
		}
	}
}

func stick(s int, r *Reading, from int, celsius float64) {
	if s > from {
		r.Celsius = celsius
	}
}

// TestNaN is not a temperature that is cool.
func TestNaN(t *testing.T) {
	g := New(Limits{Threads: 4, Celsius: 74})
	for s := range 200 {
		g.Sample(time.Duration(s)*time.Second, Reading{Celsius: math.NaN()})
	}
	if g.Rung().Duty != 0 {
		t.Errorf("without a number: %+v", g.Rung())
	}
}

// alive is a reading of a sensor that moves a little.
func alive(s int, celsius float64) Reading { return Reading{Celsius: celsius + 0.5*float64(s%2)} }

// TestLowPower: one thread at once, and the way back is not taken before a minute of calm.
func TestLowPower(t *testing.T) {
	g := New(Limits{Threads: 4, Celsius: 74})
	at := func(s int) time.Duration { return time.Duration(s) * time.Second }
	for s := range 20 {
		g.Sample(at(s), alive(s, 50))
	}
	r := alive(20, 50)
	r.LowPower = true
	if got := g.Sample(at(20), r); got.Threads != 1 {
		t.Fatalf("with low power: %+v", got)
	}
	for s := 21; s < 80; s++ {
		if got := g.Sample(at(s), alive(s, 50)); got.Threads != 1 {
			t.Fatalf("second %d: %+v", s, got)
		}
	}
	for s := 80; s < 200; s++ {
		g.Sample(at(s), alive(s, 50))
	}
	if got := g.Rung(); got != (Rung{4, 1}) {
		t.Errorf("three minutes later: %+v", got)
	}
}

// TestLate: training gives up steps while inference is late, but is never paused by it.
func TestLate(t *testing.T) {
	g := New(Limits{Threads: 2, Celsius: 74})
	for s := range 300 {
		r := alive(s, 50)
		r.Late = true
		g.Sample(time.Duration(s)*time.Second, r)
	}
	if got := g.Rung(); got != (Rung{1, 0.25}) {
		t.Errorf("after five minutes of late inference: %+v", got)
	}
}

// TestResume: a paused training goes on eight degrees below the limit, not before.
func TestResume(t *testing.T) {
	g := New(Limits{Threads: 1, Celsius: 74})
	s := 0
	run := func(seconds int, celsius float64) Rung {
		for range seconds {
			g.Sample(time.Duration(s)*time.Second, alive(s, celsius))
			s++
		}
		return g.Rung()
	}
	if r := run(120, 80); r.Duty != 0 {
		t.Fatalf("at 80 °C: %+v", r)
	}
	if r := run(600, 67); r.Duty != 0 {
		t.Errorf("at 67 °C: %+v", r)
	}
	if r := run(60, 65); r.Duty == 0 {
		t.Errorf("at 65 °C: %+v", r)
	}
}
