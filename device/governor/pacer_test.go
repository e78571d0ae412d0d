package governor

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secateur/secateur/device/boardtest"
)

// TestPacer: work that is done in pieces of 50 ms takes the share of the time that the rung says, with the clock of the test.
func TestPacer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		flicker := 0
		p := Start(ctx, Limits{Threads: 2, Celsius: 74}, func() Reading { flicker ^= 1; return Reading{Celsius: 50 + 0.5*float64(flicker)} }, nil)
		for _, r := range []Rung{{2, 1}, {1, 1}, {1, 0.75}, {1, 0.5}, {1, 0.25}} {
			p.set(r)
			begun, worked := time.Now(), time.Duration(0)
			for time.Since(begun) < time.Minute {
				if n := p.Threads(); n != r.Threads {
					t.Fatalf("%+v: %d threads", r, n)
				}
				time.Sleep(50 * time.Millisecond)
				worked += 50 * time.Millisecond
			}
			if got := worked.Seconds() / time.Since(begun).Seconds(); got < r.Duty-0.02 || got > r.Duty+0.02 {
				t.Errorf("%+v: worked %.3f of the time", r, got)
			}
		}
		cancel()
		synctest.Wait()
	})
}

// TestPause: a pause lasts until the rung changes or the context ends.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var heat, changes atomic.Int64 // tenths of a degree
		heat.Store(900)
		p := Start(ctx, Limits{Threads: 1, Celsius: 74}, func() Reading { return Reading{Celsius: float64(heat.Add(1)) / 10} }, func(Rung, Reading) { changes.Add(1) })
		time.Sleep(time.Minute)
		synctest.Wait()
		if p.rung.Duty != 0 || changes.Load() != 4 {
			t.Fatalf("at %d tenths °C: %+v after %d changes", heat.Load(), p.rung, changes.Load())
		}
		begun := time.Now()
		go func() { time.Sleep(10 * time.Minute); heat.Store(400) }()
		p.Threads()
		if d := time.Since(begun); d < 10*time.Minute || d > 11*time.Minute {
			t.Errorf("the pause took %v", d)
		}
		heat.Store(900)
		time.Sleep(time.Minute)
		begun = time.Now()
		go func() { time.Sleep(time.Second); cancel() }()
		p.Threads()
		if d := time.Since(begun); d != time.Second {
			t.Errorf("after the end of the context the pause took %v", d)
		}
		synctest.Wait()
	})
}

// TestForBox: limits and readings of recorded boards.
func TestForBox(t *testing.T) {
	for name, want := range map[string]struct {
		limit float64
		r     Reading
	}{
		"raspberrypi-4":  {74, Reading{Celsius: 61.832, LowPower: true}},
		"raspberrypi-5":  {74, Reading{Celsius: 56.2}},
		"jetson-nano":    {91, Reading{Celsius: 43.5}},
		"jetson-orin-nx": {93, Reading{Celsius: 48.5, LowPower: true}},
	} {
		l, read, ok := ForBox(boardtest.Root(t, name), 4, DefaultBound())
		if !ok || l != (Limits{4, want.limit}) || read() != want.r {
			t.Errorf("%s: %+v, %+v, %v; want %+v", name, l, read(), ok, want)
		}
	}
	root := boardtest.Root(t, "raspberrypi-5")
	_, read, _ := ForBox(root, 4, DefaultBound())
	boardtest.Remove(t, root, "sys/class/thermal")
	if r := read(); !r.Lost {
		t.Errorf("without its sensor: %+v", r)
	}
	if _, _, ok := ForBox(root, 4, DefaultBound()); ok {
		t.Error("a box that never had a sensor is governed")
	}
}
