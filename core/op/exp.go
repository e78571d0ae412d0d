package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Exp is y = eˣ.
type Exp struct{}

// Kind is the ONNX name.
func (Exp) Kind() string { return "Exp" }

// Infer keeps the shape.
func (Exp) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnary(in) }

// Lower computes element by element.
func (Exp) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return mapLoop(e, n, m, expWeight, func(y, x []float32) { e.Kernels.Exp(y, x, 0) })
}

// Grad is dy·y: y is its own derivative.
func (Exp) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, Mul{}, dy, n)
}

// Ties passes channels through.
func (Exp) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// InPlace may overwrite x.
func (Exp) InPlace() []int { return []int{0} }
