package graph

import (
	"fmt"

	"github.com/secateur/secateur/core/tensor"
)

// Map makes a graph from a graph. f is called for each node in order with its inputs as they are
// in the new graph; it returns the node that stands for it there, usually dst.Keep(n, in), or nil
// to leave it out, which is an error if something kept needs it. Meta is copied, Outputs follow;
// the map returned leads from old nodes to new ones.
func Map(g *Graph, f func(dst *Graph, n *Node, in []*Node) (*Node, error)) (*Graph, map[*Node]*Node, error) {
	dst := New()
	for k, v := range g.Meta {
		dst.Meta[k] = v
	}
	at := make(map[*Node]*Node, len(g.Nodes))
	for _, n := range g.Nodes {
		in := make([]*Node, len(n.In))
		for i, x := range n.In {
			in[i] = at[x]
		}
		m, err := f(dst, n, in)
		if err != nil {
			return nil, nil, err
		}
		at[n] = m
	}
	for _, o := range g.Outputs {
		if at[o] == nil {
			return nil, nil, fmt.Errorf("output %q was left out", o.Name)
		}
		dst.Outputs = append(dst.Outputs, at[o])
	}
	return dst, at, nil
}

// Keep adds a copy of n, a node of another graph, with these inputs. A leaf's value is shared.
func (g *Graph) Keep(n *Node, in []*Node) (*Node, error) {
	for i, x := range in {
		if x == nil {
			return nil, fmt.Errorf("%s: input %q was left out", n.Name, n.In[i].Name)
		}
	}
	if n.IsLeaf() {
		return g.Leaf(n.Name, n.Op.(Leaf).Role, n.Shape, n.Value), nil
	}
	return g.Try(n.Name, n.Op, in...)
}

// Clone is a graph of its own whose leaves share their values with g's.
func (g *Graph) Clone() (*Graph, map[*Node]*Node) {
	c, at, err := Map(g, func(dst *Graph, n *Node, in []*Node) (*Node, error) { return dst.Keep(n, in) })
	if err != nil {
		panic(err)
	}
	return c, at
}

// Copy is a Clone whose leaves have values of their own.
func (g *Graph) Copy() *Graph {
	c, _ := g.Clone()
	for _, n := range c.Nodes {
		if n.Value != nil {
			n.Value = copyOf(n.Value)
		}
	}
	return c
}

// WithBatch is a Clone whose inputs take n images: those whose first axis is the batch of g. An
// input that has another first axis, such as the number of a step, stays as it is.
func (g *Graph) WithBatch(n int) (*Graph, map[*Node]*Node, error) {
	if n < 1 {
		return nil, nil, fmt.Errorf("a batch of %d images, want at least 1", n)
	}
	batch := g.Batch()
	return Map(g, func(dst *Graph, x *Node, in []*Node) (*Node, error) {
		if !x.Is(Input) || len(x.Shape) == 0 || x.Shape[0] != batch {
			return dst.Keep(x, in)
		}
		s := x.Shape.Clone()
		s[0] = n
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("%s: %w", x.Name, err)
		}
		return dst.Leaf(x.Name, Input, s, nil), nil
	})
}

// WithSize is a Clone whose picture, the only input of four axes, is h×w pixels. The error names an op that cannot
// follow, such as one with a window of the whole picture.
func (g *Graph) WithSize(h, w int) (*Graph, map[*Node]*Node, error) {
	return Map(g, func(dst *Graph, x *Node, in []*Node) (*Node, error) {
		if !x.Is(Input) || len(x.Shape) != 4 {
			return dst.Keep(x, in)
		}
		s := tensor.Shape{x.Shape[0], h, w, x.Shape[3]}
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("%s: %w", x.Name, err)
		}
		return dst.Leaf(x.Name, Input, s, nil), nil
	})
}

// Need marks, by ID, the nodes that the given ones are made from, themselves included.
func (g *Graph) Need(of ...*Node) []bool {
	need := make([]bool, len(g.Nodes))
	for _, n := range of {
		need[n.ID] = true
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		if !need[i] {
			continue
		}
		for _, in := range g.Nodes[i].In {
			need[in.ID] = true
		}
	}
	return need
}

// Sub is the part of g that makes outputs, with each node of feeds replaced by an Input of its
// name and shape: the head behind cached features, the suffix of a layer, or just the live part.
// Leaf values are shared.
func (g *Graph) Sub(feeds, outputs []*Node) (*Graph, map[*Node]*Node, error) {
	cut := map[*Node]bool{}
	for _, f := range feeds {
		cut[f] = true
	}
	need := g.needUpTo(cut, outputs)
	live := *g
	live.Outputs = outputs
	return Map(&live, func(dst *Graph, n *Node, in []*Node) (*Node, error) {
		switch {
		case !need[n.ID]:
			return nil, nil
		case cut[n]:
			return dst.Leaf(n.Name, Input, n.Shape, nil), nil
		}
		return dst.Keep(n, in)
	})
}

func (g *Graph) needUpTo(cut map[*Node]bool, of []*Node) []bool {
	need := make([]bool, len(g.Nodes))
	for _, n := range of {
		need[n.ID] = true
	}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		if n := g.Nodes[i]; need[i] && !cut[n] {
			for _, in := range n.In {
				need[in.ID] = true
			}
		}
	}
	return need
}

func copyOf(v []float32) []float32 {
	c := tensor.Floats(len(v))
	copy(c, v)
	return c
}
