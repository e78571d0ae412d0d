package plan

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// stream lets a depthwise convolution make the images that it alone reads by the convolution in front of it, some rows
// at a time.
func (c *compiler) stream() error {
	seen, err := c.seen()
	if err != nil {
		return err
	}
	users := c.g.Users()
	type streamed struct {
		op graph.Op
		in []*graph.Node
	}
	with, gone := map[*graph.Node]streamed{}, map[*graph.Node]bool{}
	for _, n := range c.g.Nodes {
		o, in, taken, ok := op.Stream(&c.Env, n)
		for _, t := range taken {
			ok = ok && len(users[t.ID]) == 1 && !seen[t]
		}
		if !ok {
			continue
		}
		with[n] = streamed{o, in}
		for _, t := range taken {
			gone[t] = true
		}
	}
	at := map[*graph.Node]*graph.Node{}
	return c.rewrite(func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (m *graph.Node, err error) {
		defer func() { at[n] = m }()
		switch s, ok := with[n]; {
		case gone[n]:
			return nil, nil
		case ok:
			for _, x := range s.in {
				in = append(in, at[x])
			}
			return dst.Try(n.Name, s.op, in[len(n.In):]...)
		}
		return dst.Keep(n, in)
	})
}
