package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Neg is y = -x.
type Neg struct{}

// Kind is the ONNX name.
func (Neg) Kind() string { return "Neg" }

// Infer keeps the shape.
func (Neg) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnary(in) }

// Lower scales by -1.
func (Neg) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return mapLoop(e, n, m, 1, func(y, x []float32) { e.Kernels.Scale(y, -1, x) })
}

// Grad is -dy.
func (Neg) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, Neg{}, dy)
}

// Ties passes channels through.
func (Neg) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// InPlace may overwrite x.
func (Neg) InPlace() []int { return []int{0} }
