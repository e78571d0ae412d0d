package op

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// Sum is the sum of all elements.
//
//	x  any
//	y  1
type Sum struct{}

// Kind is Sum.
func (Sum) Kind() string { return "Sum" }

// Infer is one element.
func (Sum) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("%d inputs, want 1", len(in))
	}
	return tensor.Shape{1}, nil
}

// Lower sums in float64.
func (Sum) Lower(e *graph.Env, _ *graph.Node, m *graph.Mem) graph.Loop {
	return graph.Loop{Run: func() { m.Out[0] = float32(e.Kernels.Sum(m.In[0])) }}
}

// Grad needs x for its shape only: what is summed here is small.
func (Sum) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	if !want[0] {
		return []*graph.Node{nil}
	}
	return []*graph.Node{g.Add(n.Name+".dx", SumGrad{}, dy, n.In[0])}
}

// SumGrad gives dy to every element.
//
//	dy  1
//	x   any, for its shape
type SumGrad struct{}

// Kind is SumGrad.
func (SumGrad) Kind() string { return "SumGrad" }

// Infer is the shape of x.
func (SumGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || !in[0].Equal(tensor.Shape{1}) {
		return nil, fmt.Errorf("inputs %v, want dy of one element and x", in)
	}
	return in[1].Clone(), nil
}

// Lower fills.
func (SumGrad) Lower(e *graph.Env, _ *graph.Node, m *graph.Mem) graph.Loop {
	return graph.Loop{Run: func() { e.Kernels.Fill(m.Out, m.In[0][0]) }}
}

// sumChunk is the number of elements that one part of a long sum takes.
const sumChunk = 1 << 14

// sumParts is the number of parts for n elements.
func sumParts(n int) int { return max(1, min(64, n/sumChunk)) }

// AddN is the sum of tensors of one shape: where gradients meet.
type AddN struct{}

// Kind is AddN.
func (AddN) Kind() string { return "AddN" }

// InPlace lets the sum take the memory of either of the first two, which are read at once.
func (AddN) InPlace() []int { return []int{0, 1} }

// Infer wants one shape for all.
func (AddN) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("no inputs, want at least 1")
	}
	for i, s := range in {
		if !s.Equal(in[0]) {
			return nil, fmt.Errorf("input %d is %v, want %v as the first", i, s, in[0])
		}
	}
	return in[0].Clone(), nil
}

// Lower adds one input after the other, each thread on its part of the elements.
func (AddN) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	elems := n.Shape.Elems()
	parts := sumParts(elems)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(elems, parts, part)
		y, first := m.Out[lo:hi], m.In[0][lo:hi]
		if len(m.In) == 1 {
			copy(y, first)
			return
		}
		e.Kernels.Add(y, first, m.In[1][lo:hi])
		for _, x := range m.In[2:] {
			e.Kernels.Add(y, y, x[lo:hi])
		}
	}
	return graph.Loop{Run: func() { e.Pool.Run(parts, body) }}
}

// Grad is dy for every input.
func (AddN) Grad(_ *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, len(n.In))
	for i := range grads {
		if want[i] {
			grads[i] = dy
		}
	}
	return grads
}

// GradNorm is the Euclidean norm of all inputs taken together.
//
//	g1, g2, …  any shapes
//	y          1
type GradNorm struct{}

// Kind is GradNorm.
func (GradNorm) Kind() string { return "GradNorm" }

// Early: an update waits for it, and its gradient for the update.
func (GradNorm) Early() bool { return true }

// Infer is one element.
func (GradNorm) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("no inputs, want at least 1")
	}
	return tensor.Shape{1}, nil
}

// Lower sums squares by fixed pieces of the inputs and the pieces in their order.
func (GradNorm) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	type piece struct{ in, part, parts int }
	var pieces []piece
	for i, g := range n.In {
		parts := sumParts(g.Shape.Elems())
		for p := range parts {
			pieces = append(pieces, piece{i, p, parts})
		}
	}
	sums := make([]float64, len(pieces))
	body := func(part, _ int) {
		p := pieces[part]
		lo, hi := kernels.Chunk(len(m.In[p.in]), p.parts, p.part)
		sums[part] = e.Kernels.SumSq(m.In[p.in][lo:hi])
	}
	return graph.Loop{Run: func() {
		e.Pool.Run(len(pieces), body)
		total := 0.0
		for _, s := range sums {
			total += s
		}
		m.Out[0] = float32(math.Sqrt(total))
	}}
}

// ClipScale is the factor that brings gradients down to a norm of Limit,
// min(1, Limit/(norm+1e-6)) (Pascanu et al., ICML 2013; PyTorch's form). Limit 0 means no limit.
// The factor is 0 if the norm is not finite: that step is left out.
//
//	norm  1
//	y     1
type ClipScale struct{ Limit float32 }

// Kind is ClipScale.
func (ClipScale) Kind() string { return "ClipScale" }

// Early: as the norm.
func (ClipScale) Early() bool { return true }

// Infer is one element.
func (c ClipScale) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || !in[0].Equal(tensor.Shape{1}) {
		return nil, fmt.Errorf("inputs %v, want one norm", in)
	}
	if !(c.Limit >= 0) {
		return nil, fmt.Errorf("limit %g, want 0 or more", c.Limit)
	}
	return tensor.Shape{1}, nil
}

// Lower is one number.
func (c ClipScale) Lower(_ *graph.Env, _ *graph.Node, m *graph.Mem) graph.Loop {
	return graph.Loop{Run: func() { m.Out[0] = clipScale(m.In[0][0], c.Limit) }}
}

func clipScale(norm, limit float32) float32 {
	switch {
	case math.IsNaN(float64(norm)) || math.IsInf(float64(norm), 0):
		return 0
	case limit == 0:
		return 1
	}
	return min(1, limit/(norm+1e-6))
}
