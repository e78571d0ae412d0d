package plan

import (
	"errors"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// pack gives each layer whose loop reads packed weights a node that packs them. Weights at rest
// are then packed in Refresh, others in each step, once for what the forward pass reads and once
// for the gradient of the input.
func (c *compiler) pack() error {
	wanted, err := c.wanted()
	if err != nil {
		return err
	}
	dynamic := c.dynamic(c.g.Need(wanted...))
	return c.rewrite(func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		if len(n.In) < 2 {
			return dst.Keep(n, in)
		}
		pack, of, ok := op.Pack(&c.Env, n, !c.lean && !dynamic[n.In[1].ID])
		if !ok {
			return dst.Keep(n, in)
		}
		w, err := dst.Try(c.unused(n.Name+".packed"), pack, in[1])
		if err != nil {
			return nil, err
		}
		with := append([]*graph.Node{in[0], w}, in[2:]...)
		return dst.Try(n.Name, of, with...)
	})
}

// rewrite maps the graph.
func (c *compiler) rewrite(f func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error)) error {
	g, at, err := graph.Map(c.g, f)
	if err != nil {
		return err
	}
	for i, u := range c.updates {
		c.updates[i] = at[u]
	}
	c.g = g
	return nil
}

// unused is name, or a longer one where a node of the graph has it: nodes keep their names.
func (c *compiler) unused(name string) string {
	for c.g.Node(name) != nil {
		name += "+"
	}
	return name
}

// isPack reports whether a node packs weights.
func isPack(n *graph.Node) bool {
	_, ok := n.Op.(op.PackWeights)
	return ok
}

// orLean is a plan, or where that is over its budget one that packs weights in each step, into
// memory that they share with activations.
func orLean(compile func(lean bool) (*Plan, error)) (*Plan, error) {
	p, err := compile(false)
	var over *BudgetError
	if errors.As(err, &over) && over.Static > 0 {
		return compile(true)
	}
	return p, err
}
