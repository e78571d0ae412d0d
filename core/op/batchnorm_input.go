package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// FuseInput is o, an op over the inputs in, as one that normalizes or clips its images as it reads them, where they come from
// a BatchNormClip or a Clip and the loop of o allows that. The inputs of the fused op are those of o, with x of what was in
// front at place images, and behind them the other inputs of that: of a normalization the vectors gamma, beta, mean and
// var. Plans do this; models never hold such an op.
func FuseInput(o graph.Op, in []*graph.Node) (fused graph.Op, images int, ok bool) {
	b, ok := o.(beginner)
	if !ok || !b.begins(in) {
		return nil, 0, false
	}
	images = imagesOf(o)
	switch front := in[images].Op.(type) {
	case BatchNormClip:
		return Normalizing{b, front}, images, len(in[images].In) == 5
	case Clip:
		return Clipped{b, front}, images, true
	}
	return nil, 0, false
}

// imagesOf is the input that the loop of an op reads as images.
func imagesOf(o graph.Op) int {
	switch o.(type) {
	case ConvGradWeight, DepthwiseGradWeight:
		return 1
	}
	return 0
}

// Normalizing is an op whose images go through a batch normalization and activation as they are
// read, piece by piece: they are never stored. FuseInput says what its inputs are.
type Normalizing struct {
	Of   graph.Op
	Norm BatchNormClip
}

// Kind names both.
func (z Normalizing) Kind() string { return z.Norm.Kind() + "+" + z.Of.Kind() }

// Infer is that of both.
func (z Normalizing) Infer(in []tensor.Shape) (tensor.Shape, error) {
	own := len(in) - 4
	if own <= imagesOf(z.Of) {
		return nil, fmt.Errorf("%d inputs, want those of %s and four vectors", len(in), z.Of.Kind())
	}
	if _, err := z.Norm.Infer(append([]tensor.Shape{in[imagesOf(z.Of)]}, in[own:]...)); err != nil {
		return nil, err
	}
	return z.Of.Infer(in[:own])
}

// node is n as a node of the op.
func (z Normalizing) node(n *graph.Node) *graph.Node {
	of := *n
	of.Op, of.In = z.Of, n.In[:len(n.In)-4]
	return &of
}

// MACs are those of the op.
func (z Normalizing) MACs(n *graph.Node) int64 { return fusedMACs(z.Of, z.node(n)) }

// Lower has γ/√(var+ε) behind the scratch of the op.
func (z Normalizing) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return z.lowerWith(e, n, m, hooks{})
}

func (z Normalizing) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	own, images := len(n.In)-4, imagesOf(z.Of)
	c := n.In[images].Shape.Channels()
	var loop graph.Loop
	scale := func() []float32 { return m.Scratch[loop.Scratch:][:c] }
	h.begin = func(dst []float32, at int) {
		e.Kernels.Normalize(dst, m.In[images][at:at+len(dst)], m.In[own+2], scale(), m.In[own+1], z.Norm.Min, z.Norm.Max)
	}
	loop = z.Of.(beginner).lowerWith(e, z.node(n), m, h)
	return graph.Loop{Scratch: loop.Scratch + c, Run: func() {
		bnScale(scale(), m.In[own], m.In[own+3], z.Norm.Eps)
		loop.Run()
	}}
}
