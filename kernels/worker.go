package kernels

import (
	"sync/atomic"
	"time"
)

// worker is what the caller and one worker share. It fills two cache lines of its own: the
// prefetcher of x86 fetches lines in pairs.
type worker struct {
	state atomic.Int32
	wake  chan struct{}
	_     [128 - 16]byte
}

// The states of a worker. One that is called and has not begun may find itself idle again: the others have done its parts.
const (
	idle int32 = iota
	called
	working
	asleep
	closing
)

// work is the life of a worker.
func (p *Pool) work(id int) {
	w, alive := &p.workers[id-1], false
	defer func() {
		if alive { // a body called runtime.Goexit: the next goroutine takes over
			p.finish(w)
			go p.work(id)
			return
		}
		p.exited.Done()
	}()
	for p.next(w) {
		alive = true
		p.part(id)
		p.finish(w)
		alive = false
	}
}

// next waits until the worker is called and reports whether it was, or else the pool closes.
func (p *Pool) next(w *worker) bool {
	for {
		p.await(func() bool { return w.state.Load() != idle })
		slept := w.state.CompareAndSwap(idle, asleep)
		if slept {
			<-w.wake
		}
		if w.state.CompareAndSwap(called, working) {
			if !slept && time.Since(start)-p.forked > p.patient {
				p.late.Store(true)
			}
			return true
		}
		if w.state.Load() == closing {
			return false
		}
	}
}

// finish makes the worker ready for the next Run before it tells the caller.
func (p *Pool) finish(w *worker) {
	w.state.Store(idle)
	if p.left.Add(-1) == 0 {
		p.done <- struct{}{}
	}
}
