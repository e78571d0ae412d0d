package plan

import (
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// branches lets the shorter of two branches that an Add joins run first where the longer one stands first: a projection beside
// the work of a block. Its gradient is then made last, and waits for nobody.
func (c *compiler) branches() error {
	if c.Loss == "" {
		return nil
	}
	first := c.shorter()
	if len(first) == 0 {
		return nil
	}
	at := map[*graph.Node]*graph.Node{}
	return c.rewrite(func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		for _, b := range first[n] {
			if at[b] != nil {
				continue
			}
			with := make([]*graph.Node, len(b.In))
			for i, x := range b.In {
				with[i] = at[x]
			}
			var err error
			if at[b], err = dst.Keep(b, with); err != nil {
				return nil, err
			}
		}
		if at[n] != nil {
			return at[n], nil
		}
		for i, x := range n.In {
			in[i] = at[x]
		}
		var err error
		at[n], err = dst.Keep(n, in)
		return at[n], err
	})
}

// shorter are the branches that are to run in front of the first node of the other branch.
func (c *compiler) shorter() map[*graph.Node][]*graph.Node {
	first, users := map[*graph.Node][]*graph.Node{}, c.g.Users()
	for _, n := range c.g.Nodes {
		if _, ok := n.Op.(op.Add); !ok || n.In[0] == n.In[1] {
			continue
		}
		long, short := branch(n.In[0], n, users), branch(n.In[1], n, users)
		if len(long) < len(short) {
			long, short = short, long
		}
		if len(short) > 0 && len(short) < len(long) && short[0].ID > long[0].ID && madeBefore(short, long[0]) {
			first[long[0]] = short
		}
	}
	return first
}

// madeBefore reports whether all that a branch reads stands in front of n.
func madeBefore(branch []*graph.Node, n *graph.Node) bool {
	for _, b := range branch {
		for _, in := range b.In {
			if in.ID >= n.ID && !slices.Contains(branch, in) {
				return false
			}
		}
	}
	return true
}

// branch is the nodes that only n needs, n among them, and of leaves those that nobody else reads. What changes a leaf on the
// way, such as running statistics, reads them beside.
func branch(n, end *graph.Node, users [][]*graph.Node) (nodes []*graph.Node) {
	inside := map[*graph.Node]bool{end: true}
	outside := func(u *graph.Node) bool {
		_, changes := u.Op.(graph.Mutator)
		return !inside[u] && !changes
	}
	var add func(n *graph.Node)
	add = func(n *graph.Node) {
		if inside[n] || slices.ContainsFunc(users[n.ID], outside) {
			return
		}
		inside[n], nodes = true, append(nodes, n)
		for _, in := range n.In {
			add(in)
		}
	}
	add(n)
	slices.SortFunc(nodes, func(a, b *graph.Node) int { return a.ID - b.ID })
	return nodes
}
