package groups

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/secateur/secateur/core/graph"
)

// Slice is one index along one axis of one tensor.
type Slice struct {
	Node  *graph.Node
	Axis  int
	Index int
}

// Unit is what goes together: a filter, the bias and batch norm values behind it, the columns
// that read it, and whatever residual connections, shuffles and flattenings tie to it.
type Unit struct {
	Slices []Slice // by node, axis, index
}

// Indices lists where the unit lies along an axis of a tensor, in ascending order.
func (u Unit) Indices(n *graph.Node, axis int) []int {
	var at []int
	for _, s := range u.Slices {
		if s.Node == n && s.Axis == axis {
			at = append(at, s.Index)
		}
	}
	return at
}

// Member is one axis of a leaf that loses indices when units of a group go.
type Member struct {
	Leaf *graph.Node
	Axis int
}

// Group is a set of units that lie in the same tensors, hence alike: a layer's width.
type Group struct {
	ID   int
	Name string // of the first op that produces its channels
	// Units are ordered by their index in the first producer.
	Units []Unit
	// Members are all leaves, among them fixed 0/1 wiring, which is sliced but never scored.
	Members []Member
	// Producers make the channels: weights whose axis 0 is a member.
	Producers []Site
	// Consumers read them: weights whose last axis is a member.
	Consumers []Site
	// Gates are where activations and gate gradients are collected: behind batch norm and
	// activation, one for a chain; behind each Add for a residual stream; and so for each place
	// where a shared weight is used.
	Gates  []*graph.Node
	Stream bool   // an Add of two branches is part of it
	Locked bool   // it must keep its width
	Reason string // why it is locked
}

// Kind is locked, stream or inner.
func (g *Group) Kind() string {
	switch {
	case g.Locked:
		return "locked"
	case g.Stream:
		return "stream"
	}
	return "inner"
}

// Structure is the groups of one graph.
type Structure struct {
	Graph  *graph.Graph
	Groups []*Group
}

// Free is the groups that may be pruned.
func (s *Structure) Free() []*Group {
	var free []*Group
	for _, g := range s.Groups {
		if !g.Locked {
			free = append(free, g)
		}
	}
	return free
}

// HasNorm reports whether batch norm lies apart somewhere in the graph, not folded into the weights.
func (s *Structure) HasNorm() bool { return slices.ContainsFunc(s.Graph.Nodes, isNorm) }

// Named is the group of that name, nil if there is none.
func (s *Structure) Named(name string) *Group {
	for _, g := range s.Groups {
		if g.Name == name {
			return g
		}
	}
	return nil
}

// Find finds the channel groups of a graph from the ties of its ops. Each component of tied
// elements that a dense weight produces is a unit; units that lie in the same axes of the same
// tensors are a group. Units with a locked element form groups of their own, which say why.
// Groups are in the order of their first producer. The error names an op whose ties do not fit
// its tensors.
func Find(g *graph.Graph) (*Structure, error) {
	e, err := readElements(g)
	if err != nil {
		return nil, err
	}
	r := newRoles(g)
	s := &Structure{Graph: g}
	byKey := map[string]*Group{}
	for _, c := range e.components() {
		if !r.produced(c.unit) {
			continue
		}
		key := c.key()
		gr := byKey[key]
		if gr == nil {
			gr = r.group(c)
			byKey[key] = gr
			s.Groups = append(s.Groups, gr)
		}
		gr.Units = append(gr.Units, c.unit)
	}
	s.arrange()
	return s, nil
}

// arrange puts groups and units in order and gives the groups numbers and distinct names. The
// order does not depend on which units are left, so that names outlive a cut.
func (s *Structure) arrange() {
	for _, g := range s.Groups {
		first := g.Producers[0]
		slices.SortStableFunc(g.Units, func(a, b Unit) int {
			return cmp.Compare(a.Indices(first.Weight, 0)[0], b.Indices(first.Weight, 0)[0])
		})
	}
	slices.SortStableFunc(s.Groups, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(a.Producers[0].Op.ID, b.Producers[0].Op.ID),
			slices.CompareFunc(a.Units[0].ends(), b.Units[0].ends(), end.compare))
	})
	seen := map[string]int{}
	for i, g := range s.Groups {
		g.ID = i
		name := g.Name
		if seen[name]++; seen[name] > 1 {
			g.Name = fmt.Sprintf("%s#%d", name, seen[name])
		}
	}
}

// ends is the axes that the unit lies in, in order.
func (u Unit) ends() []end {
	var ends []end
	for _, s := range u.Slices {
		if at := (end{s.Node.ID, s.Axis}); len(ends) == 0 || ends[len(ends)-1] != at {
			ends = append(ends, at)
		}
	}
	return ends
}

// component is a unit with what locks it.
type component struct {
	unit    Unit
	reasons []string
}

// key names the tensors that a component lies in: components of one key are a group. It counts
// activations as well as leaves, so that no tensor is left without channels while the group has some.
func (c *component) key() string {
	var b strings.Builder
	for _, at := range c.unit.ends() {
		fmt.Fprintf(&b, "%d.%d ", at.node, at.axis)
	}
	return b.String() + strings.Join(c.reasons, ", ")
}

// components collects the elements by root, slices in the order of node, axis, index.
func (e *elements) components() []*component {
	at := map[int]*component{}
	var all []*component
	for _, x := range e.sorted() {
		n := e.g.Nodes[x.node]
		for i := range n.Shape[x.axis] {
			root := e.root(e.base[x] + i)
			c := at[root]
			if c == nil {
				c = &component{}
				at[root] = c
				all = append(all, c)
			}
			c.unit.Slices = append(c.unit.Slices, Slice{n, x.axis, i})
		}
	}
	for _, l := range e.locks {
		if c := at[e.root(l.element)]; !slices.Contains(c.reasons, l.reason) {
			c.reasons = append(c.reasons, l.reason)
		}
	}
	return all
}

func (e *elements) sorted() []end {
	ends := slices.Clone(e.ends)
	slices.SortFunc(ends, end.compare)
	return ends
}
