package op

import (
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// QualityFocal is the class loss of a detector: each class of each anchor is a question of its own, answered by
// p = sigmoid(z), with the anchor's quality q as the answer for its class and 0 for the others,
// y = Σ weight·|q-p|^Beta·(-q·ln p - (1-q)·ln(1-p)) (quality focal loss: Li et al., NeurIPS 2020, 2006.04388, eq. 5). A
// Beta of 0 is binary cross-entropy.
//
//	logits    N×A×C
//	assigned  N×A×6
//	weight    N, or N×A
//	y         N
type QualityFocal struct{ Beta float32 }

// Kind is QualityFocal.
func (QualityFocal) Kind() string { return "QualityFocal" }

// Infer is N.
func (QualityFocal) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := assignedInfer(in, 0, 0); err != nil {
		return nil, err
	}
	return in[0][:1].Clone(), nil
}

// eachQuestion calls f with the anchor and the place of every logit, and the answer wanted.
func eachQuestion(logits int, assigned []float32, f func(anchor, at int, q float64)) {
	anchors := len(assigned) / AssignedWidth
	c := logits / anchors
	for a := range anchors {
		row := assigned[a*AssignedWidth:]
		for j := range c {
			q := 0.0
			if row[0] > 0 && int(row[1]) == j {
				q = float64(row[0])
			}
			f(a, a*c+j, q)
		}
	}
}

// binary is sigmoid(z) and the cross-entropy of the answer q, without overflow.
func binary(z float32, q float64) (p, ce float64) {
	x := float64(z)
	e := math.Exp(-math.Abs(x))
	p = 1 / (1 + e)
	if x < 0 {
		p = e / (1 + e)
	}
	return p, math.Max(x, 0) - x*q + math.Log1p(e)
}

// Lower adds in float64.
func (l QualityFocal) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return graph.Loop{Run: perAnchor(e, n, m, func(i int, z, assigned []float32) {
		sum, w := 0.0, perImage(m.In[2], i, n.Shape[0])
		eachQuestion(len(z), assigned, func(a, at int, q float64) {
			p, ce := binary(z[at], q)
			sum += weightAt(w, a) * focus(q-p, l.Beta) * ce
		})
		m.Out[i] = float32(sum)
	})}
}

// focus is |d|^beta.
func focus(d float64, beta float32) float64 {
	switch beta {
	case 0:
		return 1
	case 1:
		return math.Abs(d)
	case 2:
		return d * d
	}
	return math.Pow(math.Abs(d), float64(beta))
}

// Grad flows to the logits only.
func (l QualityFocal) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, QualityFocalGrad(l), n.In[0], n.In[1], n.In[2], dy)
}

// QualityFocalGrad is the gradient for the logits, with the assignment held.
//
//	dx, logits  N×A×C
//	assigned    N×A×6
//	weight      N, or N×A
//	dy          N
type QualityFocalGrad struct{ Beta float32 }

// Kind is QualityFocalGrad.
func (QualityFocalGrad) Kind() string { return "QualityFocalGrad" }

// Infer is the shape of the logits.
func (QualityFocalGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if err := assignedInfer(in, 0, 1); err != nil {
		return nil, err
	}
	return in[0].Clone(), nil
}

// Lower works in float64: |d|^β·(p-q) + β·|d|^(β-1)·sign(p-q)·p·(1-p)·ce with d = p-q.
func (l QualityFocalGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	images, beta := n.Shape[0], float64(l.Beta)
	return graph.Loop{Run: perAnchor(e, n, m, func(i int, z, assigned []float32) {
		dx, w, dy := perImage(m.Out, i, images), perImage(m.In[2], i, images), float64(m.In[3][i])
		eachQuestion(len(z), assigned, func(a, at int, q float64) {
			p, ce := binary(z[at], q)
			d := p - q
			slope := focus(d, l.Beta) * d
			if beta != 0 && d != 0 {
				slope += beta * focus(d, l.Beta-1) * math.Copysign(p*(1-p)*ce, d)
			}
			dx[at] = float32(weightAt(w, a) * dy * slope)
		})
	})}
}
