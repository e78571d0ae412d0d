package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Tanh is the hyperbolic tangent.
type Tanh struct{}

// Kind is the ONNX name.
func (Tanh) Kind() string { return "Tanh" }

// Infer keeps the shape.
func (Tanh) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnary(in) }

// Lower computes element by element.
func (Tanh) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return mapLoop(e, n, m, expWeight, e.Kernels.Tanh)
}

// Grad uses y rather than x, so that x need not outlive the forward pass.
func (Tanh) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, TanhGrad{}, dy, n)
}

// Ties passes channels through.
func (Tanh) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// InPlace may overwrite x.
func (Tanh) InPlace() []int { return []int{0} }

// TanhGrad is dx = dy·(1-y²).
//
//	dy, y  of one shape
type TanhGrad struct{}

// Kind is TanhGrad.
func (TanhGrad) Kind() string { return "TanhGrad" }

// Infer keeps the shape.
func (TanhGrad) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnaryGrad(in) }

// Lower computes element by element.
func (TanhGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return zipLoop(e, n, m, 1, e.Kernels.TanhGrad)
}

// InPlace may overwrite dy or y.
func (TanhGrad) InPlace() []int { return []int{0, 1} }
