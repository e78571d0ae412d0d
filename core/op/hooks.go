package op

import "github.com/secateur/secateur/core/graph"

// hooks is what a fused op does beside the work of the loop it is fused with, piece by piece while
// the piece is in the cache. Either may be nil.
type hooks struct {
	begin prologue
	dear  bool // begin takes longer than the loop: nothing is to be made twice without need
	end   epilogue
	tail  *tail // set where end does nothing but this: a loop may do it together with its bias
}

// tail is what commonly ends a layer: an input is added, 0 for none, and the sum is clipped; or
// else bend adds the bias and does what is no clipping.
type tail struct {
	add    int
	lo, hi float32
	bend   func(y []float32, ld int, b []float32, m int)
}

// ending is the end of a loop with a bias as one pass, nil where it is not.
func (h hooks) ending(bias int) *tail {
	switch {
	case bias > 0 && h.tail != nil:
		return h.tail
	case bias > 0 && h.end == nil:
		return &tail{lo: -infinity, hi: infinity}
	}
	return nil
}

// sums reports whether end may add something up over a part, which must then be the same for any number of threads.
func (h hooks) sums() bool { return h.end != nil && h.tail == nil }

// clips reports whether there is nothing but the bias and clipping.
func (t *tail) clips() bool { return t != nil && t.add == 0 && t.bend == nil }

// finish does it to rows of len(b) floats, ld apart, of y, which are from place at on of the output.
func (t *tail) finish(e *graph.Env, m *graph.Mem, y []float32, at, ld int, b []float32, rows int) {
	switch {
	case t.bend != nil:
		t.bend(y, ld, b, rows)
	case t.add > 0:
		e.Kernels.BiasAddClip(y, ld, b, m.In[t.add][at:], rows, t.lo, t.hi)
	default:
		e.Kernels.BiasClip(y, ld, b, rows, t.lo, t.hi)
	}
}

// prologue makes from whole rows of channels, floats at to at+len(dst) of the tensor that the loop
// reads as its images, what the loop takes instead of them.
type prologue func(dst []float32, at int)

// epilogue is what a loop does to floats lo to hi of its output, whole rows of channels, as soon as
// they are made. The part is that of the loop: what it covers depends on shapes alone, its pieces
// come in order, and no two workers have the same one.
type epilogue func(part, lo, hi int)

// maxParts bounds the parts of a loop that has an epilogue.
const maxParts = 64

// finisher is an op that can end the pieces of its output with an epilogue.
type finisher interface {
	graph.Op
	lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop
}

// beginner is an op that can begin with a prologue, if the shapes of its node allow.
type beginner interface {
	graph.Op
	begins(in []*graph.Node) bool
	lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop
}
