package plan

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// fuseInputs lets a loop normalize its images as it reads them, where nobody else reads what the
// normalization makes: that tensor is never stored. In inference it takes the memory of what it
// is made from, and there is nothing to save.
func (c *compiler) fuseInputs() error {
	if c.Loss == "" {
		return nil
	}
	seen, err := c.seen()
	if err != nil {
		return err
	}
	users := c.g.Users()
	ins := map[*graph.Node][]*graph.Node{} // of the nodes that are no more, in the new graph
	return c.rewrite(func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		if u := users[n.ID]; len(u) == 1 && !seen[n] {
			if _, images, ok := op.FuseInput(u[0].Op, u[0].In); ok && u[0].In[images] == n {
				ins[n] = in
				return nil, nil
			}
		}
		o, images, ok := op.FuseInput(n.Op, n.In)
		if !ok || ins[n.In[images]] == nil {
			return dst.Keep(n, in)
		}
		norm := ins[n.In[images]]
		with := append([]*graph.Node{}, in...)
		with[images] = norm[0]
		return dst.Try(n.Name, o, append(with, norm[1:]...)...)
	})
}
