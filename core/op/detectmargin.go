package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// DetectMargin is how far a detector tells objects apart from the rest: the sum over its anchors with an object of weight times
// the logit of the object's class, less as many times the mean of all logits that are no object's. Like Margin, its gradient
// does not die in a network that has fitted its images.
//
//	logits    N×A×C
//	assigned  N×A×6
//	weight    N, or N×A
//	y         N
type DetectMargin struct{}

// Kind is DetectMargin.
func (DetectMargin) Kind() string { return "DetectMargin" }

// Infer is N.
func (DetectMargin) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := assignedInfer(in, 0, 0); err != nil {
		return nil, err
	}
	return in[0][:1].Clone(), nil
}

// detectSlopes calls f with the place of every logit and the derivative of the margin there.
func detectSlopes(logits int, assigned, weight []float32, f func(at int, slope float64)) {
	objects, mass := 0, 0.0
	eachQuestion(logits, assigned, func(a, _ int, q float64) {
		if q > 0 {
			objects, mass = objects+1, mass+weightAt(weight, a)
		}
	})
	rest := 0.0
	if logits > objects {
		rest = -mass / float64(logits-objects)
	}
	eachQuestion(logits, assigned, func(a, at int, q float64) {
		if q > 0 {
			f(at, weightAt(weight, a))
			return
		}
		f(at, rest)
	})
}

// Lower sums in float64.
func (DetectMargin) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return graph.Loop{Run: perAnchor(e, n, m, func(i int, z, assigned []float32) {
		sum := 0.0
		detectSlopes(len(z), assigned, perImage(m.In[2], i, n.Shape[0]), func(at int, slope float64) { sum += slope * float64(z[at]) })
		m.Out[i] = float32(sum)
	})}
}

// Grad flows to the logits only and needs assignment and weight alone.
func (DetectMargin) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, DetectMarginGrad{Classes: n.In[0].Shape[2]}, n.In[1], n.In[2], dy)
}

// DetectMarginGrad is dy times the weight where an anchor has an object of the class, and the rest of its share elsewhere.
//
//	dx        N×A×Classes
//	assigned  N×A×6
//	weight    N, or N×A
//	dy        N
type DetectMarginGrad struct{ Classes int }

// Kind is DetectMarginGrad.
func (DetectMarginGrad) Kind() string { return "DetectMarginGrad" }

// Infer is N×A×Classes.
func (d DetectMarginGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 3 || len(in[0]) != 3 || d.Classes < 1 {
		return nil, fmt.Errorf("inputs %v, want assigned N×A×%d, weight and dy", in, AssignedWidth)
	}
	y := tensor.Shape{in[0][0], in[0][1], d.Classes}
	return y, assignedInfer([]tensor.Shape{y, in[0], in[1], in[2]}, 0, 1)
}

// Lower goes image by image.
func (d DetectMarginGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	images := n.Shape[0]
	body := func(i, _ int) {
		dx, dy := perImage(m.Out, i, images), float64(m.In[2][i])
		detectSlopes(len(dx), perImage(m.In[0], i, images), perImage(m.In[1], i, images), func(at int, slope float64) { dx[at] = float32(slope * dy) })
	}
	return graph.Loop{Run: func() { e.Pool.Run(images, body) }}
}
