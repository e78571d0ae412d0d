package groups

import (
	"cmp"
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// end is one axis of one tensor, the tensor by its node's ID.
type end struct{ node, axis int }

func (a end) compare(b end) int {
	return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.axis, b.axis))
}

// lock is an element that must stay, and why.
type lock struct {
	element int
	reason  string
}

// elements is a union-find over (tensor, axis, index): what ends in one component goes together.
// Working on elements rather than on whole axes makes concatenations, shuffles and flattened
// blocks exact (reference: DepGraph, Fang et al., CVPR 2023, which ties axes).
type elements struct {
	g      *graph.Graph
	base   map[end]int // number of the first element of an axis
	ends   []end       // in the order of their numbers
	parent []int
	locks  []lock
}

func newElements(g *graph.Graph) *elements {
	return &elements{g: g, base: map[end]int{}}
}

// axis numbers the elements of one axis and returns the first number.
func (e *elements) axis(n *graph.Node, axis int) (int, error) {
	if axis < 0 || axis >= len(n.Shape) {
		return 0, fmt.Errorf("axis %d of %s, which has shape %v", axis, n.Name, n.Shape)
	}
	at := end{n.ID, axis}
	if first, ok := e.base[at]; ok {
		return first, nil
	}
	first := len(e.parent)
	e.base[at] = first
	e.ends = append(e.ends, at)
	for i := range n.Shape[axis] {
		e.parent = append(e.parent, first+i)
	}
	return first, nil
}

// root is the representative of an element's component, the smallest of its numbers.
func (e *elements) root(i int) int {
	for e.parent[i] != i {
		e.parent[i] = e.parent[e.parent[i]]
		i = e.parent[i]
	}
	return i
}

func (e *elements) union(a, b int) {
	a, b = e.root(a), e.root(b)
	e.parent[max(a, b)] = min(a, b)
}

// tie joins the elements of two axes as the index map says.
func (e *elements) tie(n *graph.Node, t graph.Tie) error {
	a, b := tensorAt(n, t.A), tensorAt(n, t.B)
	if a == nil || b == nil {
		return fmt.Errorf("tie of a port that is not there: %+v, %+v", t.A, t.B)
	}
	fromA, err := e.axis(a, t.A.Axis)
	if err != nil {
		return err
	}
	fromB, err := e.axis(b, t.B.Axis)
	if err != nil {
		return err
	}
	lenA, lenB := a.Shape[t.A.Axis], b.Shape[t.B.Axis]
	if t.Of == nil && lenA != lenB || t.Of != nil && len(t.Of) != lenB {
		return fmt.Errorf("tie of %s (%d) with %s (%d): map of %d", a.Name, lenA, b.Name, lenB, len(t.Of))
	}
	return e.join(t.Of, fromA, lenA, fromB, lenB)
}

func (e *elements) join(of []int, fromA, lenA, fromB, lenB int) error {
	for j := range lenB {
		i := j
		if of != nil {
			i = of[j]
		}
		switch {
		case i == -1:
		case i < 0 || i >= lenA:
			return fmt.Errorf("tie leads from index %d to %d, of %d", j, i, lenA)
		default:
			e.union(fromA+i, fromB+j)
		}
	}
	return nil
}

// lockAxis locks all elements of one axis.
func (e *elements) lockAxis(n *graph.Node, axis int, reason string) error {
	first, err := e.axis(n, axis)
	if err != nil {
		return err
	}
	for i := range n.Shape[axis] {
		e.locks = append(e.locks, lock{first + i, reason})
	}
	return nil
}

// op takes in what one node says of its channels: an op that is not Tied locks all it touches.
func (e *elements) op(n *graph.Node) error {
	tied, ok := n.Op.(graph.Tied)
	if !ok {
		return e.lockAll(n)
	}
	ties := tied.Ties(n)
	for _, t := range ties.Links {
		if err := e.tie(n, t); err != nil {
			return err
		}
	}
	for _, l := range ties.Locks {
		at := tensorAt(n, l)
		if at == nil {
			return fmt.Errorf("lock of a port that is not there: %+v", l)
		}
		if err := e.lockAxis(at, l.Axis, n.Op.Kind()+" "+n.Name); err != nil {
			return err
		}
	}
	return nil
}

func (e *elements) lockAll(n *graph.Node) error {
	reason := n.Op.Kind() + " " + n.Name
	if _, known := op.ByKind(n.Op.Kind()); !known {
		reason = fmt.Sprintf("unknown op %q", n.Op.Kind())
	}
	for _, x := range append([]*graph.Node{n}, n.In...) {
		for axis := range x.Shape {
			if axis == 0 && !x.IsLeaf() {
				continue // the batch
			}
			if err := e.lockAxis(x, axis, reason); err != nil {
				return err
			}
		}
	}
	return nil
}

// borders locks the channels of inputs and outputs: the world outside counts on them.
func (e *elements) borders() error {
	for _, n := range e.g.Nodes {
		if n.Is(graph.Input) && len(n.Shape) > 0 {
			if err := e.lockAxis(n, len(n.Shape)-1, "graph input "+n.Name); err != nil {
				return err
			}
		}
	}
	for _, n := range e.g.Outputs {
		for axis := 1; axis < len(n.Shape); axis++ {
			if err := e.lockAxis(n, axis, "graph output "+n.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// readElements takes in the whole graph.
func readElements(g *graph.Graph) (*elements, error) {
	e := newElements(g)
	if err := e.borders(); err != nil {
		return nil, err
	}
	for _, n := range g.Nodes {
		if n.IsLeaf() {
			continue
		}
		if err := e.op(n); err != nil {
			return nil, fmt.Errorf("%s (%s): %w", n.Name, n.Op.Kind(), err)
		}
	}
	return e, nil
}

// tensorAt is the node at a port of n, nil if there is none.
func tensorAt(n *graph.Node, e graph.End) *graph.Node {
	switch {
	case e.Port == graph.Out:
		return n
	case e.Port >= 0 && e.Port < len(n.In):
		return n.In[e.Port]
	}
	return nil
}
