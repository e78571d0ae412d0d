package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// DetectMargin is how far a detector tells objects apart from the rest, summed over its anchors with an object: the logit of
// the object's class, less the mean of all logits that are no object's. Like Margin, its gradient does not die in a network
// that has fitted its images.
//
//	logits    N×A×C
//	assigned  N×A×6
//	y         N
type DetectMargin struct{}

// Kind is DetectMargin.
func (DetectMargin) Kind() string { return "DetectMargin" }

// Infer is N.
func (DetectMargin) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 {
		return nil, fmt.Errorf("%d inputs, want logits and assigned", len(in))
	}
	if err := assignedInfer([]tensor.Shape{in[0], in[1], in[0][:min(1, len(in[0]))]}, 0, 0); err != nil {
		return nil, err
	}
	return in[0][:1].Clone(), nil
}

// detectSlopes calls f with the place of every logit and the derivative of the margin there.
func detectSlopes(logits int, assigned []float32, f func(at int, slope float64)) {
	objects := 0
	eachQuestion(logits, assigned, func(_ int, q float64) {
		if q > 0 {
			objects++
		}
	})
	rest := 0.0
	if logits > objects {
		rest = -float64(objects) / float64(logits-objects)
	}
	eachQuestion(logits, assigned, func(at int, q float64) {
		if q > 0 {
			f(at, 1)
			return
		}
		f(at, rest)
	})
}

// Lower sums in float64.
func (DetectMargin) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return graph.Loop{Run: perAnchor(e, n, m, func(i int, z, assigned []float32) {
		sum := 0.0
		detectSlopes(len(z), assigned, func(at int, slope float64) { sum += slope * float64(z[at]) })
		m.Out[i] = float32(sum)
	})}
}

// Grad flows to the logits only and needs the assignment alone.
func (DetectMargin) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, DetectMarginGrad{Classes: n.In[0].Shape[2]}, n.In[1], dy)
}

// DetectMarginGrad is dy where an anchor has an object of the class, and the rest of its share elsewhere.
//
//	dx        N×A×Classes
//	assigned  N×A×6
//	dy        N
type DetectMarginGrad struct{ Classes int }

// Kind is DetectMarginGrad.
func (DetectMarginGrad) Kind() string { return "DetectMarginGrad" }

// Infer is N×A×Classes.
func (d DetectMarginGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) != 3 || in[0][2] != AssignedWidth || !in[1].Equal(in[0][:1]) || d.Classes < 1 {
		return nil, fmt.Errorf("inputs %v, want assigned N×A×%d and dy N", in, AssignedWidth)
	}
	return tensor.Shape{in[0][0], in[0][1], d.Classes}, nil
}

// Lower goes image by image.
func (d DetectMarginGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	images := n.Shape[0]
	body := func(i, _ int) {
		dx, dy := perImage(m.Out, i, images), float64(m.In[1][i])
		detectSlopes(len(dx), perImage(m.In[0], i, images), func(at int, slope float64) { dx[at] = float32(slope * dy) })
	}
	return graph.Loop{Run: func() { e.Pool.Run(images, body) }}
}
