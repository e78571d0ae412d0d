package groups

import (
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// tract is connected activations that carry a group's channels, from producers to readers.
type tract struct {
	nodes   []*graph.Node // in order
	in      map[*graph.Node]bool
	adds    []*graph.Node // sums of two branches
	readers []*graph.Node // inputs of the ops whose weights read the channels
	users   [][]*graph.Node
}

// tracts is the activations of a unit in connected pieces: more than one where a weight is used
// at several places.
func (r *roles) tracts(u Unit) []*tract {
	all := r.activations(u)
	piece := map[*graph.Node]*tract{}
	var pieces []*tract
	for _, n := range all.nodes {
		t := &tract{in: map[*graph.Node]bool{n: true}, nodes: []*graph.Node{n}, users: r.users}
		for _, x := range all.inputs(n) {
			t.merge(piece[x])
		}
		for _, x := range t.nodes {
			piece[x] = t
		}
	}
	for _, n := range all.nodes {
		if t := piece[n]; !slices.Contains(pieces, t) {
			t.finish(r, u)
			pieces = append(pieces, t)
		}
	}
	return pieces
}

func (r *roles) activations(u Unit) *tract {
	t := &tract{in: map[*graph.Node]bool{}}
	for _, s := range u.Slices {
		if !s.Node.IsLeaf() && s.Axis == len(s.Node.Shape)-1 && !t.in[s.Node] {
			t.in[s.Node] = true
			t.nodes = append(t.nodes, s.Node)
		}
	}
	return t
}

func (t *tract) merge(other *tract) {
	for _, n := range other.nodes {
		if !t.in[n] {
			t.in[n] = true
			t.nodes = append(t.nodes, n)
		}
	}
}

// finish puts the nodes in order and finds sums and readers.
func (t *tract) finish(r *roles, u Unit) {
	slices.SortFunc(t.nodes, func(a, b *graph.Node) int { return a.ID - b.ID })
	for _, n := range t.nodes {
		if sum(n) && len(t.inputs(n)) > 1 {
			t.adds = append(t.adds, n)
		}
	}
	for _, site := range r.at(u, false, true) {
		if x := site.Op.In[0]; t.in[x] && !slices.Contains(t.readers, x) {
			t.readers = append(t.readers, x)
		}
	}
}

// inputs is the inputs of n that carry the channels.
func (t *tract) inputs(n *graph.Node) []*graph.Node {
	var in []*graph.Node
	for _, x := range n.In {
		if t.in[x] {
			in = append(in, x)
		}
	}
	return in
}

// gates is every Add of a residual stream, else the last place that all readers depend on, else
// the last place before each reader.
func (t *tract) gates() []*graph.Node {
	if len(t.adds) > 0 {
		return t.each(t.adds, t.behind)
	}
	for _, wanted := range []func(*graph.Node) bool{computes, anything} {
		for i := len(t.nodes) - 1; i >= 0; i-- {
			if n := t.nodes[i]; wanted(n) && t.governs(n) {
				return []*graph.Node{n}
			}
		}
	}
	return t.each(t.readers, t.before)
}

func (t *tract) each(nodes []*graph.Node, place func(*graph.Node) *graph.Node) []*graph.Node {
	var out []*graph.Node
	for _, n := range nodes {
		if p := place(n); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// behind follows the activation functions that alone read n.
func (t *tract) behind(n *graph.Node) *graph.Node {
	for len(t.users[n.ID]) == 1 && activation(t.users[n.ID][0]) && t.in[t.users[n.ID][0]] {
		n = t.users[n.ID][0]
	}
	return n
}

// before goes back over ops that only move values.
func (t *tract) before(n *graph.Node) *graph.Node {
	for !computes(n) && len(t.inputs(n)) == 1 {
		n = t.inputs(n)[0]
	}
	return n
}

// governs reports whether silencing a channel of x silences it for all readers: a product is
// silent when one factor is, anything else when all its branches are.
func (t *tract) governs(x *graph.Node) bool {
	silent := map[*graph.Node]bool{x: true}
	for _, n := range t.nodes {
		in := t.inputs(n)
		if n.ID <= x.ID || len(in) == 0 {
			continue
		}
		quiet := 0
		for _, y := range in {
			if silent[y] {
				quiet++
			}
		}
		silent[n] = quiet == len(in) || quiet > 0 && product(n)
	}
	for _, n := range t.readers {
		if !silent[n] {
			return false
		}
	}
	return true
}

func anything(*graph.Node) bool { return true }

// computes tells ops that make values from those that pool, move or select them.
func computes(n *graph.Node) bool {
	switch n.Op.(type) {
	case op.MaxPool, op.AveragePool, op.GlobalAveragePool, op.ReduceMean, op.Resize, op.Reshape,
		op.Transpose, op.Identity, op.Dropout, op.Concat, op.Slice, op.Gather, op.Pad:
		return false
	}
	return true
}

// sum reports whether n adds or subtracts.
func sum(n *graph.Node) bool {
	switch n.Op.(type) {
	case op.Add, op.Sub:
		return true
	}
	return false
}

// product reports whether n is silent where one input is.
func product(n *graph.Node) bool {
	_, ok := n.Op.(op.Mul)
	return ok
}

// activation reports whether n is a function of each value by itself.
func activation(n *graph.Node) bool {
	switch n.Op.(type) {
	case op.Relu, op.Clip, op.LeakyRelu, op.PRelu, op.HardSwish, op.HardSigmoid, op.Sigmoid, op.Silu, op.Tanh:
		return true
	}
	return false
}

// NeverNegative reports whether the values of n are at least 0, so that their mean is the mean
// of their magnitudes.
func NeverNegative(n *graph.Node) bool {
	switch o := n.Op.(type) {
	case op.Relu, op.Sigmoid, op.HardSigmoid, op.Exp:
		return true
	case op.Clip:
		return o.Min >= 0
	}
	return false
}
