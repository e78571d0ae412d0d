package plan

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// fuse lets a loop end each piece of its output with the activation that is the only one to read
// it, or with the mask of an activation's gradient: the piece is still in the cache.
func (c *compiler) fuse() error {
	for more := true; more; {
		nodes := len(c.g.Nodes)
		if err := c.fusePairs(); err != nil {
			return err
		}
		more = len(c.g.Nodes) < nodes
	}
	return nil
}

// fusePairs fuses nodes with what directly follows.
func (c *compiler) fusePairs() error {
	seen, err := c.seen()
	if err != nil {
		return err
	}
	users := c.g.Users()
	fused := map[*graph.Node]graph.Op{} // by the node behind
	for _, n := range c.g.Nodes {
		if u := users[n.ID]; len(u) == 1 && !seen[n] && u[0].In[0] == n && fits(n, u[0]) {
			if o, ok := op.Fuse(n.Op, u[0].Op); ok {
				fused[u[0]] = o
			}
		}
	}
	if len(fused) == 0 {
		return nil
	}
	inputs := map[*graph.Node][]*graph.Node{} // of the nodes that are no more, in the new graph
	return c.rewrite(func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		if u := users[n.ID]; len(u) == 1 && fused[u[0]] != nil && u[0].In[0] == n && fused[n] == nil {
			inputs[n] = in
			return nil, nil
		}
		if o := fused[n]; o != nil {
			return dst.Try(n.Name, o, append(inputs[n.In[0]], in[1:]...)...)
		}
		return dst.Keep(n, in)
	})
}

// fits reports whether what follows n goes element by element.
func fits(n, u *graph.Node) bool {
	_, add := u.Op.(op.Add)
	return !add || u.In[1].Shape.Equal(n.Shape)
}

// seen are the nodes whose contents somebody wants.
func (c *compiler) seen() (map[*graph.Node]bool, error) {
	wanted, err := c.wanted()
	seen := map[*graph.Node]bool{}
	for _, n := range append(wanted, c.g.Outputs...) {
		seen[n] = true
	}
	for _, name := range c.Gates {
		seen[c.g.Node(name)] = true
	}
	return seen, err
}
