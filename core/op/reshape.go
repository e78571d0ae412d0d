package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Reshape gives each image other axes, in the same memory.
//
//	x  N×…
//	y  N×Dims
type Reshape struct{ Dims []int }

// Kind is the ONNX name.
func (Reshape) Kind() string { return "Reshape" }

// Infer wants as many elements as before.
func (r Reshape) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) == 0 {
		return nil, fmt.Errorf("inputs %v, want one with a batch axis", in)
	}
	out := append(tensor.Shape{in[0][0]}, r.Dims...)
	if err := out.Check(); err != nil {
		return nil, err
	}
	if out.Elems() != in[0].Elems() {
		return nil, fmt.Errorf("input %v to %v, want the same number of elements", in[0], out)
	}
	return out, nil
}

// Alias shares the memory of x.
func (Reshape) Alias() int { return 0 }

// Lower has nothing to do.
func (Reshape) Lower(_ *graph.Env, _ *graph.Node, m *graph.Mem) graph.Loop { return aliasLoop(m) }

// Grad gives dy the shape of x.
func (Reshape) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	return gradOfFirst(g, n, want, Reshape{Dims: n.In[0].Shape[1:]}, dy)
}

// Ties follows the channels: element i of an image is of channel i mod C on both sides, so one
// side's channels are the other's, repeated, where one count divides the other. Channels that
// leave the last axis stay as they are.
func (Reshape) Ties(n *graph.Node) graph.Ties {
	x, y := n.In[0].Shape, n.Shape
	in, out := channelEnd(n, 0), channelEnd(n, graph.Out)
	c, k := x.Channels(), y.Channels()
	switch {
	case len(x) == 1 || len(y) == 1:
		return channelLocks(n)
	case c == k:
		return graph.Ties{Links: []graph.Tie{graph.Same(in, out)}}
	case c > 1 && k%c == 0:
		return graph.Ties{Links: []graph.Tie{graph.Modulo(in, out, c, k)}}
	case k > 1 && c%k == 0:
		return graph.Ties{Links: []graph.Tie{graph.Modulo(out, in, k, c)}}
	}
	return channelLocks(n)
}

// Cut counts the channels that remain.
func (r Reshape) Cut(n *graph.Node, keep func(graph.End) []int) graph.Op {
	out := keep(channelEnd(n, graph.Out))
	if out == nil || len(r.Dims) == 0 {
		return r
	}
	dims := append([]int(nil), r.Dims...)
	dims[len(dims)-1] = len(out)
	return Reshape{Dims: dims}
}
