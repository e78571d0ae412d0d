package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Margin is how far the logit of the true class lies above the mean of the others. Unlike the
// loss, its gradient does not die in a network that has fitted its images.
//
//	logits  N×C, C at least 2
//	target  N×C, 1 at the true class, else 0
//	y       N
type Margin struct{}

// Kind is Margin.
func (Margin) Kind() string { return "Margin" }

// Infer is N.
func (Margin) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := lossInfer(in, 2, 0); err != nil {
		return nil, err
	}
	if in[0][1] < 2 {
		return nil, fmt.Errorf("logits are %v, want at least 2 classes", in[0])
	}
	return in[0][:1].Clone(), nil
}

// marginSlope is the derivative of the margin with respect to one logit.
func marginSlope(target float32, c int) float64 {
	return float64(target) - (1-float64(target))/float64(c-1)
}

// Lower sums in float64.
func (Margin) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c := n.In[0].Shape[1]
	return graph.Loop{Run: lossRows(e, n.Shape[0], c, func(i int) {
		sum := 0.0
		for j, t := range m.In[1][i*c : (i+1)*c] {
			sum += marginSlope(t, c) * float64(m.In[0][i*c+j])
		}
		m.Out[i] = float32(sum)
	})}
}

// Grad flows to the logits only and needs the target alone.
func (Margin) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, 2)
	if want[0] {
		grads[0] = g.Add(n.Name+".dx", MarginGrad{}, n.In[1], dy)
	}
	return grads
}

// MarginGrad is dy at the true class and -dy/(C-1) at the others.
//
//	dx, target  N×C
//	dy          N
type MarginGrad struct{}

// Kind is MarginGrad.
func (MarginGrad) Kind() string { return "MarginGrad" }

// Infer is the shape of the target.
func (MarginGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := lossInfer(in, 1, 1); err != nil {
		return nil, err
	}
	return in[0].Clone(), nil
}

// Lower goes row by row.
func (MarginGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c := n.Shape[1]
	return graph.Loop{Run: lossRows(e, n.Shape[0], c, func(i int) {
		for j, t := range m.In[0][i*c : (i+1)*c] {
			m.Out[i*c+j] = float32(marginSlope(t, c) * float64(m.In[1][i]))
		}
	})}
}
