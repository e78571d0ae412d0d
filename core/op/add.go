package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Add is y = a + b, with broadcasting.
type Add struct{}

// Kind is the ONNX name.
func (Add) Kind() string { return "Add" }

// Infer is the shape that both meet in.
func (Add) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferBinary(in) }

// Lower adds row by row where one operand is repeated.
func (Add) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return pairwise{both: e.Kernels.Add, right: addValue, row: e.Kernels.AddRow}.commuting(e, n, m)
}

// Grad hands dy to both, summed over what was repeated.
func (Add) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, 2)
	for i, name := range []string{".da", ".db"} {
		if want[i] {
			grads[i] = sumBack(g, n.Name+name, dy, n.In[i].Shape)
		}
	}
	return grads
}

// Ties ties the channels of both operands.
func (Add) Ties(n *graph.Node) graph.Ties { return binaryTies(n) }

// InPlace may overwrite either operand.
func (Add) InPlace() []int { return []int{0, 1} }

func addValue(y, a []float32, s float32) {
	for i, v := range a {
		y[i] = v + s
	}
}
