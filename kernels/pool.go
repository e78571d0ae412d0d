package kernels

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Pool is a fixed number of workers that divide loops between them: one fork and join costs
// about a microsecond while the workers are awake. They stay awake for a moment after each Run
// and then sleep, so that a pool at rest takes no CPU.
type Pool struct {
	mu      sync.Mutex    // one Run at a time
	workers []worker      // all but the caller, who is worker 0
	shares  []share       // of the parts of this Run, one for each worker
	spin    time.Duration // how long everybody waits awake
	patient time.Duration // a worker that waited awake and begins later than this came late
	body    func(part, worker int)
	pace    func() int    // asked before each Run; nil: nobody
	active  int           // workers with parts in this Run, the caller among them
	left    atomic.Int32  // workers that have not finished, and one for the caller while it watches
	done    chan struct{} // the last worker to finish wakes the caller here if it went to sleep
	failed  atomic.Pointer[failure]
	closed  bool
	exited  sync.WaitGroup
	forked  time.Duration // since start: when this Run began
	late    atomic.Bool   // a waiting worker took longer than patient to begin
	resting atomic.Int64  // since start: until then nobody waits awake
	pause   time.Duration // how long the next rest is
}

// failure is what a body panicked with.
type failure struct{ value any }

// spinTime is how long a worker waits awake for the next Run: longer than a layer that one thread
// makes alone, shorter than the time slice of another process that waits for the core.
const spinTime = 100 * time.Microsecond

// A worker that waits awake begins within a microsecond, unless the host of a virtual machine or the
// system interrupts it for some dozens. One that takes much longer shares its CPU with others: waiting
// awake then only takes time from whoever it waits for, so that all sleep at once for a while: for twice
// as long each time until a worker begins in time.
const (
	lateStart = 200 * time.Microsecond
	leastRest = 500 * time.Microsecond
	mostRest  = 16 * time.Millisecond
)

// spinTurns is how often a waiting thread looks before it looks at the clock.
const spinTurns = 32

// yieldTime is how long it waits before it lets other goroutines run: that takes the lock of Go's
// scheduler, which others may hold.
const yieldTime = 20 * time.Microsecond

// start is what the times of pools count from: differences of one clock need no allocation.
var start = time.Now()

// NewPool starts a pool of that many threads, the caller of Run included; 0 means as many as
// the process may use CPUs, by affinity and the limit of the cgroup.
func NewPool(threads int) *Pool {
	cpus := cpus()
	if threads <= 0 {
		threads = cpus
	}
	if threads > cpus {
		return newPool(threads, 0, lateStart)
	}
	return newPool(threads, spinTime, lateStart)
}

func newPool(threads int, spin, patient time.Duration) *Pool {
	p := &Pool{workers: make([]worker, threads-1), shares: make([]share, threads), spin: spin, patient: patient, done: make(chan struct{}, 1)}
	p.exited.Add(len(p.workers))
	for i := range p.workers {
		p.workers[i].wake = make(chan struct{}, 1)
		go p.work(i + 1)
	}
	return p
}

// Threads is the number of workers, the caller of Run included.
func (p *Pool) Threads() int { return len(p.workers) + 1 }

// Pace has f asked before each Run from now on: it may rest for a while, and returns how many workers the Run may
// use, the caller included; less than 1 means all. Work is divided over outputs, so that neither changes a bit of
// any result. Not to be called during a Run.
func (p *Pool) Pace(f func() int) { p.pace = f }

// usable asks how many workers the next Run may use.
func (p *Pool) usable() int {
	if p.pace != nil {
		if n := p.pace(); n > 0 {
			return min(n, p.Threads())
		}
	}
	return p.Threads()
}

// Chunk is the i-th of parts contiguous pieces of 0..n-1, the first ones longer by one where n
// does not divide.
func Chunk(n, parts, i int) (lo, hi int) {
	size, more := n/parts, n%parts
	lo = i*size + min(i, more)
	hi = lo + size
	if i < more {
		hi++
	}
	return lo, hi
}

// Run calls body for part 0..parts-1 and returns when all calls have. Worker i begins with the i-th
// Chunk of the parts, in order, and takes the last parts of others when it has done its own, so that the
// slowest core is not waited for; the caller is worker 0. A panic in a body is raised again here
// after the other workers have finished. Run allocates nothing. A body must not call Run.
func (p *Pool) Run(parts int, body func(part, worker int)) {
	workers := p.usable()
	if parts <= 1 || workers == 1 {
		for i := range parts {
			body(i, 0)
		}
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		panic("kernels: Run on a closed pool")
	}
	p.fork(parts, workers, body)
	p.own()
	p.rest()
	if f := p.failed.Load(); f != nil {
		panic(f.value)
	}
}

// own is the caller's share; it waits for the others even where body ends the goroutine.
func (p *Pool) own() {
	defer p.join()
	p.part(0)
}

// rest keeps everybody from waiting awake for a while if a worker came late.
func (p *Pool) rest() {
	now := time.Since(start)
	switch {
	case p.late.Load():
		p.late.Store(false)
		p.pause = min(max(2*p.pause, leastRest), mostRest)
		p.resting.Store(int64(now + p.pause))
	case int64(now) > p.resting.Load():
		p.pause = 0
	}
}

// fork hands the parts to as many workers as there are parts for.
func (p *Pool) fork(parts, workers int, body func(part, worker int)) {
	p.body, p.active = body, min(parts, workers)
	p.forked = time.Since(start)
	p.failed.Store(nil)
	p.left.Store(int32(p.active))
	for i := range p.active {
		p.shares[i].give(Chunk(parts, p.active, i))
	}
	for i := range p.workers[:p.active-1] {
		w := &p.workers[i]
		if w.state.Swap(called) == asleep {
			w.wake <- struct{}{}
		}
	}
}

// join returns when all workers have finished: awake for a moment, then asleep.
func (p *Pool) join() {
	defer func() { p.body = nil }()
	p.dismiss()
	if p.await(func() bool { return p.left.Load() == 1 }) {
		return
	}
	if p.left.Add(-1) > 0 {
		<-p.done
	}
}

// dismiss lets the workers that have not begun go: nothing is left for them. They are not late: waking takes a while, and
// who has not slept in between is awake for the next Run.
func (p *Pool) dismiss() {
	for i := range p.workers[:p.active-1] {
		if p.shares[i+1].done() && p.workers[i].state.CompareAndSwap(called, idle) {
			p.left.Add(-1)
		}
	}
}

// part runs the caller's or a worker's parts and keeps what they panic with.
func (p *Pool) part(worker int) {
	finished := false
	defer func() {
		if v := recover(); v != nil {
			p.failed.CompareAndSwap(nil, &failure{v})
		} else if !finished {
			p.failed.CompareAndSwap(nil, &failure{"kernels: a body ended its goroutine"})
		}
	}()
	for i, ok := p.take(worker); ok; i, ok = p.take(worker) {
		p.body(i, worker)
	}
	finished = true
}

// await watches ready for the spin time and reports whether it came true. It lets other
// goroutines run in between.
func (p *Pool) await(ready func() bool) bool {
	began := time.Since(start)
	if p.spin == 0 || int64(began) < p.resting.Load() {
		return ready()
	}
	for yielded := began; ; {
		for range spinTurns {
			if ready() {
				return true
			}
			pause()
		}
		now := time.Since(start)
		if now-began > p.spin {
			return false
		}
		if now-yielded > yieldTime {
			runtime.Gosched()
			yielded = now
		}
	}
}

// Close ends the workers. Run may not be called any more.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	for i := range p.workers {
		w := &p.workers[i]
		if w.state.Swap(closing) == asleep {
			w.wake <- struct{}{}
		}
	}
	p.exited.Wait()
}
