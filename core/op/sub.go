package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Sub is y = a - b, with broadcasting.
type Sub struct{}

// Kind is the ONNX name.
func (Sub) Kind() string { return "Sub" }

// Infer is the shape that both meet in.
func (Sub) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferBinary(in) }

// Lower subtracts row by row where one operand is repeated.
func (Sub) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return pairwise{both: e.Kernels.Sub, right: subValue, left: subFrom}.lower(e, n, m)
}

// Grad hands dy to a and -dy to b, summed over what was repeated.
func (Sub) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, 2)
	if want[0] {
		grads[0] = sumBack(g, n.Name+".da", dy, n.In[0].Shape)
	}
	if want[1] {
		grads[1] = g.Add(n.Name+".db", Neg{}, sumBack(g, n.Name+".db.sum", dy, n.In[1].Shape))
	}
	return grads
}

// Ties ties the channels of both operands.
func (Sub) Ties(n *graph.Node) graph.Ties { return binaryTies(n) }

// InPlace may overwrite either operand.
func (Sub) InPlace() []int { return []int{0, 1} }

func subValue(y, a []float32, s float32) {
	for i, v := range a {
		y[i] = v - s
	}
}

func subFrom(y []float32, s float32, b []float32) {
	for i, v := range b {
		y[i] = s - v
	}
}
