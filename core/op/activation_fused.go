package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// Fuse is a and what directly follows it as one op, where that is possible: an activation, the
// Add of a tensor of the same shape, the gradient of an activation, or a step of relevance, behind
// a convolution or the gradient of one for its input. Its inputs are those of a, then the others of
// b. Plans do this; models never hold such an op.
func Fuse(a, b graph.Op) (graph.Op, bool) {
	f, ok := a.(finisher)
	if !ok {
		return nil, false
	}
	switch b := b.(type) {
	case Add:
		return Added{f}, true
	case Relu:
		return Activated{f, Clip{0, infinity}}, true
	case activation:
		return Activated{f, b}, true
	case ReluGrad:
		return Masked{f, ClipGrad{0, infinity}}, true
	case Quotient:
		return Masked{f, b}, b.Floor == 0
	case zipped:
		return Masked{f, b}, true
	}
	return nil, false
}

// Activated is an op with an activation behind it.
type Activated struct {
	Of  graph.Op
	End activation
}

// activation is an op whose elements are made from the same elements of one tensor, which its loop
// may write over.
type activation interface {
	graph.Op
	apply(k kernels.Set) func(y, x []float32)
	// tail is the activation as the end of a loop with a bias.
	tail(k kernels.Set) *tail
}

// Kind names both.
func (a Activated) Kind() string { return a.Of.Kind() + "+" + a.End.Kind() }

// Infer is that of the op.
func (a Activated) Infer(in []tensor.Shape) (tensor.Shape, error) {
	s, err := a.Of.Infer(in)
	if err != nil {
		return nil, err
	}
	return a.End.Infer([]tensor.Shape{s})
}

// MACs are those of the op.
func (a Activated) MACs(n *graph.Node) int64 { return fusedMACs(a.Of, n) }

// Lower ends piece by piece.
func (a Activated) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	apply := a.End.apply(e.Kernels)
	return a.Of.(finisher).lowerWith(e, n, m, hooks{tail: a.End.tail(e.Kernels), end: func(_, lo, hi int) {
		y := m.Out[lo:hi]
		apply(y, y)
	}})
}

// Masked is an op with one behind it that goes element by element over its output and another
// tensor: the gradient of a Clip's output with the ClipGrad, for one. The last input is that other
// tensor, the others are those of the op.
type Masked struct {
	Of  graph.Op
	End zipped
}

// zipped is an op whose elements are made from the same elements of two tensors. Its loop may write
// over the first.
type zipped interface {
	graph.Op
	zip(k kernels.Set) func(y, x, v []float32)
}

// Kind names both.
func (d Masked) Kind() string { return d.Of.Kind() + "+" + d.End.Kind() }

// Infer is that of both.
func (d Masked) Infer(in []tensor.Shape) (tensor.Shape, error) {
	last := max(0, len(in)-1)
	dy, err := d.Of.Infer(in[:last])
	if err != nil {
		return nil, err
	}
	return d.End.Infer([]tensor.Shape{dy, in[last]})
}

// MACs are those of the op.
func (d Masked) MACs(n *graph.Node) int64 { return fusedMACs(d.Of, n) }

// Lower ends piece by piece.
func (d Masked) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	of := *n
	of.In = n.In[:len(n.In)-1]
	zip := d.End.zip(e.Kernels)
	return d.Of.(finisher).lowerWith(e, &of, m, hooks{end: func(_, lo, hi int) {
		y := m.Out[lo:hi]
		zip(y, y, m.In[len(m.In)-1][lo:hi])
	}})
}

// fusedMACs are those of an op where it has any.
func fusedMACs(o graph.Op, n *graph.Node) int64 {
	if c, ok := o.(graph.Counter); ok {
		return c.MACs(n)
	}
	return 0
}
