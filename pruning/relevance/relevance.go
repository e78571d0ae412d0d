// Package relevance writes layer-wise relevance propagation (Bach et al., PLoS ONE 10(7), 2015) as more nodes in the same
// graph: from 1 at the true class's logit each layer hands what it got on to what it read, in shares, so that the sum stays
// what it was. Like a backward pass, only what lies between the logits and what is asked for gets nodes.
package relevance

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// Propagate adds to g the nodes that make the relevance of each node of at, of its shape, from start, the relevance of
// logits: 1 at the true class. A node that no relevance reaches is missing from the map: the inner layers of a gate, since
// all relevance goes to what is gated.
//
// Batch normalization behind a layer is folded into it. The error names an op without a rule.
func Propagate(g *graph.Graph, logits, start *graph.Node, at []*graph.Node, rules Rules) (map[*graph.Node]*graph.Node, error) {
	if !start.Shape.Equal(logits.Shape) {
		return nil, fmt.Errorf("relevance of %s has shape %v, want %v", logits.Name, start.Shape, logits.Shape)
	}
	p := newPass(g, logits, at, rules)
	p.give(logits, start)
	asked := map[*graph.Node]bool{}
	for _, n := range at {
		asked[n] = true
	}
	out := map[*graph.Node]*graph.Node{}
	for id := logits.ID; id >= 0; id-- {
		n := g.Nodes[id]
		if !p.reach[id] || len(p.parts[n]) == 0 {
			continue
		}
		r := p.sum(n)
		if asked[n] {
			out[n] = r
		}
		if err := p.through(n, r); err != nil {
			return nil, fmt.Errorf("%s: %w", n.Name, err)
		}
	}
	return out, nil
}

// pass is the state of one propagation.
type pass struct {
	g     *graph.Graph
	rules Rules
	parts map[*graph.Node][]*graph.Node // the relevance that has arrived at each node so far
	users [][]*graph.Node               // by ID, of the network alone
	reach []bool                        // by ID: made from what is asked for
	live  []bool                        // by ID: made from the pictures
	floor []bool                        // by ID: at least 0
}

func newPass(g *graph.Graph, logits *graph.Node, at []*graph.Node, rules Rules) *pass {
	size := logits.ID + 1
	p := &pass{g: g, rules: rules, parts: map[*graph.Node][]*graph.Node{}, users: make([][]*graph.Node, size),
		reach: make([]bool, size), live: make([]bool, size), floor: make([]bool, size)}
	for _, n := range at {
		if n.ID < size {
			p.reach[n.ID] = true
		}
	}
	for id, n := range g.Nodes[:size] {
		p.live[id] = n.Is(graph.Input)
		for _, in := range n.In {
			p.users[in.ID] = append(p.users[in.ID], n)
			p.reach[id] = p.reach[id] || p.reach[in.ID]
			p.live[id] = p.live[id] || p.live[in.ID]
		}
		p.floor[id] = p.neverNegative(n)
	}
	return p
}

func (p *pass) give(n, r *graph.Node) { p.parts[n] = append(p.parts[n], r) }

// sum is the relevance of n: the sum of what its readers sent back.
func (p *pass) sum(n *graph.Node) *graph.Node { return p.total(n.Name+".r", p.parts[n]) }

func (p *pass) total(name string, parts []*graph.Node) *graph.Node {
	if len(parts) == 1 {
		return parts[0]
	}
	return p.g.Add(name, op.AddN{}, parts...)
}

// through sends r from n to those of its inputs that lead to what is asked for.
func (p *pass) through(n, r *graph.Node) error {
	want := make([]bool, len(n.In))
	any := false
	for i, in := range n.In {
		want[i] = p.reach[in.ID]
		any = any || want[i]
	}
	if !any {
		return nil
	}
	given, err := p.rule(n, r, want)
	if err != nil {
		return err
	}
	for i, d := range given {
		switch {
		case d == nil || !want[i]:
		case !d.Shape.Equal(n.In[i].Shape):
			return fmt.Errorf("%s repeats %s, %v, to %v: relevance has no rule for that", n.Op.Kind(), n.In[i].Name, n.In[i].Shape, n.Shape)
		default:
			p.give(n.In[i], d)
		}
	}
	return nil
}

// rule is the relevance of n's inputs, nil where none arrives, by the table of rules (reference: pruning §1.9).
func (p *pass) rule(n, r *graph.Node, want []bool) ([]*graph.Node, error) {
	switch n.Op.(type) {
	case op.Conv, op.Depthwise, op.Gemm:
		return []*graph.Node{p.dense(n, r)}, nil
	case op.Relu, op.Clip, op.LeakyRelu, op.PRelu, op.HardSwish, op.Silu, op.HardSigmoid, op.Sigmoid, op.Tanh, op.Exp, op.Neg, op.Dropout,
		op.Identity, op.BatchNormalization, op.LRN, op.Softmax, op.LogSoftmax:
		return []*graph.Node{r}, nil
	case op.MaxPool, op.Concat, op.Reshape, op.Slice, op.Transpose, op.Gather, op.Pad, op.Rearrange:
		return n.Op.(graph.Grader).Grad(p.g, n, r, want), nil
	case op.AveragePool, op.GlobalAveragePool, op.ReduceMean, op.Resize:
		return []*graph.Node{p.mean(n, r)}, nil
	case op.Add, op.Sub:
		return p.addition(n, r), nil
	case op.Mul:
		return p.product(n, r)
	case op.Div, op.Max, op.Min:
		return p.constant(n, r)
	}
	return nil, fmt.Errorf("relevance has no rule for %s", n.Op.Kind())
}

// neverNegative reports whether no value of n lies below 0, given that of the nodes in front of it.
func (p *pass) neverNegative(n *graph.Node) bool {
	switch o := n.Op.(type) {
	case op.Relu, op.Sigmoid, op.HardSigmoid, op.Exp, op.Softmax:
		return true
	case op.Clip:
		return o.Min >= 0 || p.floor[n.In[0].ID]
	case op.Pad:
		return o.Value >= 0 && p.floor[n.In[0].ID]
	case op.MaxPool, op.AveragePool, op.GlobalAveragePool, op.ReduceMean, op.Resize, op.Reshape, op.Transpose, op.Gather, op.Slice,
		op.Rearrange, op.Identity, op.Dropout, op.Concat, op.Add, op.Mul:
		for _, in := range n.In {
			if !p.floor[in.ID] {
				return false
			}
		}
		return true
	}
	return false
}
