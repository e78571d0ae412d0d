package kernels

import "sync/atomic"

// share is the parts lo to hi-1 that a worker has before it, in one word, so that one instruction takes the first or the
// last: the owner goes upwards, whoever has nothing left takes from above. It fills two cache lines of its own, as workers do.
type share struct {
	span atomic.Uint64 // hi in the upper half, lo in the lower
	_    [128 - 8]byte
}

func (s *share) give(lo, hi int) { s.span.Store(uint64(hi)<<32 | uint64(lo)) }

func span(v uint64) (lo, hi uint64) { return v & (1<<32 - 1), v >> 32 }

// done reports whether all parts are taken.
func (s *share) done() bool {
	lo, hi := span(s.span.Load())
	return lo >= hi
}

// first takes the owner's next part.
func (s *share) first() (part int, ok bool) {
	for {
		v := s.span.Load()
		lo, hi := span(v)
		if lo >= hi {
			return 0, false
		}
		if s.span.CompareAndSwap(v, v+1) {
			return int(lo), true
		}
	}
}

// last takes the part that the owner would come to last.
func (s *share) last() (part int, ok bool) {
	for {
		v := s.span.Load()
		lo, hi := span(v)
		if lo >= hi {
			return 0, false
		}
		if s.span.CompareAndSwap(v, v-1<<32) {
			return int(hi) - 1, true
		}
	}
}

// take is the next part of a worker of this Run: of its own share, else of the next one that has any.
func (p *Pool) take(worker int) (part int, ok bool) {
	if part, ok = p.shares[worker].first(); ok {
		return part, true
	}
	for i := 1; i < p.active; i++ {
		if part, ok = p.shares[(worker+i)%p.active].last(); ok {
			return part, true
		}
	}
	return 0, false
}
