package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Streamed is a depthwise convolution whose images a pointwise convolution makes as they are read, some rows at a time: they
// are never stored (Alwani et al. 2016, Fused-Layer CNN Accelerators, MICRO). Front is the pointwise one, with what ends it. The
// inputs are those of Of, with what Front reads instead of the images, and behind them the packed weights and the bias of Front.
// Plans do this; models never hold such an op.
type Streamed struct {
	Of    beginner
	Front graph.Op
}

// streamFloats is the length from which on images are streamed: shorter ones stay in the second-level cache until they are read.
const streamFloats = 1 << 18

// Stream is n as a Streamed with its inputs, and what it takes in: the pointwise convolution in front of it and the activation
// between them, if there is one.
func Stream(e *graph.Env, n *graph.Node) (fused graph.Op, in, taken []*graph.Node, ok bool) {
	p, ok := n.Op.(Packed)
	if !ok {
		return nil, nil, nil, false
	}
	if _, ok = p.Of.(Depthwise); !ok || n.In[0].Shape.Elems()/n.In[0].Shape[0] <= streamFloats {
		return nil, nil, nil, false
	}
	front := n.In[0]
	o, taken := front.Op, []*graph.Node{front}
	if _, end := o.(Packed); !end && len(front.In) == 1 {
		front = front.In[0]
		o, _ = Fuse(front.Op, o)
		taken = append(taken, front)
	}
	if _, _, ok = pointwise(e, o, front); !ok {
		return nil, nil, nil, false
	}
	in = append([]*graph.Node{front.In[0]}, n.In[1:]...)
	return Streamed{p, o}, append(in, front.In[1:]...), taken, true
}

// pointwise is the loop of a pointwise convolution with a bias, packed, and its end. n has its inputs.
func pointwise(e *graph.Env, o graph.Op, n *graph.Node) (l *convLoop, end *tail, ok bool) {
	var h hooks
	if a, ok := o.(Activated); ok {
		o, h.tail = a.Of, a.End.tail(e.Kernels)
	}
	p, ok := o.(Packed)
	if !ok || len(n.In) != 3 {
		return nil, nil, false
	}
	c, ok := p.Of.(Conv)
	if !ok || !c.begins(p.node(n).In) {
		return nil, nil, false
	}
	if l, ok = c.lowering(e, p.node(n), p.AtRest).(*convLoop); !ok {
		return nil, nil, false
	}
	end = h.ending(l.bias)
	return l, end, end != nil
}

// Kind names both.
func (s Streamed) Kind() string { return s.Front.Kind() + "+" + s.Of.Kind() }

// streamed is how many inputs belong to Front, at the end.
const streamed = 2

// images are what Front makes.
func (s Streamed) images(in []tensor.Shape) (tensor.Shape, error) {
	own := len(in) - streamed
	if own < 2 {
		return nil, fmt.Errorf("%d inputs, want those of %s and two more", len(in), s.Of.Kind())
	}
	return s.Front.Infer(append([]tensor.Shape{in[0]}, in[own:]...))
}

// Infer is that of both.
func (s Streamed) Infer(in []tensor.Shape) (tensor.Shape, error) {
	images, err := s.images(in)
	if err != nil {
		return nil, err
	}
	return s.Of.Infer(append([]tensor.Shape{images}, in[1:len(in)-streamed]...))
}

// nodes are Front and Of as nodes of their own.
func (s Streamed) nodes(n *graph.Node) (front, of *graph.Node) {
	own := len(n.In) - streamed
	front = bareNode(s.Front, n.In[0].Shape, n.In[own].Shape, n.In[own+1].Shape)
	with := *n
	with.Op, with.In = s.Of, append([]*graph.Node{front}, n.In[1:own]...)
	return front, &with
}

// MACs are those of both.
func (s Streamed) MACs(n *graph.Node) int64 {
	front, of := s.nodes(n)
	return fusedMACs(s.Front, front) + fusedMACs(s.Of, of)
}

// Lower is that of Of with a prologue.
func (s Streamed) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return s.lowerWith(e, n, m, hooks{})
}

func (s Streamed) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	front, of := s.nodes(n)
	own := len(of.In)
	conv, end, _ := pointwise(e, s.Front, front)
	inner := &graph.Mem{In: make([][]float32, 1+streamed)}
	h.begin, h.dear = conv.stream(inner, end), true
	loop := s.Of.lowerWith(e, of, m, h)
	return graph.Loop{Scratch: loop.Scratch, Run: func() {
		inner.In[0] = m.In[0]
		copy(inner.In[1:], m.In[own:])
		loop.Run()
	}}
}
