package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// What the activations share: each element of y depends on the same element of x alone.

// expWeight is the cost of an exponential in floats added.
const expWeight = 4

// inferUnary keeps the shape of the only input.
func inferUnary(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("%d inputs, want x", len(in))
	}
	return in[0].Clone(), nil
}

// inferUnaryGrad wants dy and the x or y that the slope is read from, of one shape.
func inferUnaryGrad(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("inputs %v, want two of one shape", in)
	}
	return in[0].Clone(), nil
}

// mapLoop runs f on pieces of y and x.
func mapLoop(e *graph.Env, n *graph.Node, m *graph.Mem, weight int, f func(y, x []float32)) graph.Loop {
	return graph.Loop{Run: inPieces(e, n.Shape.Elems(), weight, func(lo, hi int) {
		f(m.Out[lo:hi], m.In[0][lo:hi])
	})}
}

// zipLoop runs f on pieces of dx, dy and v.
func zipLoop(e *graph.Env, n *graph.Node, m *graph.Mem, weight int, f func(dx, dy, v []float32)) graph.Loop {
	return graph.Loop{Run: inPieces(e, n.Shape.Elems(), weight, func(lo, hi int) {
		f(m.Out[lo:hi], m.In[0][lo:hi], m.In[1][lo:hi])
	})}
}

// gradOfFirst is what Grad returns for an op with a gradient for its first input only.
func gradOfFirst(g *graph.Graph, n *graph.Node, want []bool, op graph.Op, in ...*graph.Node) []*graph.Node {
	grads := make([]*graph.Node, len(n.In))
	if want[0] {
		grads[0] = g.Add(n.Name+".dx", op, in...)
	}
	return grads
}
