package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// FoldWeight is the weight of a convolution with the batch normalization behind it folded in:
// w'[o] = w[o]·γ[o]/√(σ²[o]+ε).
//
//	w      O×…
//	gamma  O
//	var    O
type FoldWeight struct{ Eps float32 }

// Kind is FoldWeight.
func (FoldWeight) Kind() string { return "FoldWeight" }

// Infer keeps the shape of w.
func (FoldWeight) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 3 || len(in[0]) == 0 || !in[1].Equal(tensor.Shape{in[0][0]}) || !in[2].Equal(in[1]) {
		return nil, fmt.Errorf("inputs %v, want w O×…, gamma O, var O", in)
	}
	return in[0].Clone(), nil
}

// Lower multiplies filter by filter.
func (f FoldWeight) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	o := n.Shape[0]
	size := n.Shape.Elems() / o
	return graph.Loop{Run: inPieces(e, o, size, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			s := foldScale(m.In[1][i], m.In[2][i], f.Eps)
			e.Kernels.Scale(m.Out[i*size:(i+1)*size], s, m.In[0][i*size:(i+1)*size])
		}
	})}
}

// FoldBias is the bias that goes with FoldWeight: b'[o] = β[o] + (b[o]-μ[o])·γ[o]/√(σ²[o]+ε).
//
//	gamma, beta, mean, var  O
//	b                       O, absent where the convolution has none
type FoldBias struct{ Eps float32 }

// Kind is FoldBias.
func (FoldBias) Kind() string { return "FoldBias" }

// Infer wants four or five vectors of one length.
func (FoldBias) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 4 && len(in) != 5 {
		return nil, fmt.Errorf("%d inputs, want gamma, beta, mean, var and at most a bias", len(in))
	}
	for _, s := range in {
		if len(s) != 1 || s[0] != in[0][0] {
			return nil, fmt.Errorf("inputs %v, want vectors of one length", in)
		}
	}
	return in[0].Clone(), nil
}

// Lower computes channel by channel.
func (f FoldBias) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return graph.Loop{Run: func() {
		for i := range m.Out {
			b := -m.In[2][i]
			if len(m.In) == 5 {
				b += m.In[4][i]
			}
			m.Out[i] = m.In[1][i] + b*foldScale(m.In[0][i], m.In[3][i], f.Eps)
		}
	}}
}

// foldScale is γ/√(σ²+ε), as batch normalization by itself has it.
func foldScale(gamma, variance, eps float32) float32 {
	return float32(float64(gamma) * bnInverse(variance, eps))
}
