package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// maxPartialSums bounds the pieces of a sum: each needs a result of its own.
const maxPartialSums = 16

// SumTo is the sum of x, or of x·z, over Axes, which keep length 1; then the first Drop axes,
// all of length 1 by now, go. It is the gradient of an operand that was repeated.
//
//	x, z  of one shape
type SumTo struct {
	Axes []int // ascending
	Drop int
}

// Kind is SumTo.
func (SumTo) Kind() string { return "SumTo" }

// Early lets what it sums go.
func (SumTo) Early() bool { return true }

// Infer removes what is summed.
func (s SumTo) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 && (len(in) != 2 || !in[0].Equal(in[1])) {
		return nil, fmt.Errorf("inputs %v, want one or two of one shape", in)
	}
	out := in[0].Clone()
	for i, a := range s.Axes {
		if a < 0 || a >= len(out) || i > 0 && a <= s.Axes[i-1] {
			return nil, fmt.Errorf("axes %v of input %v, want them ascending", s.Axes, in[0])
		}
		out[a] = 1
	}
	if s.Drop < 0 || s.Drop > len(out) || tensor.Shape(out[:max(0, s.Drop)]).Elems() != 1 {
		return nil, fmt.Errorf("%d axes to drop from %v, want axes of length 1", s.Drop, out)
	}
	return out[s.Drop:], nil
}

// Lower gives pieces of the first axis to the workers: each makes a part of the output where that
// axis is kept; where it is summed, pieces are summed side by side and added up in order.
func (s SumTo) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	r := newReduction(e.Kernels, n.In[0].Shape, s.Axes)
	weight := n.In[0].Shape.Elems() / r.dims[0]
	parts, out := pieces(r.dims[0], weight), n.Shape.Elems()
	if r.keep[0] {
		return graph.Loop{Run: inPieces(e, r.dims[0], weight, func(lo, hi int) {
			x, z := operands(m, lo*weight, hi*weight)
			y := m.Out[lo*r.out[0] : hi*r.out[0]]
			clear(y)
			r.add(y, x, z, 0, hi-lo)
		})}
	}
	parts = min(parts, maxPartialSums)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(r.dims[0], parts, part)
		x, z := operands(m, lo*weight, hi*weight)
		y := m.Scratch[part*out : (part+1)*out]
		clear(y)
		r.add(y, x, z, 0, hi-lo)
	}
	return graph.Loop{Scratch: parts * out, Run: func() {
		e.Pool.Run(parts, body)
		addPartials(e, m.Out, m.Scratch, parts)
	}}
}

// addPartials is the sum of the partial results, in order.
func addPartials(e *graph.Env, y, partial []float32, parts int) {
	copy(y, partial)
	for p := 1; p < parts; p++ {
		e.Kernels.Add(y, y, partial[p*len(y):(p+1)*len(y)])
	}
}

// operands is a stretch of x and of z, nil where there is no z.
func operands(m *graph.Mem, lo, hi int) (x, z []float32) {
	if len(m.In) == 2 {
		z = m.In[1][lo:hi]
	}
	return m.In[0][lo:hi], z
}

// reduction is the axes of a sum, neighbours that are both kept or both summed taken as one.
type reduction struct {
	k    kernels.Set
	dims []int
	keep []bool
	in   []int // floats of x in one step of the axis
	out  []int // floats of y in one step of the axis
}

func newReduction(k kernels.Set, s tensor.Shape, axes []int) *reduction {
	r := &reduction{k: k}
	summed := make([]bool, len(s))
	for _, a := range axes {
		summed[a] = true
	}
	for i, d := range s {
		r.axis(d, !summed[i])
	}
	if len(r.dims) == 0 {
		r.axis(1, true)
	}
	r.in, r.out = make([]int, len(r.dims)), make([]int, len(r.dims))
	in, out := 1, 1
	for i := len(r.dims) - 1; i >= 0; i-- {
		r.in[i], r.out[i] = in, out
		in *= r.dims[i]
		if r.keep[i] {
			out *= r.dims[i]
		}
	}
	return r
}

func (r *reduction) axis(d int, keep bool) {
	last := len(r.dims) - 1
	if last >= 0 && r.keep[last] == keep {
		r.dims[last] *= d
		return
	}
	r.dims, r.keep = append(r.dims, d), append(r.keep, keep)
}

// add adds to y the sum of x, or of x·z, over n steps of an axis and all axes behind it.
func (r *reduction) add(y, x, z []float32, axis, n int) {
	behind := len(r.dims) - 1 - axis
	switch {
	case behind == 0:
		r.addLast(y, x, z, r.keep[axis])
	case behind == 1 && r.keep[axis+1]:
		r.addRows(y, x, z)
	default:
		for i := range n {
			lo, hi := i*r.in[axis], (i+1)*r.in[axis]
			to := y
			if r.keep[axis] {
				to = y[i*r.out[axis] : (i+1)*r.out[axis]]
			}
			r.add(to, x[lo:hi], within(z, lo, hi), axis+1, r.dims[axis+1])
		}
	}
}

// addRows adds the rows of x to the one row y.
func (r *reduction) addRows(y, x, z []float32) {
	if z == nil {
		r.k.ColSum(y, x)
	} else {
		r.k.ColDot(y, x, z)
	}
}

// addLast adds x to y, element by element or as one sum.
func (r *reduction) addLast(y, x, z []float32, keep bool) {
	switch {
	case keep && z == nil:
		r.k.Add(y, y, x)
	case keep:
		r.k.MulAdd(y, x, z)
	case z == nil:
		y[0] += float32(r.k.Sum(x))
	default:
		y[0] += float32(r.k.Dot(x, z))
	}
}

func within(z []float32, lo, hi int) []float32 {
	if z == nil {
		return nil
	}
	return z[lo:hi]
}
