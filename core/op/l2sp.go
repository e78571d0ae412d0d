package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// L2SP is ½‖w-w0‖², the pull of fine-tuned weights towards the pretrained ones (Li et al.,
// ICML 2018).
//
//	w, w0  same shape
//	y      1
type L2SP struct{}

// Kind is L2SP.
func (L2SP) Kind() string { return "L2SP" }

// Infer is one element.
func (L2SP) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("inputs %v, want w and w0 of one shape", in)
	}
	return tensor.Shape{1}, nil
}

// Lower sums in float64, by fixed parts that are added in order.
func (L2SP) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	elems := n.In[0].Shape.Elems()
	sums := make([]float64, sumParts(elems))
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(elems, len(sums), part)
		sums[part] = l2spSum(m.In[0][lo:hi], m.In[1][lo:hi])
	}
	return graph.Loop{Run: func() {
		e.Pool.Run(len(sums), body)
		total := 0.0
		for _, s := range sums {
			total += s
		}
		m.Out[0] = float32(total / 2)
	}}
}

// l2spSum is ‖w-w0‖².
func l2spSum(w, w0 []float32) (sum float64) {
	for i, v := range w {
		d := float64(v) - float64(w0[i])
		sum += d * d
	}
	return sum
}

// Grad is (w-w0)·dy, and its opposite for w0.
func (L2SP) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, 2)
	if want[0] {
		grads[0] = g.Add(n.Name+".dw", L2SPGrad{}, n.In[0], n.In[1], dy)
	}
	if want[1] {
		grads[1] = g.Add(n.Name+".dw0", L2SPGrad{}, n.In[1], n.In[0], dy)
	}
	return grads
}

// L2SPGrad is (a-b)·dy.
//
//	a, b  same shape
//	dy    1
type L2SPGrad struct{}

// Kind is L2SPGrad.
func (L2SPGrad) Kind() string { return "L2SPGrad" }

// Infer is the shape of a.
func (L2SPGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 3 || !in[0].Equal(in[1]) || !in[2].Equal(tensor.Shape{1}) {
		return nil, fmt.Errorf("inputs %v, want a and b of one shape and dy of one element", in)
	}
	return in[0].Clone(), nil
}

// Lower is two passes over each part of the output.
func (L2SPGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	elems := n.Shape.Elems()
	parts := sumParts(elems)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(elems, parts, part)
		y := m.Out[lo:hi]
		e.Kernels.Sub(y, m.In[0][lo:hi], m.In[1][lo:hi])
		e.Kernels.Scale(y, m.In[2][0], y)
	}
	return graph.Loop{Run: func() { e.Pool.Run(parts, body) }}
}
