package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Sums over the pixels of a tensor cost a pass over it, unless the loop that makes the tensor adds
// them up while each piece is in the cache. That loop's output is then the tensor and behind it
// the sums of each part of the loop:
//
//	Conv ─► x ─► BatchStats            Measured{Of: Conv} ─┬─► Front ─► x
//	                                                       └─► Joined ─► stats

// Measured is an op with sums of its output behind the output.
//
//	y, sums  the output of Of, then a slot for each part of its loop
//
// Its inputs are those of Of, and behind them those of By that are not the output of Of.
type Measured struct {
	Of graph.Op
	By graph.Op // BatchStats or BatchNormSums
}

// FuseSums is o as an op that makes the sums of its output as well, where its loop allows that and
// the output, of shape y, is large enough.
func FuseSums(o, by graph.Op, y tensor.Shape) (graph.Op, bool) {
	_, isNorm := by.(BatchNormSums)
	_, isStats := by.(BatchStats)
	_, ok := o.(finisher)
	return Measured{o, by}, ok && (isNorm || isStats) && y.Rows() >= measuredRows
}

// measuredRows is the number of rows of a tensor above which slots are small beside it.
const measuredRows = 80 * maxParts

// slot is the length of the sums of one part over c channels.
func (d Measured) slot(c int) int {
	if _, ok := d.By.(BatchStats); ok {
		return momentSlot(c)
	}
	return 2 * c
}

// Kind names both.
func (d Measured) Kind() string { return d.Of.Kind() + "+" + d.By.Kind() }

// own is the number of inputs that belong to Of.
func (d Measured) own(inputs int) int {
	if _, ok := d.By.(BatchNormSums); ok {
		return inputs - 5
	}
	return inputs
}

// output is the shape of the output of Of.
func (d Measured) output(in []tensor.Shape) (tensor.Shape, error) {
	own := d.own(len(in))
	if own < 1 {
		return nil, fmt.Errorf("%d inputs, want those of %s and of %s", len(in), d.Of.Kind(), d.By.Kind())
	}
	y, err := d.Of.Infer(in[:own])
	if err != nil {
		return nil, err
	}
	_, err = d.By.Infer(append([]tensor.Shape{y}, in[own:]...))
	return y, err
}

// Infer is one axis: the output and a slot for each part.
func (d Measured) Infer(in []tensor.Shape) (tensor.Shape, error) {
	y, err := d.output(in)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{y.Elems() + maxParts*d.slot(y.Channels())}, nil
}

// node is n as a node of the op.
func (d Measured) node(n *graph.Node) *graph.Node {
	of := *n
	of.Op, of.In = d.Of, n.In[:d.own(len(n.In))]
	shapes := make([]tensor.Shape, len(n.In))
	for i, in := range n.In {
		shapes[i] = in.Shape
	}
	of.Shape, _ = d.output(shapes)
	return &of
}

// MACs are those of the op.
func (d Measured) MACs(n *graph.Node) int64 { return fusedMACs(d.Of, d.node(n)) }

// Lower adds up piece by piece.
func (d Measured) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	of := d.node(n)
	size, c := of.Shape.Elems(), of.Shape.Channels()
	if b, ok := d.By.(BatchNormSums); ok {
		return d.lowerSums(b, e, n, of, m)
	}
	slot := d.slot(c)
	loop := d.Of.(finisher).lowerWith(e, of, m, hooks{end: func(part, lo, hi int) {
		addMoments(e, m.Out[size+part*slot:][:slot], m.Out[lo:hi])
	}})
	run := loop.Run
	loop.Run = func() {
		clear(m.Out[size:])
		run()
	}
	return loop
}

// lowerSums has γ/√(var+ε) behind the scratch of the op.
func (d Measured) lowerSums(b BatchNormSums, e *graph.Env, n, of *graph.Node, m *graph.Mem) graph.Loop {
	size, c, own := of.Shape.Elems(), of.Shape.Channels(), len(of.In)
	var loop graph.Loop
	scale := func() []float32 { return m.Scratch[loop.Scratch:][:c] }
	loop = d.Of.(finisher).lowerWith(e, of, m, hooks{end: func(part, lo, hi int) {
		s := m.Out[size+part*2*c:][:2*c]
		e.Kernels.NormalizeSums(s[:c], s[c:], m.Out[lo:hi], m.In[own][lo:hi], m.In[own+3], scale(), m.In[own+2], b.Min, b.Max)
	}})
	return graph.Loop{Scratch: loop.Scratch + c, Run: func() {
		bnScale(scale(), m.In[own+1], m.In[own+4], b.Eps)
		clear(m.Out[size:])
		loop.Run()
	}}
}

// Front is the output that a Measured op has in front of its sums.
type Front struct{ Dims []int }

// Kind is Front.
func (Front) Kind() string { return "Front" }

// Infer is Dims.
func (f Front) Infer(in []tensor.Shape) (tensor.Shape, error) {
	s := tensor.Shape(f.Dims)
	if len(in) != 1 || len(in[0]) != 1 || s.Elems() > in[0][0] {
		return nil, fmt.Errorf("inputs %v, want one that begins with %v", in, s)
	}
	return s.Clone(), nil
}

// Alias is the memory of the whole.
func (Front) Alias() int { return 0 }

// Lower does nothing.
func (Front) Lower(*graph.Env, *graph.Node, *graph.Mem) graph.Loop { return graph.Loop{Run: func() {}} }

// Joined puts the sums of the parts of a Measured op together: it is what By makes.
//
//	measured  as Measured made it
//	var       C, of BatchNormSums only
//	y         2×C
type Joined struct {
	By       graph.Op
	Channels int
}

// Kind names what it makes.
func (j Joined) Kind() string { return j.By.Kind() + "Joined" }

// Infer is two rows of C.
func (j Joined) Infer(in []tensor.Shape) (tensor.Shape, error) {
	_, isSums := j.By.(BatchNormSums)
	if (len(in) == 2) != isSums || len(in) == 0 || len(in[0]) != 1 || in[0][0] < j.sums() {
		return nil, fmt.Errorf("inputs %v, want a measured tensor, and a variance for sums of gradients", in)
	}
	return tensor.Shape{2, j.Channels}, nil
}

func (j Joined) sums() int { return maxParts * Measured{By: j.By}.slot(j.Channels) }

// Lower adds the parts in their order.
func (j Joined) Lower(_ *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	at := n.In[0].Shape[0] - j.sums()
	return graph.Loop{Run: func() {
		if b, ok := j.By.(BatchNormSums); ok {
			b.join(m.Out, m.In[0][at:], m.In[1])
			return
		}
		joinMoments(m.Out, m.In[0][at:])
	}}
}
