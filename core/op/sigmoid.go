package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Sigmoid is y = 1/(1+e⁻ˣ).
type Sigmoid struct{}

// Kind is the ONNX name.
func (Sigmoid) Kind() string { return "Sigmoid" }

// Infer keeps the shape.
func (Sigmoid) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnary(in) }

// Lower computes element by element.
func (Sigmoid) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return mapLoop(e, n, m, expWeight, e.Kernels.Sigmoid)
}

// Grad uses y rather than x, so that x need not outlive the forward pass.
func (Sigmoid) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, SigmoidGrad{}, dy, n)
}

// Ties passes channels through.
func (Sigmoid) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// InPlace may overwrite x.
func (Sigmoid) InPlace() []int { return []int{0} }

// SigmoidGrad is dx = dy·y·(1-y).
//
//	dy, y  of one shape
type SigmoidGrad struct{}

// Kind is SigmoidGrad.
func (SigmoidGrad) Kind() string { return "SigmoidGrad" }

// Infer keeps the shape.
func (SigmoidGrad) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnaryGrad(in) }

// Lower computes element by element.
func (SigmoidGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return zipLoop(e, n, m, 1, e.Kernels.SigmoidGrad)
}

// InPlace may overwrite dy or y.
func (SigmoidGrad) InPlace() []int { return []int{0, 1} }
