package plan

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// recompute makes activations behind batch normalization anew in the backward pass instead of
// keeping them since the forward pass: one pass over what is kept in any case, the input of the
// normalization, for half of the memory (Chen et al. 2016, arXiv:1604.06174).
func (c *compiler) recompute() error {
	if c.Loss == "" {
		return nil
	}
	end := c.g.Node(c.Loss).ID
	again := map[*graph.Node]*graph.Node{} // by the node, in the new graph; nil until it is needed
	ins := map[*graph.Node][]*graph.Node{}
	for _, n := range c.recomputable(end) {
		again[n] = nil
	}
	return c.rewrite(func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		for i, x := range n.In {
			twin, ok := again[x]
			if !ok || n.ID <= end {
				continue
			}
			if twin == nil {
				var err error
				if twin, err = dst.Try(c.unused(x.Name+".again"), x.Op, ins[x]...); err != nil {
					return nil, err
				}
				again[x] = twin
			}
			in[i] = twin
		}
		if _, ok := again[n]; ok {
			ins[n] = in
		}
		return dst.Keep(n, in)
	})
}

// recomputable are the normalized activations that the forward pass, up to the node end, and the
// backward pass read, where the backward pass reads their input too.
func (c *compiler) recomputable(end int) (list []*graph.Node) {
	users := c.g.Users()
	later := func(n *graph.Node) (forward, backward bool) {
		for _, u := range users[n.ID] {
			forward, backward = forward || u.ID <= end, backward || u.ID > end
		}
		return forward, backward
	}
	seen, err := c.seen()
	for _, n := range c.g.Nodes[:end] {
		if _, ok := n.Op.(op.BatchNormClip); !ok || len(n.In) != 5 || seen[n] || err != nil {
			continue
		}
		forward, backward := later(n)
		if _, kept := later(n.In[0]); forward && backward && kept {
			list = append(list, n)
		}
	}
	return list
}
