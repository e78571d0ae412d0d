// Package grad writes the backward pass: more nodes in the same graph.
package grad

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// Differentiate adds to g the nodes that make the gradient of the sum of loss with respect to
// each node of wrt, and returns them; a node that loss does not depend on is missing from the
// map. Only what lies between wrt and loss gets backward nodes: a frozen layer costs nothing.
//
// A node of wrt need not be a leaf: the gradient of an activation is what Γ is made from.
func Differentiate(g *graph.Graph, loss *graph.Node, wrt []*graph.Node) (map[*graph.Node]*graph.Node, error) {
	b := backward{g: g, parts: map[*graph.Node][]*graph.Node{}, reach: reach(g, loss, wrt)}
	b.give(loss, ones(g, loss))
	asked := map[*graph.Node]bool{}
	for _, n := range wrt {
		asked[n] = true
	}
	out := map[*graph.Node]*graph.Node{}
	for id := loss.ID; id >= 0; id-- {
		n := g.Nodes[id]
		if !b.reach[id] || len(b.parts[n]) == 0 {
			continue
		}
		dy := b.sum(n)
		if asked[n] {
			out[n] = dy
		}
		if err := b.through(n, dy); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// backward is the state of one pass: the gradients that have arrived at each node so far.
type backward struct {
	g     *graph.Graph
	parts map[*graph.Node][]*graph.Node
	reach []bool // by ID: on a path from wrt to the loss
}

// reach marks the nodes up to loss that depend on wrt.
func reach(g *graph.Graph, loss *graph.Node, wrt []*graph.Node) []bool {
	r := make([]bool, len(g.Nodes))
	for _, n := range wrt {
		r[n.ID] = true
	}
	for _, n := range g.Nodes[:loss.ID+1] {
		for _, in := range n.In {
			r[n.ID] = r[n.ID] || r[in.ID]
		}
	}
	return r
}

func ones(g *graph.Graph, loss *graph.Node) *graph.Node {
	v := tensor.Floats(loss.Shape.Elems())
	for i := range v {
		v[i] = 1
	}
	return g.Leaf(loss.Name+".d", graph.Const, loss.Shape, v)
}

func (b *backward) give(n, d *graph.Node) { b.parts[n] = append(b.parts[n], d) }

// sum is the gradient of n: the sum of what its readers sent back.
func (b *backward) sum(n *graph.Node) *graph.Node {
	parts := b.parts[n]
	if len(parts) == 1 {
		return parts[0]
	}
	return b.g.Add(n.Name+".d", op.AddN{}, parts...)
}

// through sends dy from n to those of its inputs that want it.
func (b *backward) through(n, dy *graph.Node) error {
	want := make([]bool, len(n.In))
	any := false
	for i, in := range n.In {
		want[i] = b.reach[in.ID]
		any = any || want[i]
	}
	if !any {
		return nil
	}
	gr, ok := n.Op.(graph.Grader)
	if !ok {
		return fmt.Errorf("%s: %s has no gradient, so nothing in front of it can be trained", n.Name, n.Op.Kind())
	}
	for i, d := range gr.Grad(b.g, n, dy, want) {
		if d == nil || !want[i] {
			continue
		}
		if !d.Shape.Equal(n.In[i].Shape) {
			panic(fmt.Errorf("%s: gradient of input %d has shape %v, want %v", n.Name, i, d.Shape, n.In[i].Shape))
		}
		b.give(n.In[i], d)
	}
	return nil
}
