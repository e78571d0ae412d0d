package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Gather takes channels by number: out[…, j] = x[…, Index[j]]. A channel shuffle is one.
type Gather struct{ Index []int }

// Kind is the ONNX name.
func (Gather) Kind() string { return "Gather" }

// Infer wants every index to be a channel of x.
func (o Gather) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) == 0 {
		return nil, fmt.Errorf("inputs %v, want one tensor with channels", in)
	}
	if err := checkIndex(o.Index, in[0].Channels()); err != nil {
		return nil, err
	}
	out := in[0].Clone()
	out[len(out)-1] = len(o.Index)
	return out, nil
}

// checkIndex wants at least one index, all below n.
func checkIndex(index []int, n int) error {
	if len(index) == 0 {
		return fmt.Errorf("no indices, want at least one")
	}
	for j, i := range index {
		if i < 0 || i >= n {
			return fmt.Errorf("index %d at place %d, want 0 to %d", i, j, n-1)
		}
	}
	return nil
}

// Lower picks row by row.
func (o Gather) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c, k := n.In[0].Shape.Channels(), len(o.Index)
	return graph.Loop{Run: inPieces(e, n.Shape.Rows(), 2*k, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			pick(m.Out[r*k:(r+1)*k], m.In[0][r*c:(r+1)*c], o.Index)
		}
	})}
}

// pick is y[j] = x[index[j]].
func pick(y, x []float32, index []int) {
	for j, i := range index {
		y[j] = x[i]
	}
}

// Grad adds dy up where it came from.
func (o Gather) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, GatherGrad{Index: o.Index, Len: n.In[0].Shape.Channels()}, dy)
}

// Ties ties each channel to the one that it is read from.
func (o Gather) Ties(n *graph.Node) graph.Ties {
	return graph.Ties{Links: []graph.Tie{{A: channelEnd(n, 0), B: channelEnd(n, graph.Out), Of: o.Index}}}
}

// Cut takes the kept channels at their new places.
func (o Gather) Cut(n *graph.Node, keep func(graph.End) []int) graph.Op {
	return Gather{Index: renumber(o.Index, keep(channelEnd(n, 0)), keep(channelEnd(n, graph.Out)))}
}

// GatherGrad adds dy up at Index along channels of length Len: dx[…, Index[j]] += dy[…, j].
type GatherGrad struct {
	Index []int
	Len   int
}

// Kind is GatherGrad.
func (GatherGrad) Kind() string { return "GatherGrad" }

// Infer is dy with Len channels.
func (o GatherGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) == 0 || in[0].Channels() != len(o.Index) {
		return nil, fmt.Errorf("inputs %v, want dy with %d channels", in, len(o.Index))
	}
	if err := checkIndex(o.Index, o.Len); err != nil {
		return nil, err
	}
	out := in[0].Clone()
	out[len(out)-1] = o.Len
	return out, nil
}

// Lower adds up row by row.
func (o GatherGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	k := len(o.Index)
	return graph.Loop{Run: inPieces(e, n.Shape.Rows(), 2*k, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			addAt(m.Out[r*o.Len:(r+1)*o.Len], m.In[0][r*k:(r+1)*k], o.Index)
		}
	})}
}

// addAt is dx = 0, then dx[index[j]] += dy[j].
func addAt(dx, dy []float32, index []int) {
	clear(dx)
	for j, i := range index {
		dx[i] += dy[j]
	}
}
