package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// A network with frozen statistics is trained in its folded form: what the batch normalization
// would do to each pixel, forward and back, happens to the weights instead. With s = γ/√(σ²+ε),
// w' = s·w and b' = β + (b-μ)·s, gradients dw' and db' of the folded layer give
//
//	dw = s·dw'   db = s·db'   dβ = db'   dγ = (Σ w·dw' + (b-μ)·db')/√(σ²+ε)

// Grad treats the statistics as constants.
func (f FoldWeight) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, len(n.In))
	w, gamma, variance := n.In[0], n.In[1], n.In[2]
	if want[0] {
		grads[0] = g.Add(n.Name+".dx", f, dy, gamma, variance)
	}
	if want[1] {
		grads[1] = g.Add(n.Name+".dgamma", FoldWeightGradScale(f), dy, w, variance)
	}
	return grads
}

// InPlace may overwrite w.
func (FoldWeight) InPlace() []int { return []int{0} }

// Grad treats the statistics as constants.
func (f FoldBias) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, len(n.In))
	gamma, mean, variance := n.In[0], n.In[2], n.In[3]
	if want[0] {
		in := append([]*graph.Node{dy, mean, variance}, n.In[4:]...)
		grads[0] = g.Add(n.Name+".dgamma", FoldBiasGradScale(f), in...)
	}
	if want[1] {
		grads[1] = dy
	}
	if len(want) > 4 && want[4] {
		grads[4] = g.Add(n.Name+".db", FoldWeight(f), dy, gamma, variance)
	}
	return grads
}

// FoldWeightGradScale is what the folded weight gives to dγ: Σ w·dw'/√(σ²+ε) of each filter.
//
//	dgamma  O
//	dw', w  O×…
//	var     O
type FoldWeightGradScale struct{ Eps float32 }

// Kind is FoldWeightGradScale.
func (FoldWeightGradScale) Kind() string { return "FoldWeightGradScale" }

// Infer is O.
func (f FoldWeightGradScale) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 3 || !in[0].Equal(in[1]) {
		return nil, fmt.Errorf("inputs %v, want dw and w of one shape, var", in)
	}
	if _, err := (FoldWeight{}).Infer([]tensor.Shape{in[1], in[2], in[2]}); err != nil {
		return nil, err
	}
	return in[2].Clone(), nil
}

// Lower sums each filter in float64.
func (f FoldWeightGradScale) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	size := n.In[0].Shape.Elems() / n.Shape[0]
	return graph.Loop{Run: inPieces(e, n.Shape[0], size, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			sum := e.Kernels.Dot(m.In[0][i*size:(i+1)*size], m.In[1][i*size:(i+1)*size])
			m.Out[i] = float32(sum * bnInverse(m.In[2][i], f.Eps))
		}
	})}
}

// FoldBiasGradScale is what the folded bias gives to dγ: (b-μ)·db'/√(σ²+ε).
//
//	dgamma, db', mean, var  O
//	b                       O, absent where the convolution has none
type FoldBiasGradScale struct{ Eps float32 }

// Kind is FoldBiasGradScale.
func (FoldBiasGradScale) Kind() string { return "FoldBiasGradScale" }

// Infer wants three or four vectors of one length.
func (FoldBiasGradScale) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 3 && len(in) != 4 {
		return nil, fmt.Errorf("%d inputs, want db, mean, var and at most a bias", len(in))
	}
	for _, s := range in {
		if len(s) != 1 || s[0] != in[0][0] {
			return nil, fmt.Errorf("inputs %v, want vectors of one length", in)
		}
	}
	return in[0].Clone(), nil
}

// Lower computes channel by channel.
func (f FoldBiasGradScale) Lower(_ *graph.Env, _ *graph.Node, m *graph.Mem) graph.Loop {
	return graph.Loop{Run: func() {
		for i, db := range m.In[0] {
			b := -float64(m.In[1][i])
			if len(m.In) == 4 {
				b += float64(m.In[3][i])
			}
			m.Out[i] = float32(b * float64(db) * bnInverse(m.In[2][i], f.Eps))
		}
	}}
}
