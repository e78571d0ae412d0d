package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Max is the larger of a and b, with broadcasting.
type Max struct{}

// Kind is the ONNX name.
func (Max) Kind() string { return "Max" }

// Infer is the shape that both meet in.
func (Max) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferBinary(in) }

// Lower compares row by row where one operand is repeated.
func (Max) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return pairwise{both: maxOf, right: maxValue}.commuting(e, n, m)
}

// Grad hands dy to the larger operand, half of it to each where both are equal.
func (Max) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return chosenGrad(g, n, dy, want, n.In[0], n.In[1])
}

// Ties ties the channels of both operands.
func (Max) Ties(n *graph.Node) graph.Ties { return binaryTies(n) }

// InPlace may overwrite either operand.
func (Max) InPlace() []int { return []int{0, 1} }

func maxOf(y, a, b []float32) {
	for i, v := range a {
		y[i] = max(v, b[i])
	}
}

func maxValue(y, a []float32, s float32) {
	for i, v := range a {
		y[i] = max(v, s)
	}
}

// chosenGrad is the gradient of an op that picks In[0] where p > q and In[1] where q > p.
func chosenGrad(g *graph.Graph, n, dy *graph.Node, want []bool, p, q *graph.Node) []*graph.Node {
	grads := make([]*graph.Node, 2)
	if want[0] {
		first := g.Add(n.Name+".first", Above{}, p, q)
		grads[0] = productBack(g, n.Name+".da", dy, first, n.In[0].Shape)
	}
	if want[1] {
		second := g.Add(n.Name+".second", Above{}, q, p)
		grads[1] = productBack(g, n.Name+".db", dy, second, n.In[1].Shape)
	}
	return grads
}

// Above is 1 where a > b, ½ where both are equal, 0 elsewhere, with broadcasting: the share of
// a in the gradient of max(a, b).
type Above struct{}

// Kind is Above.
func (Above) Kind() string { return "Above" }

// Infer is the shape that both meet in.
func (Above) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferBinary(in) }

// Lower compares row by row where one operand is repeated.
func (Above) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return pairwise{
		both: func(y, a, b []float32) {
			for i, v := range a {
				y[i] = share(v, b[i])
			}
		},
		right: func(y, a []float32, s float32) {
			for i, v := range a {
				y[i] = share(v, s)
			}
		},
		left: func(y []float32, s float32, b []float32) {
			for i, v := range b {
				y[i] = share(s, v)
			}
		},
	}.lower(e, n, m)
}

// share is 1 where a > b, ½ where a = b, else 0.
func share(a, b float32) float32 {
	switch {
	case a > b:
		return 1
	case a == b:
		return 0.5
	}
	return 0
}
