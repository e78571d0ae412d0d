package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Div is y = a/b, with broadcasting.
type Div struct{}

// Kind is the ONNX name.
func (Div) Kind() string { return "Div" }

// Infer is the shape that both meet in.
func (Div) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferBinary(in) }

// Lower divides row by row where one operand is repeated.
func (Div) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return pairwise{both: e.Kernels.Div, right: divValue, left: divInto}.lower(e, n, m)
}

// Grad is da = dy/b and db = -y·dy/b, summed over what was repeated.
func (Div) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, 2)
	if noneWanted(want) {
		return grads
	}
	q := g.Add(n.Name+".dy", Div{}, dy, n.In[1])
	if want[0] {
		grads[0] = sumBack(g, n.Name+".da", q, n.In[0].Shape)
	}
	if want[1] {
		grads[1] = g.Add(n.Name+".db", Neg{}, productBack(g, n.Name+".db.sum", q, n, n.In[1].Shape))
	}
	return grads
}

// Ties ties the channels of both operands.
func (Div) Ties(n *graph.Node) graph.Ties { return binaryTies(n) }

// InPlace may overwrite either operand.
func (Div) InPlace() []int { return []int{0, 1} }

func divValue(y, a []float32, s float32) {
	for i, v := range a {
		y[i] = v / s
	}
}

func divInto(y []float32, s float32, b []float32) {
	for i, v := range b {
		y[i] = s / v
	}
}
