package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Concat joins tensors along an axis of our layout: 3 is the channels of N×H×W×C.
type Concat struct{ Axis int }

// Kind is the ONNX name.
func (Concat) Kind() string { return "Concat" }

// Infer adds up the lengths along the axis; the others must agree.
func (c Concat) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("no inputs, want at least one")
	}
	if err := checkAxis(c.Axis, in[0], 0); err != nil {
		return nil, err
	}
	out := in[0].Clone()
	for _, s := range in[1:] {
		if len(s) != len(out) || !sameBut(s, out, c.Axis) {
			return nil, fmt.Errorf("input %v beside %v, want them alike but for axis %d", s, in[0], c.Axis)
		}
		if out[c.Axis] += s[c.Axis]; out[c.Axis] > tensor.MaxElems {
			return nil, fmt.Errorf("axis %d of the %d inputs adds up to more than %d", c.Axis, len(in), tensor.MaxElems)
		}
	}
	return out, nil
}

// checkAxis wants an axis of s that is not below least.
func checkAxis(axis int, s tensor.Shape, least int) error {
	if axis < least || axis >= len(s) {
		return fmt.Errorf("axis %d of input %v, want %d to %d", axis, s, least, len(s)-1)
	}
	return nil
}

// sameBut reports whether two shapes of one rank agree in every axis but one.
func sameBut(a, b tensor.Shape, axis int) bool {
	for i := range a {
		if i != axis && a[i] != b[i] {
			return false
		}
	}
	return true
}

// around is the product of the axes in front of one and behind it.
func around(s tensor.Shape, axis int) (outer, inner int) {
	return s[:axis].Elems(), s[axis+1:].Elems()
}

// Lower copies the stretches of each input one after another.
func (c Concat) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	outer, inner := around(n.Shape, c.Axis)
	row := n.Shape[c.Axis] * inner
	size := make([]int, len(n.In))
	for i, in := range n.In {
		size[i] = in.Shape[c.Axis] * inner
	}
	return graph.Loop{Run: inPieces(e, outer, row, func(lo, hi int) {
		at := 0
		for i, k := range size {
			for r := lo; r < hi; r++ {
				copy(m.Out[r*row+at:r*row+at+k], m.In[i][r*k:(r+1)*k])
			}
			at += k
		}
	})}
}

// Grad hands each input its slice of dy.
func (c Concat) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, len(n.In))
	at := 0
	for i, in := range n.In {
		k := in.Shape[c.Axis]
		if want[i] {
			grads[i] = g.Add(fmt.Sprintf("%s.d%d", n.Name, i), Slice{Axis: c.Axis, Start: at, Count: k, Step: 1}, dy)
		}
		at += k
	}
	return grads
}

// Ties gives each input its stretch of the output's channels, or all the same ones where
// another axis is joined.
func (c Concat) Ties(n *graph.Node) graph.Ties {
	var t graph.Ties
	out := channelEnd(n, graph.Out)
	at := 0
	for i, in := range n.In {
		x, k := channelEnd(n, i), in.Shape.Channels()
		if c.Axis != out.Axis {
			t.Links = append(t.Links, graph.Same(out, x))
			continue
		}
		t.Links = append(t.Links, graph.Offset(x, out, at, k, n.Shape.Channels()))
		at += k
	}
	return t
}
