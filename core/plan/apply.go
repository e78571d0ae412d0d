package plan

import (
	"maps"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/optim"
)

// apply makes one op of the gradient of a convolution's weights and of their update, which is then never stored, where
// it is larger than the input of the layer, which waits for the update instead.
func (c *compiler) apply() error {
	by, inner := c.applied()
	for dw := range by {
		maps.DeleteFunc(c.grads, func(_, grad string) bool { return grad == dw.Name })
	}
	at := map[*graph.Node]*graph.Node{} // in the new graph
	return c.rewrite(func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (m *graph.Node, err error) {
		defer func() { at[n] = m }()
		switch u := by[n]; {
		case at[n] != nil: // a leaf that an update before it reads, or the update
			return at[n], nil
		case inner[n]:
			return nil, nil
		case u != nil:
			o, of, _ := optim.NewConvUpdate(u)
			with := make([]*graph.Node, len(of))
			for i, x := range of {
				if at[x] == nil {
					at[x] = dst.Leaf(x.Name, x.Op.(graph.Leaf).Role, x.Shape, x.Value)
				}
				with[i] = at[x]
			}
			at[u], err = dst.Try(u.Name, o, with...)
			return nil, err
		}
		return dst.Keep(n, in)
	})
}

// applied are the updates that make their gradients themselves, by these, and the nodes in between that go.
func (c *compiler) applied() (by map[*graph.Node]*graph.Node, inner map[*graph.Node]bool) {
	by, inner = map[*graph.Node]*graph.Node{}, map[*graph.Node]bool{}
	kept, users := c.kept(), c.g.Users()
	for _, u := range c.g.Nodes {
		_, in, ok := optim.NewConvUpdate(u)
		if !ok {
			continue
		}
		dw, scale, x := u.In[1], u.In[len(u.In)-1], in[len(in)-1]
		norm := scale.In[0]
		if kept[dw.Name] || len(users[dw.ID]) != 2 || len(users[norm.ID]) != 1 || len(users[scale.ID]) != 1 || dw.Shape.Elems() <= x.Shape.Elems() {
			continue
		}
		by[dw], inner[norm], inner[scale] = u, true, true
	}
	return by, inner
}
