package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Min is the smaller of a and b, with broadcasting.
type Min struct{}

// Kind is the ONNX name.
func (Min) Kind() string { return "Min" }

// Infer is the shape that both meet in.
func (Min) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferBinary(in) }

// Lower compares row by row where one operand is repeated.
func (Min) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return pairwise{both: minOf, right: minValue}.commuting(e, n, m)
}

// Grad hands dy to the smaller operand, half of it to each where both are equal.
func (Min) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return chosenGrad(g, n, dy, want, n.In[1], n.In[0])
}

// Ties ties the channels of both operands.
func (Min) Ties(n *graph.Node) graph.Ties { return binaryTies(n) }

// InPlace may overwrite either operand.
func (Min) InPlace() []int { return []int{0, 1} }

func minOf(y, a, b []float32) {
	for i, v := range a {
		y[i] = min(v, b[i])
	}
}

func minValue(y, a []float32, s float32) {
	for i, v := range a {
		y[i] = min(v, s)
	}
}
