package kernels

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

func TestChunk(t *testing.T) {
	for n := range 40 {
		for parts := 1; parts < 12; parts++ {
			at := 0
			for i := range parts {
				lo, hi := Chunk(n, parts, i)
				if lo != at || hi < lo || hi-lo > n/parts+1 || hi-lo < n/parts {
					t.Fatalf("Chunk(%d, %d, %d) = %d, %d after %d", n, parts, i, lo, hi, at)
				}
				at = hi
			}
			if at != n {
				t.Fatalf("Chunk(%d, %d, ·) ends at %d", n, parts, at)
			}
		}
	}
}

func TestPoolRunsEveryPartOnce(t *testing.T) {
	for threads := 1; threads <= 5; threads++ {
		p := NewPool(threads)
		if p.Threads() != threads {
			t.Fatalf("Threads() = %d, want %d", p.Threads(), threads)
		}
		for parts := range 14 {
			for range 20 {
				checkParts(t, p, parts)
			}
		}
		p.Close()
	}
}

func checkParts(t *testing.T, p *Pool, parts int) {
	t.Helper()
	calls, by := make([]int32, parts), make([]int32, parts)
	p.Run(parts, func(part, worker int) {
		atomic.AddInt32(&calls[part], 1)
		by[part] = int32(worker)
	})
	for i, n := range calls {
		if n != 1 || int(by[i]) >= min(parts, p.Threads()) {
			t.Fatalf("%d threads: part %d of %d ran %d times, last by worker %d", p.Threads(), i, parts, n, by[i])
		}
	}
}

// TestPoolTakes: a worker does its own parts from the first on, then those of the workers behind it from the last.
func TestPoolTakes(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	p.active = 3
	for i := range p.shares {
		p.shares[i].give(Chunk(8, 3, i)) // 0 1 2, 3 4 5, 6 7
	}
	for _, c := range []struct{ worker, part int }{{1, 3}, {2, 6}, {2, 7}, {2, 2}, {0, 0}, {2, 1}, {2, 5}, {0, 4}} {
		if part, ok := p.take(c.worker); !ok || part != c.part {
			t.Fatalf("worker %d takes part %d, %v, want %d", c.worker, part, ok, c.part)
		}
	}
	for w := range p.shares {
		if part, ok := p.take(w); ok || !p.shares[w].done() {
			t.Errorf("worker %d takes part %d of none", w, part)
		}
	}
}

// TestPoolWaitsForNobody: whoever is held up in a part has the others do the rest of its share.
func TestPoolWaitsForNobody(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for held := range 12 {
		var others atomic.Int32
		p.Run(12, func(part, _ int) {
			if part != held {
				others.Add(1)
				return
			}
			for end := time.Now().Add(10 * time.Second); others.Load() < 11; runtime.Gosched() {
				if time.Now().After(end) {
					t.Errorf("part %d waits for %d others", held, 11-others.Load())
					return
				}
			}
		})
	}
}

func TestPoolAfterSleep(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	for range 20 {
		time.Sleep(300 * time.Microsecond)
		checkParts(t, p, 7)
	}
}

// TestPoolJoinAsleep lets the caller finish long before the others.
func TestPoolJoinAsleep(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	for range 10 {
		var n atomic.Int32
		p.Run(3, func(_, worker int) {
			time.Sleep(time.Duration(worker) * time.Millisecond)
			n.Add(1)
		})
		if n.Load() != 3 {
			t.Fatalf("Run returned after %d parts of 3", n.Load())
		}
	}
}

func TestPoolOversubscribed(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p := NewPool(4)
	defer p.Close()
	for range 200 {
		checkParts(t, p, 9)
	}
}

// together is a Run in which every worker begins.
func together(p *Pool) {
	var begun atomic.Int32
	p.Run(p.Threads(), func(int, int) {
		for begun.Add(1); int(begun.Load()) < p.Threads(); {
			runtime.Gosched()
		}
	})
}

// TestPoolRests: a worker that waited awake and comes late sends everybody to sleep at once for a while, for longer each time it
// happens again, and a worker in time ends that.
func TestPoolRests(t *testing.T) {
	late, punctual := newPool(2, time.Hour, -1), newPool(2, time.Hour, time.Hour)
	defer late.Close()
	defer punctual.Close()
	for range 20 {
		together(punctual)
	}
	if r := punctual.resting.Load(); r != 0 {
		t.Errorf("a pool whose workers begin in time rests until %v", time.Duration(r))
	}
	together(late)
	if late.resting.Load() == 0 || late.pause != leastRest {
		t.Errorf("after a worker came late the pool rests for %v, want %v", late.pause, leastRest)
	}
	for range 20 {
		checkParts(t, late, 4)
	}
	for range 10 {
		late.late.Store(true)
		late.rest()
	}
	if late.pause != mostRest {
		t.Errorf("after ten late workers the pool rests for %v, want %v", late.pause, mostRest)
	}
	late.resting.Store(-1)
	if late.rest(); late.pause != 0 {
		t.Errorf("after a rest without a late worker the next one would be %v, want 0", late.pause)
	}
}

// TestPoolSleepersAreNotLate: waking takes as long as it takes.
func TestPoolSleepersAreNotLate(t *testing.T) {
	p := newPool(2, 0, -1) // which never waits awake
	defer p.Close()
	for range 20 {
		for p.workers[0].state.Load() != asleep {
			runtime.Gosched()
		}
		together(p)
	}
	if r := p.resting.Load(); r != 0 {
		t.Errorf("the pool rests until %v", time.Duration(r))
	}
}

func TestPoolOneAfterAnother(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	var inside, ran atomic.Int32
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 50 {
				p.Run(2, func(int, int) {
					if inside.Add(1) > 2 {
						t.Error("two Runs at a time")
					}
					ran.Add(1)
					inside.Add(-1)
				})
			}
		}()
	}
	for range 4 {
		<-done
	}
	if ran.Load() != 400 {
		t.Errorf("%d parts ran, want 400", ran.Load())
	}
}

func TestPoolPanics(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	for bad := range 3 {
		got := panicOf(func() {
			p.Run(3, func(part, _ int) {
				if part == bad {
					panic(part)
				}
			})
		})
		if got != bad {
			t.Errorf("Run raised %v, want the %d of the body", got, bad)
		}
		checkParts(t, p, 5)
	}
}

func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

func TestPoolSurvivesGoexit(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for bad := range 2 {
		ended := make(chan any)
		go func() {
			var v any
			defer func() { ended <- v }()
			v = panicOf(func() {
				var begun atomic.Int32
				p.Run(2, func(_, worker int) {
					for begun.Add(1); begun.Load() < 2; { // neither does both parts
						runtime.Gosched()
					}
					if worker == bad {
						runtime.Goexit()
					}
				})
			})
		}()
		if v := <-ended; bad == 1 && v == nil {
			t.Error("Run returned as if the ended body had finished")
		}
		checkParts(t, p, 5)
	}
}

func TestPoolClose(t *testing.T) {
	before := runtime.NumGoroutine()
	p := NewPool(4)
	p.Close()
	p.Close()
	for end := time.Now().Add(time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines after Close, %d before", n, before)
	}
	if panicOf(func() { p.Run(2, func(int, int) {}) }) == nil {
		t.Error("Run on a closed pool did not panic")
	}
}

func TestPoolRunAllocs(t *testing.T) {
	for _, threads := range []int{1, 2, 3} {
		p := NewPool(threads)
		body := func(part, worker int) {}
		if n := testing.AllocsPerRun(100, func() { p.Run(8, body) }); n != 0 {
			t.Errorf("%d threads: Run allocates %v times", threads, n)
		}
		p.Close()
	}
}

// TestPoolPaced: a Run asks first, and uses no more workers than it was told.
func TestPoolPaced(t *testing.T) {
	p := NewPool(4)
	defer p.Close()
	for _, limit := range []int{3, 1, 0, 2, 9, -1} {
		asked, want := 0, 4
		if limit > 0 {
			want = min(limit, 4)
		}
		p.Pace(func() int { asked++; return limit })
		var used [8]atomic.Int32
		var begun atomic.Int32
		p.Run(8, func(_, worker int) {
			if used[worker].Add(1) == 1 {
				begun.Add(1)
			}
			for begun.Load() < int32(want) { // nobody takes the parts of others before all have one
				runtime.Gosched()
			}
		})
		for w := range used {
			if (used[w].Load() > 0) != (w < want) {
				t.Errorf("limit %d: worker %d ran %d parts, want %d workers", limit, w, used[w].Load(), want)
			}
		}
		if asked != 1 {
			t.Errorf("limit %d: asked %d times", limit, asked)
		}
	}
}

func BenchmarkPoolRun(b *testing.B) {
	p := NewPool(2)
	defer p.Close()
	body := func(part, worker int) {}
	for b.Loop() {
		p.Run(2, body)
	}
}
