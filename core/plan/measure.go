package plan

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// measure lets the loop that makes a tensor add up the sums that a batch normalization, or the
// gradient of one, wants of it.
func (c *compiler) measure() error {
	by := c.measurable()
	whole := map[*graph.Node]*graph.Node{} // by the node of the tensor, in the new graph
	at := map[*graph.Node]*graph.Node{}
	return c.rewrite(func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (m *graph.Node, err error) {
		defer func() { at[n] = m }()
		if sums := by[n]; sums != nil {
			o, _ := op.FuseSums(n.Op, sums.Op, n.Shape)
			for _, x := range sums.In[1:] {
				in = append(in, at[x])
			}
			if whole[n], err = dst.Try(c.unused(n.Name+".measured"), o, in...); err != nil {
				return nil, err
			}
			return dst.Try(n.Name, op.Front{Dims: n.Shape}, whole[n])
		}
		if len(n.In) > 0 && by[n.In[0]] == n {
			joined := []*graph.Node{whole[n.In[0]]}
			if last := len(in) - 1; last > 0 {
				joined = append(joined, in[last]) // the variance
			}
			return dst.Try(n.Name, op.Joined{By: n.Op, Channels: n.In[0].Shape.Channels()}, joined...)
		}
		return dst.Keep(n, in)
	})
}

// measurable are the sums that the loops of tensors can make, by the node of the tensor. What the
// sums depend on beside it must be there before.
func (c *compiler) measurable() map[*graph.Node]*graph.Node {
	by := map[*graph.Node]*graph.Node{}
	for _, n := range c.g.Nodes {
		if len(n.In) == 0 || by[n.In[0]] != nil {
			continue
		}
		_, ok := op.FuseSums(n.In[0].Op, n.Op, n.In[0].Shape)
		for _, x := range n.In[1:] {
			ok = ok && x.ID < n.In[0].ID
		}
		if ok {
			by[n.In[0]] = n
		}
	}
	return by
}
