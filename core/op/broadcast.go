package op

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// What Add, Mul and the others of two operands share. Shapes meet by numpy's rule: axes are
// matched from the last one, and an axis that is missing or has length 1 is repeated.

// dimAt is the length of an axis of s as if s had rank r: 1 for the axes in front of s.
func dimAt(s tensor.Shape, r, axis int) int {
	if axis -= r - len(s); axis >= 0 {
		return s[axis]
	}
	return 1
}

// inferBinary is the shape that two operands meet in.
func inferBinary(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 {
		return nil, fmt.Errorf("%d inputs, want two", len(in))
	}
	r := max(len(in[0]), len(in[1]))
	out := make(tensor.Shape, r)
	for i := range out {
		a, b := dimAt(in[0], r, i), dimAt(in[1], r, i)
		if a != b && a != 1 && b != 1 {
			return nil, fmt.Errorf("inputs %v and %v do not go together: axis %d from the end is %d and %d", in[0], in[1], r-i, a, b)
		}
		out[i] = max(a, b)
	}
	return out, nil
}

// meeting is how two shapes meet, neighbouring axes that behave alike taken as one.
type meeting struct {
	dims []int
	a, b []int // strides in floats, 0 where the operand is repeated
}

// meet is the meeting of two shapes that inferBinary accepted.
func meet(a, b tensor.Shape) meeting {
	r := max(len(a), len(b))
	var m meeting
	for i := range r {
		da, db := dimAt(a, r, i), dimAt(b, r, i)
		m.add(max(da, db), min(da, 2)-1, min(db, 2)-1)
	}
	if len(m.dims) == 0 {
		m.dims, m.a, m.b = []int{1}, []int{1}, []int{1}
	}
	setStrides(m.dims, m.a)
	setStrides(m.dims, m.b)
	return m
}

// add appends an axis; a and b are 0 where the operand is repeated, else 1.
func (m *meeting) add(dim, a, b int) {
	last := len(m.dims) - 1
	switch {
	case dim == 1:
	case last >= 0 && m.a[last] == a && m.b[last] == b:
		m.dims[last] *= dim
	default:
		m.dims, m.a, m.b = append(m.dims, dim), append(m.a, a), append(m.b, b)
	}
}

// setStrides makes strides of the flags.
func setStrides(dims, s []int) {
	step := 1
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] != 0 {
			s[i], step = step, step*dims[i]
		}
	}
}

// inner is the length of the last axis, rows the number of times that it runs.
func (m meeting) inner() int { return m.dims[len(m.dims)-1] }

func (m meeting) rows() int {
	return tensor.Shape(m.dims[:len(m.dims)-1]).Elems()
}

// at is where a row begins in both operands.
func (m meeting) at(row int) (a, b int) {
	for i := len(m.dims) - 2; i >= 0; i-- {
		j := row % m.dims[i]
		row /= m.dims[i]
		a, b = a+j*m.a[i], b+j*m.b[i]
	}
	return a, b
}

// addsRow reports whether b is one row, repeated for a block of rows of a.
func (m meeting) addsRow() bool {
	k := len(m.dims) - 1
	return k > 0 && m.a[k] == 1 && m.b[k] == 1 && m.a[k-1] != 0 && m.b[k-1] == 0
}

// pairwise is the inner loops of an op of two operands.
type pairwise struct {
	both  func(y, a, b []float32)
	right func(y, a []float32, s float32) // b is one value
	left  func(y []float32, s float32, b []float32)
	row   func(y, a, b []float32) // b is one row for all rows of a; nil: both, row by row
}

// lower picks the loop for the shapes of n.
func (o pairwise) lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	w := meet(n.In[0].Shape, n.In[1].Shape)
	inner := w.inner()
	run := o.rows(w)
	if len(w.dims) == 1 {
		a, b := w.a[0], w.b[0]
		return graph.Loop{Run: inPieces(e, inner, 1, func(lo, hi int) {
			run(m.Out[lo:hi], m.In[0][lo*a:], m.In[1][lo*b:], 0, 1, hi-lo)
		})}
	}
	return graph.Loop{Run: inPieces(e, w.rows(), inner, func(lo, hi int) {
		run(m.Out[lo*inner:hi*inner], m.In[0], m.In[1], lo, hi, inner)
	})}
}

// rows is the loop over rows lo..hi-1 of n floats each; y begins at row lo.
func (o pairwise) rows(w meeting) func(y, a, b []float32, lo, hi, n int) {
	if o.row != nil && w.addsRow() {
		return o.blocks(w)
	}
	one := o.one(w)
	return func(y, a, b []float32, lo, hi, n int) {
		for r := lo; r < hi; r++ {
			i, j := w.at(r)
			one(y[(r-lo)*n:(r-lo+1)*n], a[i:], b[j:])
		}
	}
}

// blocks hands all rows that share a row of b to the kernel at once.
func (o pairwise) blocks(w meeting) func(y, a, b []float32, lo, hi, n int) {
	block := w.dims[len(w.dims)-2]
	return func(y, a, b []float32, lo, hi, n int) {
		for r := lo; r < hi; {
			end := min(hi, (r/block+1)*block)
			i, j := w.at(r)
			size := (end - r) * n
			o.row(y[:size], a[i:i+size], b[j:j+n])
			y, r = y[size:], end
		}
	}
}

// one is the loop of one row.
func (o pairwise) one(w meeting) func(y, a, b []float32) {
	k := len(w.dims) - 1
	switch {
	case w.a[k] == 0:
		return func(y, a, b []float32) { o.left(y, a[0], b[:len(y)]) }
	case w.b[k] == 0:
		return func(y, a, b []float32) { o.right(y, a[:len(y)], b[0]) }
	}
	return func(y, a, b []float32) { o.both(y, a[:len(y)], b[:len(y)]) }
}

// commuting is an op for which a and b may change places: b is the one that is repeated.
func (o pairwise) commuting(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	o.left = func(y []float32, s float32, b []float32) { o.right(y, b, s) }
	w := meet(n.In[1].Shape, n.In[0].Shape)
	if !w.addsRow() {
		return o.lower(e, n, m)
	}
	turned := &graph.Node{Shape: n.Shape, In: []*graph.Node{n.In[1], n.In[0]}}
	swapped := &graph.Mem{In: make([][]float32, 2)}
	loop := o.lower(e, turned, swapped)
	return graph.Loop{Run: func() {
		swapped.Out, swapped.In[0], swapped.In[1] = m.Out, m.In[1], m.In[0]
		loop.Run()
	}}
}

// binaryTies ties the channels of both operands to the output's, where they are not repeated;
// a repeated axis stays as it is.
func binaryTies(n *graph.Node) graph.Ties {
	var t graph.Ties
	for port := range 2 {
		s := n.In[port].Shape
		switch {
		case len(s) == 0:
		case s.Channels() == n.Shape.Channels():
			t.Links = append(t.Links, graph.Same(channelEnd(n, graph.Out), channelEnd(n, port)))
		default:
			t.Locks = append(t.Locks, channelEnd(n, port))
		}
	}
	return t
}

// repeated is the axes of out that an operand of shape s is repeated over, as SumTo takes them.
func repeated(out, s tensor.Shape) SumTo {
	var axes []int
	for i, d := range out {
		if d > 1 && dimAt(s, len(out), i) == 1 {
			axes = append(axes, i)
		}
	}
	return SumTo{Axes: axes, Drop: len(out) - len(s)}
}

// sumBack is d summed to the shape of an operand that was repeated: d itself if it was not.
func sumBack(g *graph.Graph, name string, d *graph.Node, to tensor.Shape) *graph.Node {
	if d.Shape.Equal(to) {
		return d
	}
	return g.Add(name, repeated(d.Shape, to), d)
}

// productBack is Σ d·x summed to the shape of an operand.
func productBack(g *graph.Graph, name string, d, x *graph.Node, to tensor.Shape) *graph.Node {
	if !d.Shape.Equal(to) && d.Shape.Equal(x.Shape) {
		return g.Add(name, repeated(d.Shape, to), d, x)
	}
	return sumBack(g, name, g.Add(name, Mul{}, d, x), to)
}

// noneWanted reports whether nothing is wanted.
func noneWanted(want []bool) bool { return !slices.Contains(want, true) }
