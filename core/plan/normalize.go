package plan

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// normalize makes one op of a batch normalization and of the residual and the activation behind
// it, and one of the two statistics of a batch. It runs before the graph is differentiated, so
// that gradients too are those of one op: they read what it is made from, and nothing in between.
func (c *compiler) normalize() error {
	chains, inner := c.normChains()
	stats := map[*graph.Node]*graph.Node{} // by the node of the mean, in the new graph
	ins := map[*graph.Node][]*graph.Node{} // of nodes that chains take in, in the new graph
	users := c.g.Users()
	return c.rewrite(func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		ins[n] = in
		switch chain := chains[n]; {
		case inner[n]:
			return nil, nil
		case chain != nil:
			return dst.Try(n.Name, chain.op, chain.inputs(ins)...)
		case isMeanOf(n, users[n.ID]):
			var err error
			if stats[n], err = dst.Try(c.unused(n.Name+".stats"), op.BatchStats{}, in...); err != nil {
				return nil, err
			}
			return dst.Try(n.Name, op.Row{Index: 0}, stats[n])
		case len(n.In) == 2 && stats[n.In[1]] != nil && isVarOf(n, n.In[1]):
			return dst.Try(n.Name, op.Row{Index: 1}, stats[n.In[1]])
		}
		return dst.Keep(n, in)
	})
}

// isMeanOf reports whether n is the mean that a variance of the same tensor is about.
func isMeanOf(n *graph.Node, users []*graph.Node) bool {
	if _, ok := n.Op.(op.BatchMean); !ok {
		return false
	}
	for _, u := range users {
		if isVarOf(u, n) {
			return true
		}
	}
	return false
}

func isVarOf(n, mean *graph.Node) bool {
	_, ok := n.Op.(op.BatchVar)
	return ok && n.In[1] == mean && n.In[0] == mean.In[0]
}

// normChain is a batch normalization and what becomes one op with it.
type normChain struct {
	bn, add  *graph.Node // add is nil without a residual
	residual int         // which input of add
	op       op.BatchNormClip
}

// inputs are those of the op, in the new graph.
func (s *normChain) inputs(ins map[*graph.Node][]*graph.Node) []*graph.Node {
	in := ins[s.bn]
	if s.add != nil {
		in = append(in[:len(in):len(in)], ins[s.add][s.residual])
	}
	return in
}

// normChains are the chains by the node that each ends with, and the nodes in front of these.
func (c *compiler) normChains() (chains map[*graph.Node]*normChain, inner map[*graph.Node]bool) {
	chains, inner = map[*graph.Node]*normChain{}, map[*graph.Node]bool{}
	kept, users := c.kept(), c.g.Users()
	// next is the only reader of n, nil if n is seen by others.
	next := func(n *graph.Node) *graph.Node {
		if u := users[n.ID]; len(u) == 1 && !kept[n.Name] {
			return u[0]
		}
		return nil
	}
	for _, n := range c.g.Nodes {
		o, ok := op.FuseNorm(n.Op)
		if !ok {
			continue
		}
		s, last := &normChain{bn: n, op: o}, n
		if u := next(n); s.takeAdd(u, n) && !inner[u] && chains[u] == nil {
			last = u
		} else {
			s.add = nil
		}
		if u := next(last); u != nil {
			if with, ok := s.op.With(u.Op); ok {
				s.op, inner[last], last = with, true, u
			}
		}
		if inner[n] = last != n; inner[n] {
			chains[last] = s
		}
	}
	return chains, inner
}

// takeAdd takes in u if it adds a tensor of the same shape to n.
func (s *normChain) takeAdd(u, n *graph.Node) bool {
	if u == nil {
		return false
	}
	if _, ok := u.Op.(op.Add); !ok || u.In[0] == u.In[1] || !u.In[0].Shape.Equal(u.In[1].Shape) {
		return false
	}
	if s.add = u; u.In[0] == n {
		s.residual = 1
	}
	return true
}
