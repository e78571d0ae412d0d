package gpio

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secateur/secateur/device/clock"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpiotest"
)

const ms = time.Millisecond

func schedule(t *testing.T, o RejectOptions) *Schedule {
	t.Helper()
	s, err := NewSchedule(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// trigger enters a part and decides on it.
func trigger(t *testing.T, s *Schedule, at time.Duration, bad bool) {
	t.Helper()
	id, err := s.Trigger(int64(at))
	if err == nil {
		err = s.Decide(id, bad)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// levels is the output at each millisecond.
func levels(s *Schedule, to int) string {
	var b strings.Builder
	for i := range to {
		if s.Advance(time.Duration(i)*ms, 0) {
			b.WriteByte('#')
		} else {
			b.WriteByte('.')
		}
	}
	return b.String()
}

func TestOutputOverTime(t *testing.T) {
	o := RejectOptions{Delay: 5 * ms, Pulse: 3 * ms, Parts: 8}
	for _, c := range []struct {
		name string
		bad  []int // triggers of parts that are rejected
		good []int
		cut  time.Duration
		want string
		RejectStats
	}{
		{"one", []int{2}, nil, 0, ".......###......", RejectStats{Parts: 1, Rejected: 1}},
		{"good ones pass", []int{2}, []int{0, 6}, 0, ".......###......", RejectStats{Parts: 3, Rejected: 1, Passed: 2}},
		{"two apart", []int{0, 6}, nil, 0, ".....###...###..", RejectStats{Parts: 2, Rejected: 2}},
		{"two merge", []int{0, 2}, nil, 0, ".....#####......", RejectStats{Parts: 2, Rejected: 2, Merged: 1}},
		{"out of order", []int{4, 0}, nil, 0, ".....###.###....", RejectStats{Parts: 2, Rejected: 2}},
		// The third part comes when the output was just cut: a pulse of its own.
		{"cut", []int{0, 2, 4}, nil, 4 * ms, ".....#######....", RejectStats{Parts: 3, Rejected: 3, Merged: 1, Cut: 1}},
	} {
		o.LongestOn = c.cut
		s := schedule(t, o)
		for _, at := range c.bad {
			trigger(t, s, time.Duration(at)*ms, true)
		}
		for _, at := range c.good {
			trigger(t, s, time.Duration(at)*ms, false)
		}
		got := levels(s, len(c.want))
		if got != c.want || s.Stats != c.RejectStats {
			t.Errorf("%s: output %s, %+v; want %s, %+v", c.name, got, s.Stats, c.want, c.RejectStats)
		}
	}
}

func TestPartWithoutVerdictTakesTheDefault(t *testing.T) {
	for _, passes := range []bool{false, true} {
		s := schedule(t, RejectOptions{Delay: 5 * ms, Pulse: 3 * ms, Parts: 8, PassLate: passes})
		id, err := s.Trigger(0)
		if err != nil {
			t.Fatal(err)
		}
		if on := s.Advance(5*ms, 0); on == passes {
			t.Errorf("late parts pass: %t; the output is %t", passes, on)
		}
		if err := s.Decide(id, true); !errors.Is(err, ErrLate) {
			t.Errorf("a verdict after the part: %v, want ErrLate", err)
		}
		if s.Stats.Late != 1 || s.Stats.Rejected+s.Stats.Passed != 1 {
			t.Errorf("%+v, want one late part that is counted", s.Stats)
		}
	}
}

func TestFullQueueIsAnAlarm(t *testing.T) {
	s := schedule(t, RejectOptions{Delay: 5 * ms, Pulse: ms, Parts: 2})
	for i := range 3 {
		_, err := s.Trigger(int64(i))
		if full := errors.Is(err, ErrFull); full != (i == 2) {
			t.Errorf("part %d: %v", i, err)
		}
	}
	if s.Stats.Overflow != 1 || s.Waiting() != 2 {
		t.Errorf("%+v and %d waiting, want 1 overflow and 2 waiting", s.Stats, s.Waiting())
	}
}

// By the encoder a part waits as long as the belt stands, and the pulse is still a time.
func TestEncoderDrivesTheQueue(t *testing.T) {
	s := schedule(t, RejectOptions{Counts: 100, Pulse: 3 * ms, Parts: 2})
	trigger(t, s, 1000, true) // position 1000
	for _, c := range []struct {
		now   time.Duration
		count int64
		on    bool
	}{{0, 1000, false}, {time.Hour, 1099, false}, {time.Hour + ms, 1100, true}, {time.Hour + 3*ms, 1100, true}, {time.Hour + 4*ms, 1100, false}} {
		if on := s.Advance(c.now, c.count); on != c.on {
			t.Errorf("at %v, count %d the output is %t, want %t", c.now, c.count, on, c.on)
		}
	}
}

// 100,000 parts of a line with jitter, late verdicts and an overfull queue: each is rejected, passed
// or an overflow, the output is on exactly when a rejected part is at the reject point.
func TestEveryPartIsAccountedFor(t *testing.T) {
	const n = 100_000
	rng := rand.New(rand.NewPCG(3, 4))
	o := RejectOptions{Delay: 50 * ms, Pulse: 4 * ms, LongestOn: time.Minute, Parts: 8}
	s := schedule(t, o)
	type verdictAt struct {
		at  time.Duration
		id  uint64
		bad bool
	}
	var pending []verdictAt
	var now time.Duration
	var overflow, lateSeen uint64
	for range n {
		now += time.Duration(rng.Int64N(int64(15 * ms)))
		for len(pending) > 0 && pending[0].at <= now {
			v := pending[0]
			pending = pending[1:]
			s.Advance(v.at, 0)
			if err := s.Decide(v.id, v.bad); errors.Is(err, ErrLate) {
				lateSeen++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		s.Advance(now, 0)
		id, err := s.Trigger(int64(now))
		if errors.Is(err, ErrFull) {
			overflow++
			continue
		}
		think := time.Duration(rng.Int64N(int64(55 * ms)))
		at := now + think
		if len(pending) > 0 {
			at = max(at, pending[len(pending)-1].at) // one inference after the other
		}
		pending = append(pending, verdictAt{at, id, rng.IntN(10) == 0})
	}
	now += time.Second
	s.Advance(now, 0)
	for _, v := range pending {
		if err := s.Decide(v.id, v.bad); errors.Is(err, ErrLate) {
			lateSeen++
		}
	}
	st := s.Stats
	if st.Parts+st.Overflow != n || st.Rejected+st.Passed != st.Parts || st.Overflow != overflow || st.Late != lateSeen || s.Waiting() != 0 {
		t.Errorf("%+v, %d waiting; of %d parts %d overflowed and %d verdicts were late", st, s.Waiting(), n, overflow, lateSeen)
	}
	if st.Late == 0 || st.Overflow == 0 || st.Merged == 0 {
		t.Errorf("%+v: want some late, overflowing and merged, or the test shows nothing", st)
	}
}

func TestRejectOptionsAreChecked(t *testing.T) {
	good := RejectOptions{Delay: ms, Pulse: ms, Parts: 1}
	for name, change := range map[string]func(*RejectOptions){
		"both delays": func(o *RejectOptions) { o.Counts = 1 },
		"no pulse":    func(o *RejectOptions) { o.Pulse = 0 },
		"short limit": func(o *RejectOptions) { o.LongestOn = 1 },
		"no room":     func(o *RejectOptions) { o.Parts = 0 },
		"negative":    func(o *RejectOptions) { o.Delay = -1 },
	} {
		o := good
		change(&o)
		if _, err := NewSchedule(o); err == nil {
			t.Errorf("%s: %+v passes", name, o)
		}
	}
}

// recorder is a pin that notes when it was switched.
type recorder struct {
	gpiotest.Pin
	mu    sync.Mutex
	times []time.Duration
}

func (r *recorder) Out(l gpio.Level) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times = append(r.times, clock.Now())
	return r.Pin.Out(l)
}

// The thread that drives the pin is never early, and ends with the pin low.
func TestRejectorDrivesThePin(t *testing.T) {
	pin := &recorder{Pin: gpiotest.Pin{N: "reject"}}
	var alarms []error
	r, err := NewRejector(pin, RejectOptions{Delay: 20 * ms, Pulse: 10 * ms, Parts: 4}, func(err error) { alarms = append(alarms, err) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := contextWithCancel(t)
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	at := clock.Now()
	id, err := r.Trigger(Edge{Time: at})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Decide(id, true); err != nil {
		t.Fatal(err)
	}
	if left := r.Drain(10 * time.Second); left != 0 {
		t.Errorf("%d parts are left", left)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(pin.times) != 4 || pin.times[1] < at+20*ms || pin.times[2] < pin.times[1]+10*ms-ms || pin.Read() != gpio.Low {
		t.Errorf("part at %v: switched at %v (low, on, off, low at the end); it ends %v", at, pin.times, pin.Read())
	}
	if s, worst := r.Stats(); s.Rejected != 1 || len(alarms) != 0 {
		t.Errorf("%+v, %v late at most, alarms %v", s, worst, alarms)
	}
}

// TestDrainHasAnEnd: a belt that stands brings no part to the reject point.
func TestDrainHasAnEnd(t *testing.T) {
	r, err := NewRejector(&gpiotest.Pin{}, RejectOptions{Counts: 100, Pulse: ms, Parts: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Trigger(Edge{}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if left := r.Drain(20 * ms); left != 1 || time.Since(began) < 20*ms {
		t.Errorf("%d parts left after %v, want 1 after 20ms", left, time.Since(began))
	}
}

func TestLateVerdictIsAnAlarm(t *testing.T) {
	var alarms []error
	r, err := NewRejector(&gpiotest.Pin{}, RejectOptions{Delay: ms, Pulse: ms, Parts: 1}, func(err error) { alarms = append(alarms, err) })
	if err != nil {
		t.Fatal(err)
	}
	id, _ := r.Trigger(Edge{Time: clock.Now() - time.Second})
	r.step()
	if err := r.Decide(id, true); !errors.Is(err, ErrLate) || len(alarms) != 1 {
		t.Errorf("%v and alarms %v, want ErrLate and one alarm", err, alarms)
	}
}
