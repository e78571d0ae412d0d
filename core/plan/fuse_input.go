package plan

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// fuseInputs lets a loop normalize or clip its images as it reads them, where nobody else reads what that makes: the tensor
// is never stored.
func (c *compiler) fuseInputs() error {
	seen, err := c.seen()
	if err != nil {
		return err
	}
	users := c.g.Users()
	ins := map[*graph.Node][]*graph.Node{} // of the nodes that are no more, in the new graph
	return c.rewrite(func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		if u := users[n.ID]; len(u) == 1 && !seen[n] && c.saves(n, users) {
			if _, images, ok := op.FuseInput(u[0].Op, u[0].In); ok && u[0].In[images] == n {
				ins[n] = in
				return nil, nil
			}
		}
		o, images, ok := op.FuseInput(n.Op, n.In)
		if !ok || ins[n.In[images]] == nil {
			return dst.Keep(n, in)
		}
		front := ins[n.In[images]]
		with := append([]*graph.Node{}, in...)
		with[images] = front[0]
		return dst.Try(n.Name, o, append(with, front[1:]...)...)
	})
}

// saves reports whether n takes memory of its own: a normalization where it is differentiated, and a Clip of what others
// read, too. Else it takes the memory of what it is made from, or ends the loop in front of it.
func (c *compiler) saves(n *graph.Node, users [][]*graph.Node) bool {
	switch n.Op.(type) {
	case op.BatchNormClip:
		return c.Loss != ""
	case op.Clip:
		return len(users[n.In[0].ID]) > 1
	}
	return false
}
