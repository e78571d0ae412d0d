package optim

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// SGDUpdate is momentum SGD with coupled weight decay, in place (PyTorch's torch.optim.SGD).
//
//	w      changed
//	dw     gradient
//	m      momentum, changed
//	lr     [1]
//	scale  [1], what clipping multiplies gradients with; 0 leaves the step out
type SGDUpdate struct{ Rate, Momentum, Decay float32 }

// Kind is SGDUpdate.
func (SGDUpdate) Kind() string { return "SGDUpdate" }

// Infer wants w, dw, m of one shape and two scalars.
func (SGDUpdate) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUpdate(in, 3, 2) }

// Mutates w and m.
func (SGDUpdate) Mutates() []int { return []int{0, 2} }

// Alias is w.
func (SGDUpdate) Alias() int { return 0 }

// Lower splits the elements.
func (u SGDUpdate) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	begin, piece := u.pieces(e, m)
	return lowerUpdate(e, n, m, begin, piece)
}

func (u SGDUpdate) pieces(e *graph.Env, m *graph.Mem) (begin func(), piece pieceFunc) {
	return func() {}, func(dw []float32, lo int, scale float32) {
		hi := lo + len(dw)
		e.Kernels.SGD(m.Out[lo:hi], dw, m.In[2][lo:hi], m.In[3][0]*u.Rate, u.Momentum, u.Decay, scale)
	}
}

// pieceFunc updates the weights from lo on by their gradient.
type pieceFunc func(dw []float32, lo int, scale float32)

// lowerUpdate splits the elements. The last input is the scale.
func lowerUpdate(e *graph.Env, n *graph.Node, m *graph.Mem, begin func(), piece pieceFunc) graph.Loop {
	size, parts, last := n.Shape.Elems(), parts(n), len(n.In)-1
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(size, parts, part)
		piece(m.In[1][lo:hi], lo, m.In[last][0])
	}
	return graph.Loop{Run: func() {
		if m.In[last][0] != 0 { // 0·NaN would be NaN
			begin()
			e.Pool.Run(parts, body)
		}
	}}
}

// AdamWUpdate is AdamW in place (Loshchilov & Hutter 2019, alg. 2).
//
//	w      changed
//	dw     gradient
//	m, v   moments, changed
//	lr     [1]
//	step   [1], counted from 1
//	scale  [1], 0 leaves the step out
type AdamWUpdate struct{ Rate, Beta1, Beta2, Eps, Decay float32 }

// Kind is AdamWUpdate.
func (AdamWUpdate) Kind() string { return "AdamWUpdate" }

// Infer wants w, dw, m, v of one shape and three scalars.
func (AdamWUpdate) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUpdate(in, 4, 3) }

// Mutates w, m and v.
func (AdamWUpdate) Mutates() []int { return []int{0, 2, 3} }

// Alias is w.
func (AdamWUpdate) Alias() int { return 0 }

// Lower splits the elements.
func (u AdamWUpdate) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	begin, piece := u.pieces(e, m)
	return lowerUpdate(e, n, m, begin, piece)
}

func (u AdamWUpdate) pieces(e *graph.Env, m *graph.Mem) (begin func(), piece pieceFunc) {
	var c1, c2 float32
	return func() {
			t := float64(m.In[5][0])
			c1 = float32(1 - math.Pow(float64(u.Beta1), t))
			c2 = float32(1 - math.Pow(float64(u.Beta2), t))
		}, func(dw []float32, lo int, scale float32) {
			hi := lo + len(dw)
			e.Kernels.AdamW(m.Out[lo:hi], dw, m.In[2][lo:hi], m.In[3][lo:hi],
				m.In[4][0]*u.Rate, u.Beta1, u.Beta2, u.Eps, u.Decay, c1, c2, scale)
		}
}

// Average is an exponential moving average in place: e = decay·e + (1-decay)·w.
//
//	e  changed
//	w  the parameter after its update
type Average struct{ Decay float32 }

// Kind is Average.
func (Average) Kind() string { return "Average" }

// Infer wants two tensors of one shape.
func (Average) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUpdate(in, 2, 0) }

// Mutates e.
func (Average) Mutates() []int { return []int{0} }

// Alias is e.
func (Average) Alias() int { return 0 }

// Lower splits the elements.
func (a Average) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	size, parts := n.Shape.Elems(), parts(n)
	body := func(part, _ int) {
		lo, hi := kernels.Chunk(size, parts, part)
		e.Kernels.Scale(m.Out[lo:hi], a.Decay, m.Out[lo:hi])
		e.Kernels.Axpy(m.Out[lo:hi], 1-a.Decay, m.In[1][lo:hi])
	}
	return graph.Loop{Run: func() { e.Pool.Run(parts, body) }}
}

// inferUpdate wants the first same inputs of one shape, and behind them scalars.
func inferUpdate(in []tensor.Shape, same, scalars int) (tensor.Shape, error) {
	if len(in) != same+scalars {
		return nil, fmt.Errorf("%d inputs, want %d of one shape, then %d scalars", len(in), same, scalars)
	}
	for i, s := range in {
		if i < same && !s.Equal(in[0]) || i >= same && s.Elems() != 1 {
			return nil, fmt.Errorf("inputs %v, want %d of one shape, then %d scalars", in, same, scalars)
		}
	}
	return in[0].Clone(), nil
}

// parts divides an element-wise loop: pieces of 16 Ki floats, at most 64.
func parts(n *graph.Node) int { return max(1, min(64, n.Shape.Elems()>>14)) }
