package op

import (
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Relu is y = max(x, 0).
type Relu struct{}

// Kind is the ONNX name.
func (Relu) Kind() string { return "Relu" }

// Infer keeps the shape.
func (Relu) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnary(in) }

// Lower clips at zero.
func (Relu) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return mapLoop(e, n, m, 1, func(y, x []float32) { e.Kernels.Clip(y, x, 0, infinity) })
}

// Grad uses y rather than x, so that x need not outlive the forward pass.
func (Relu) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, ReluGrad{}, dy, n)
}

// Ties passes channels through.
func (Relu) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// InPlace may overwrite x.
func (Relu) InPlace() []int { return []int{0} }

// ReluGrad is dx = dy where y > 0, else 0.
//
//	dy, y  of one shape
type ReluGrad struct{}

// Kind is ReluGrad.
func (ReluGrad) Kind() string { return "ReluGrad" }

// Infer keeps the shape.
func (ReluGrad) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnaryGrad(in) }

// Lower masks dy by y.
func (ReluGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return zipLoop(e, n, m, 1, func(dx, dy, y []float32) { e.Kernels.ClipGrad(dx, dy, y, 0, infinity) })
}

// InPlace may overwrite dy or y.
func (ReluGrad) InPlace() []int { return []int{0, 1} }

// infinity is the bound of what is not bounded.
var infinity = float32(math.Inf(1))
