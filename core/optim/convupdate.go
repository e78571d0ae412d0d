package optim

import (
	"fmt"
	"math"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// ConvUpdate is an update of the weights of a convolution that makes their gradient itself, piece by piece, and uses each
// piece while it is in the cache: there is no dw. Of is an SGDUpdate or an AdamWUpdate. What is not finite is left out
// piece by piece.
//
//	w     changed
//	…     as Of, but for dw and scale
//	dy,x  as Grad
type ConvUpdate struct {
	Of   graph.Op
	Grad op.ConvGradWeight
}

// updater is an update that goes element by element.
type updater interface {
	graph.Mutator
	pieces(e *graph.Env, m *graph.Mem) (begin func(), piece pieceFunc)
}

// NewConvUpdate is one node for an update and the gradient that it reads. It reports false if these are others, or if
// the gradient is scaled by the norm of all of them.
func NewConvUpdate(update *graph.Node) (o ConvUpdate, in []*graph.Node, ok bool) {
	u, ok := update.Op.(updater)
	if !ok {
		return o, nil, false
	}
	last := len(update.In) - 1
	dw, scale := update.In[1], update.In[last]
	grad, ok := dw.Op.(op.ConvGradWeight)
	if clip, isClip := scale.Op.(op.ClipScale); !ok || !isClip || clip.Limit != 0 {
		return o, nil, false
	}
	in = slices.Concat(update.In[:1], update.In[2:last], dw.In)
	return ConvUpdate{u.(graph.Op), grad}, in, true
}

// Kind is that of the two.
func (c ConvUpdate) Kind() string { return c.Grad.Kind() + "+" + c.Of.Kind() }

// Infer is that of the two.
func (c ConvUpdate) Infer(in []tensor.Shape) (tensor.Shape, error) {
	own := len(in) - 2
	if own < 1 {
		return nil, fmt.Errorf("%d inputs, want w, those of the update, dy and x", len(in))
	}
	dw, err := c.Grad.Infer(in[own:])
	if err != nil {
		return nil, err
	}
	return c.Of.Infer(slices.Concat(in[:1], []tensor.Shape{dw}, in[1:own], []tensor.Shape{{1}}))
}

// Mutates what Of does.
func (c ConvUpdate) Mutates() []int {
	which := slices.Clone(c.Of.(updater).Mutates())
	for i, k := range which {
		if k > 1 { // behind dw
			which[i] = k - 1
		}
	}
	return which
}

// Alias is w.
func (ConvUpdate) Alias() int { return 0 }

// Lower updates by each piece of the gradient.
func (c ConvUpdate) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	own := len(n.In) - 2
	of := &graph.Mem{In: make([][]float32, own+1)}
	dw, grad := &graph.Node{Op: c.Grad, In: n.In[own:], Shape: n.Shape}, &graph.Mem{}
	begin, piece := c.Of.(updater).pieces(e, of)
	loop := c.Grad.LowerInto(e, dw, grad, func(dw []float32, at int) {
		if s := e.Kernels.SumSq(dw); !math.IsNaN(s) && !math.IsInf(s, 0) {
			piece(dw, at, 1)
		}
	})
	return graph.Loop{Scratch: loop.Scratch, Run: func() {
		of.Out = m.Out
		copy(of.In[2:], m.In[1:own])
		grad.In, grad.Scratch = m.In[own:], m.Scratch
		begin()
		loop.Run()
	}}
}
