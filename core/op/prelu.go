package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// PRelu is y = x where x > 0, else slope·x (He et al. 2015, eq. 1).
//
//	x      N×…×C
//	slope  C values, or one for all channels
type PRelu struct{}

// Kind is the ONNX name.
func (PRelu) Kind() string { return "PRelu" }

// Infer keeps the shape of x.
func (PRelu) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 {
		return nil, fmt.Errorf("%d inputs, want x and slope", len(in))
	}
	if err := checkSlope(in[0], in[1]); err != nil {
		return nil, err
	}
	return in[0].Clone(), nil
}

// checkSlope wants a slope for each channel of x in the last axis, or one value.
func checkSlope(x, slope tensor.Shape) error {
	if k := slope.Elems(); k != 1 && (k != x.Channels() || k != slope.Channels()) {
		return fmt.Errorf("slope %v for input %v, want %d values or one", slope, x, x.Channels())
	}
	return nil
}

// Lower computes row by row.
func (PRelu) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return slopeLoop(e, n, m, 0, 1)
}

// Grad needs x: a negative slope hides its sign in y.
func (PRelu) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := gradOfFirst(g, n, want, PReluGrad{}, dy, n.In[0], n.In[1])
	if want[1] {
		grads[1] = g.Add(n.Name+".dslope", PReluSlopeGrad{Dims: n.In[1].Shape}, dy, n.In[0])
	}
	return grads
}

// Ties ties the slopes to the channels.
func (PRelu) Ties(n *graph.Node) graph.Ties {
	t := channelTies(n)
	if s := n.In[1].Shape; len(s) > 0 && s.Channels() == n.Shape.Channels() {
		t.Links = append(t.Links, graph.Same(channelEnd(n, graph.Out), channelEnd(n, 1)))
	}
	return t
}

// InPlace may overwrite x.
func (PRelu) InPlace() []int { return []int{0} }

// PReluGrad is dx = dy where x > 0, else slope·dy.
//
//	dy, x  N×…×C
//	slope  C values, or one
type PReluGrad struct{}

// Kind is PReluGrad.
func (PReluGrad) Kind() string { return "PReluGrad" }

// Infer keeps the shape of dy.
func (PReluGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 3 || !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("inputs %v, want dy, x of one shape and slope", in)
	}
	if err := checkSlope(in[1], in[2]); err != nil {
		return nil, err
	}
	return in[0].Clone(), nil
}

// Lower computes row by row.
func (PReluGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return slopeLoop(e, n, m, 1, 2)
}

// InPlace may overwrite dy or x.
func (PReluGrad) InPlace() []int { return []int{0, 1} }

// slopeLoop is y = In[0] where In[v] > 0, else slope·In[0].
func slopeLoop(e *graph.Env, n *graph.Node, m *graph.Mem, v, slope int) graph.Loop {
	if n.In[slope].Shape.Elems() == 1 {
		return graph.Loop{Run: inPieces(e, n.Shape.Elems(), 1, func(lo, hi int) {
			e.Kernels.Leaky(m.Out[lo:hi], m.In[0][lo:hi], m.In[v][lo:hi], m.In[slope][0])
		})}
	}
	c := n.Shape.Channels()
	return graph.Loop{Run: inPieces(e, n.Shape.Rows(), c, func(lo, hi int) {
		e.Kernels.LeakyRow(m.Out[lo*c:hi*c], m.In[0][lo*c:hi*c], m.In[v][lo*c:hi*c], m.In[slope])
	})}
}

// PReluSlopeGrad is dslope = Σ dy·min(x, 0) over the rows of a channel, over all elements when
// there is one slope.
//
//	dy, x  N×…×C
//	y      Dims: C values, or one
type PReluSlopeGrad struct{ Dims []int }

// Kind is PReluSlopeGrad.
func (PReluSlopeGrad) Kind() string { return "PReluSlopeGrad" }

// Infer is the shape of the slope.
func (p PReluSlopeGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if _, err := inferUnaryGrad(in); err != nil {
		return nil, err
	}
	s := tensor.Shape(p.Dims)
	if err := s.Check(); err != nil {
		return nil, err
	}
	if err := checkSlope(in[0], s); err != nil {
		return nil, err
	}
	return s.Clone(), nil
}

// Lower sums fixed pieces of the rows side by side and adds up the pieces in order.
func (PReluSlopeGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c, k := n.In[0].Shape.Channels(), n.Shape.Elems()
	rows := n.In[0].Shape.Rows()
	parts := min(pieces(rows, 2*c), maxPartialSums)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(rows, parts, part)
		sum := m.Scratch[part*k : (part+1)*k]
		clear(sum)
		for r := lo; r < hi; r++ {
			slopeSum(sum, m.In[0][r*c:(r+1)*c], m.In[1][r*c:(r+1)*c])
		}
	}
	return graph.Loop{Scratch: parts * k, Run: func() {
		e.Pool.Run(parts, body)
		addPartials(e, m.Out, m.Scratch, parts)
	}}
}

// slopeSum adds dy·min(x, 0) to sum, channel by channel or all to one value.
func slopeSum(sum, dy, x []float32) {
	step := 1
	if len(sum) == 1 {
		step = 0
	}
	for i, v := range x {
		sum[i*step] += dy[i] * min(v, 0)
	}
}
