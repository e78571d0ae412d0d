package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Loops read weights in a form that suits them: panels for a matrix product, taps with the
// channels last, tiles of a transform. Making that form is a node of its own, so that a plan
// makes it once for weights at rest and once a step for trained ones:
//
//	w ─► PackWeights{Of: Conv} ─► Packed{Of: Conv}(x, packed, b) ─► y
//
// A new form is a new lowering; Packed, PackWeights and the plan serve it as they are.

// lowering is one way to run an op whose input 1 are weights, chosen for its shapes.
type lowering interface {
	// packed is the length in floats of the form of the weights that run reads, and that pack
	// fills; 0 if run reads the weights as they lie. It does not depend on the number of threads.
	packed() int
	// pack is the loop that makes the form, m.Out, from the weights, m.In[0].
	pack(m *graph.Mem) graph.Loop
	// run is the loop of the op. m.In are the inputs of the op with the form at index 1, and
	// perhaps others behind, which belong to the hooks.
	run(m *graph.Mem, h hooks) graph.Loop
}

// packer is an op that chooses its lowering. atRest says that the weights change seldom, so that
// a form is as good as free; else each run pays for it. n has the shapes, and as many inputs as
// the op has. The same arguments give the same choice.
type packer interface {
	finisher
	lowering(e *graph.Env, n *graph.Node, atRest bool) lowering
}

// Pack parts n into a node that packs its weights, input 1, and one that reads them packed: n
// itself is no more. It reports false where the loop would read the weights as they lie.
func Pack(e *graph.Env, n *graph.Node, atRest bool) (pack, of graph.Op, ok bool) {
	p, ok := n.Op.(packer)
	if !ok {
		return nil, nil, false
	}
	floats := p.lowering(e, n, atRest).packed()
	if floats == 0 {
		return nil, nil, false
	}
	return PackWeights{p, n.In[0].Shape, atRest, floats}, Packed{p, n.In[1].Shape, atRest}, true
}

// PackWeights makes the form of weights that the loop of an op reads.
//
//	w       as Of reads it
//	packed  Floats, in an order that only the loop knows
type PackWeights struct {
	Of     graph.Op
	X      tensor.Shape // of input 0 of Of
	AtRest bool
	Floats int
}

// Kind is PackWeights.
func (PackWeights) Kind() string { return "PackWeights" }

// Infer is Floats.
func (p PackWeights) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("%d inputs, want w", len(in))
	}
	if _, err := p.Of.Infer([]tensor.Shape{p.X, in[0]}); err != nil {
		return nil, err
	}
	return tensor.Shape{p.Floats}, nil
}

// Lower is what the lowering of Of packs with.
func (p PackWeights) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	of := bareNode(p.Of, p.X, n.In[0].Shape)
	return p.Of.(packer).lowering(e, of, p.AtRest).pack(m)
}

// bareNode is a node of an op with shapes and nothing else.
func bareNode(o graph.Op, in ...tensor.Shape) *graph.Node {
	n := &graph.Node{Op: o}
	for _, s := range in {
		n.In = append(n.In, &graph.Node{Shape: s})
	}
	n.Shape, _ = o.Infer(in)
	return n
}

// Packed is an op that reads its weights, input 1, as PackWeights has made them. W is the shape
// they had.
type Packed struct {
	Of     graph.Op
	W      tensor.Shape
	AtRest bool
}

// Kind is that of the op.
func (p Packed) Kind() string { return p.Of.Kind() }

// shapes are those of the inputs of the op.
func (p Packed) shapes(in []tensor.Shape) []tensor.Shape {
	of := append([]tensor.Shape(nil), in...)
	of[1] = p.W
	return of
}

// Infer is that of the op.
func (p Packed) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) < 2 || len(in[1]) != 1 {
		return nil, fmt.Errorf("inputs %v, want packed weights second", in)
	}
	return p.Of.Infer(p.shapes(in))
}

// node is n as a node of the op.
func (p Packed) node(n *graph.Node) *graph.Node {
	of := *n
	of.Op = p.Of
	of.In = append([]*graph.Node(nil), n.In...)
	of.In[1] = &graph.Node{Shape: p.W}
	return &of
}

// MACs are those of the op.
func (p Packed) MACs(n *graph.Node) int64 { return fusedMACs(p.Of, p.node(n)) }

// Lower is what the lowering of the op runs.
func (p Packed) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return p.lowerWith(e, n, m, hooks{})
}

func (p Packed) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	return p.Of.(packer).lowering(e, p.node(n), p.AtRest).run(m, h)
}

// begins is that of the op.
func (p Packed) begins(in []*graph.Node) bool {
	b, ok := p.Of.(beginner)
	return ok && b.begins(p.node(&graph.Node{In: in}).In)
}

// lowerUnpacked packs into scratch in front of every run.
func lowerUnpacked(p packer, e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	l := p.lowering(e, n, false)
	size := l.packed()
	if size == 0 {
		return l.run(m, h)
	}
	w, in := &graph.Mem{In: make([][]float32, 1)}, &graph.Mem{In: make([][]float32, len(n.In)+1)} // one more for a tail
	pack, run := l.pack(w), l.run(in, h)
	return graph.Loop{Scratch: size + max(pack.Scratch, run.Scratch), Run: func() {
		copy(in.In, m.In)
		w.In[0], w.Out, w.Scratch = m.In[1], m.Scratch[:size], m.Scratch[size:]
		in.In[1], in.Out, in.Scratch = w.Out, m.Out, w.Scratch
		pack.Run()
		run.Run()
	}}
}
