package op

import (
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Log is y = ln x, minus infinity at 0.
type Log struct{}

// logWeight is the cost of a logarithm in floats added.
const logWeight = 16

// Kind is the ONNX name.
func (Log) Kind() string { return "Log" }

// Infer keeps the shape.
func (Log) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnary(in) }

// Lower computes element by element.
func (Log) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return mapLoop(e, n, m, logWeight, func(y, x []float32) {
		for i, v := range x {
			y[i] = float32(math.Log(float64(v)))
		}
	})
}

// Grad is dy/x.
func (Log) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, Div{}, dy, n.In[0])
}

// Ties passes channels through.
func (Log) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// InPlace may overwrite x.
func (Log) InPlace() []int { return []int{0} }
