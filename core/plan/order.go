package plan

import (
	"slices"

	"github.com/secateur/secateur/core/graph"
)

// order drops what nobody asked for and parts the rest: static nodes depend on leaves that no
// step changes and run when Refresh is called, the others run at every step. Nodes already stand
// after what they read; what changes a leaf goes behind its last other reader, and no later.
func (c *compiler) order() error {
	wanted, err := c.wanted()
	if err != nil {
		return err
	}
	need := c.g.Need(wanted...)
	dynamic := c.dynamic(need)
	for _, n := range c.g.Nodes {
		switch {
		case !need[n.ID] || n.IsLeaf():
		case dynamic[n.ID]:
			c.steps = append(c.steps, n)
		default:
			c.static = append(c.static, n)
		}
	}
	c.steps = mutateSoon(earlyFirst(c.steps))
	return checkMutators(c.steps)
}

// wanted are the outputs, what Keep names, gradients that no rule consumes, and updates.
func (c *compiler) wanted() ([]*graph.Node, error) {
	wanted := append([]*graph.Node(nil), c.updates...)
	if c.Loss == "" {
		wanted = append(wanted, c.g.Outputs...)
	} else {
		wanted = append(wanted, c.g.Node(c.Loss))
	}
	if c.Rule == nil {
		for _, name := range c.grads {
			wanted = append(wanted, c.g.Node(name))
		}
	}
	for _, name := range c.Keep {
		n, err := c.node(name)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, n)
	}
	for _, n := range c.g.Nodes {
		if _, ok := n.Op.(graph.Mutator); ok {
			wanted = append(wanted, n)
		}
	}
	return wanted, nil
}

// dynamic marks what depends on an Input or on a leaf that a step changes, and in a lean plan
// packed weights.
func (c *compiler) dynamic(need []bool) []bool {
	d := make([]bool, len(c.g.Nodes))
	for _, n := range c.g.Nodes {
		if n.Is(graph.Input) || c.lean && isPack(n) {
			d[n.ID] = true
		}
		if m, ok := n.Op.(graph.Mutator); ok && need[n.ID] {
			for _, i := range m.Mutates() {
				d[ownerOf(n.In[i]).ID] = true
			}
		}
	}
	for _, n := range c.g.Nodes {
		for _, in := range n.In {
			d[n.ID] = d[n.ID] || d[in.ID]
		}
	}
	return d
}

// earlyFirst moves each op that runs early behind the last of the steps it reads.
func earlyFirst(steps []*graph.Node) (out []*graph.Node) {
	after := map[*graph.Node][]*graph.Node{}
	waits := map[*graph.Node]bool{}
	place := map[*graph.Node]int{}
	for i, n := range steps {
		place[n] = i
		if e, ok := n.Op.(graph.Early); ok && e.Early() {
			last := slices.MaxFunc(n.In, func(a, b *graph.Node) int { return place[a] - place[b] })
			if _, isStep := place[last]; isStep {
				after[last], waits[n] = append(after[last], n), true
			}
		}
	}
	var add func(n *graph.Node)
	add = func(n *graph.Node) {
		out = append(out, n)
		for _, e := range after[n] {
			add(e)
		}
	}
	for _, n := range steps {
		if !waits[n] {
			add(n)
		}
	}
	return out
}
