package groups

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Cut is the graph without the units of remove, group ID to indices into its Units, and the index maps that lead to it. Every leaf
// is sliced by one map an axis, ops that hold channel numbers are cut, all shapes are inferred
// again and the result is checked. Kept values keep their bits; leaves that lose nothing share
// their memory with g. The error names a unit that is not there, a locked group, or a group that
// would be left empty.
func Cut(g *graph.Graph, s *Structure, remove map[int][]int) (*graph.Graph, *Change, error) {
	c, err := newCutter(g, s, remove)
	if err != nil {
		return nil, nil, err
	}
	change := &Change{Leaves: map[string]LeafChange{}}
	out, _, err := graph.Map(g, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		return c.node(dst, n, in, func(keep [][]int) []float32 {
			change.Leaves[n.Name] = LeafChange{From: slices.Clone(n.Shape), Keep: keep}
			return take(n.Value, n.Shape, keep)
		})
	})
	if err == nil {
		err = out.Check()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cut: %w", err)
	}
	return out, change, nil
}

// cutter knows what remains of each axis.
type cutter struct {
	keep map[end][]int // sorted; absent where nothing goes
}

func newCutter(g *graph.Graph, s *Structure, remove map[int][]int) (*cutter, error) {
	if s.Graph != g {
		return nil, fmt.Errorf("cut: the structure is of another graph")
	}
	gone := map[end][]bool{}
	for id, units := range remove {
		if err := s.CheckRemoval(id, units); err != nil {
			return nil, fmt.Errorf("cut: %w", err)
		}
		for _, u := range units {
			mark(gone, s.Groups[id].Units[u])
		}
	}
	c := &cutter{keep: make(map[end][]int, len(gone))}
	for at, g := range gone {
		c.keep[at] = kept(g)
	}
	return c, nil
}

func mark(gone map[end][]bool, u Unit) {
	for _, s := range u.Slices {
		at := end{s.Node.ID, s.Axis}
		if gone[at] == nil {
			gone[at] = make([]bool, s.Node.Shape[s.Axis])
		}
		gone[at][s.Index] = true
	}
}

func kept(gone []bool) []int {
	keep := make([]int, 0, len(gone))
	for i, g := range gone {
		if !g {
			keep = append(keep, i)
		}
	}
	return keep
}

// CheckRemoval refuses units that are not there or named twice, locked groups, and the removal of a whole group.
func (s *Structure) CheckRemoval(id int, units []int) error {
	if id < 0 || id >= len(s.Groups) {
		return fmt.Errorf("group %d, want 0 to %d", id, len(s.Groups)-1)
	}
	g := s.Groups[id]
	seen := map[int]bool{}
	for _, u := range units {
		if u < 0 || u >= len(g.Units) || seen[u] {
			return fmt.Errorf("%s: unit %d is named twice or is not one of %d", g.Name, u, len(g.Units))
		}
		seen[u] = true
	}
	switch {
	case len(units) > 0 && g.Locked:
		return fmt.Errorf("%s is locked: %s", g.Name, g.Reason)
	case len(units) >= len(g.Units):
		return fmt.Errorf("%s: %d of %d units, want at least one left", g.Name, len(units), len(g.Units))
	}
	return nil
}

// node puts what remains of n into dst. value makes the values of a leaf that loses something.
func (c *cutter) node(dst *graph.Graph, n *graph.Node, in []*graph.Node, value func(keep [][]int) []float32) (*graph.Node, error) {
	keep, touched := c.axes(n)
	if n.IsLeaf() {
		if !touched {
			return dst.Keep(n, nil)
		}
		return dst.Leaf(n.Name, n.Op.(graph.Leaf).Role, remains(n.Shape, keep), value(keep)), nil
	}
	m, err := dst.Try(n.Name, c.op(n), in...)
	if err == nil && !m.Shape.Equal(remains(n.Shape, keep)) {
		err = fmt.Errorf("%s (%s): shape %v, but its ties leave %v", n.Name, n.Op.Kind(), m.Shape, remains(n.Shape, keep))
	}
	return m, err
}

// axes is the kept indices by axis, and whether anything goes.
func (c *cutter) axes(n *graph.Node) (keep [][]int, touched bool) {
	keep = make([][]int, len(n.Shape))
	for axis := range keep {
		k, ok := c.keep[end{n.ID, axis}]
		keep[axis] = k
		touched = touched || ok
	}
	return keep, touched
}

func remains(s tensor.Shape, keep [][]int) tensor.Shape {
	out := s.Clone()
	for axis, k := range keep {
		if k != nil {
			out[axis] = len(k)
		}
	}
	return out
}

// op is n's op for the tensors that remain.
func (c *cutter) op(n *graph.Node) graph.Op {
	cut, ok := n.Op.(graph.Cutter)
	if !ok || !c.touches(n) {
		return n.Op
	}
	return cut.Cut(n, func(e graph.End) []int {
		if at := tensorAt(n, e); at != nil {
			return c.keep[end{at.ID, e.Axis}]
		}
		return nil
	})
}

// touches reports whether n or one of its inputs loses something.
func (c *cutter) touches(n *graph.Node) bool {
	for _, x := range append([]*graph.Node{n}, n.In...) {
		if _, touched := c.axes(x); touched {
			return true
		}
	}
	return false
}
