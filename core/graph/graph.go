// Package graph is the model: a list of nodes, each one tensor and the op that makes it.
// Inference, training and scoring are graphs too; pruning makes a graph from a graph.
package graph

import (
	"fmt"
	"strconv"

	"github.com/secateur/secateur/core/tensor"
)

// Node is one tensor and the op that makes it from the tensors of In.
type Node struct {
	ID    int // position in Graph.Nodes
	Name  string
	Op    Op
	In    []*Node
	Shape tensor.Shape
	Value []float32 // leaves with a value of their own: Param, Const, State
}

// Graph is a list of nodes in topological order: what a node needs stands before it.
type Graph struct {
	Nodes   []*Node
	Outputs []*Node
	// Meta travels with the model file: labels, preprocessing, parent hash, … (see meta.go).
	Meta  map[string]string
	names map[string]*Node
}

// New is an empty graph.
func New() *Graph {
	return &Graph{Meta: map[string]string{}, names: map[string]*Node{}}
}

// Try adds a node whose op makes a tensor from in. A name already taken gets a number behind it.
// The error names the node.
func (g *Graph) Try(name string, op Op, in ...*Node) (*Node, error) {
	shapes := make([]tensor.Shape, len(in))
	for i, n := range in {
		if n.ID >= len(g.Nodes) || g.Nodes[n.ID] != n {
			return nil, fmt.Errorf("%s: input %q is not a node of this graph", name, n.Name)
		}
		shapes[i] = n.Shape
	}
	s, err := op.Infer(shapes)
	if err == nil {
		err = s.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("%s (%s): %w", name, op.Kind(), err)
	}
	return g.insert(&Node{Name: name, Op: op, In: in, Shape: s}), nil
}

// Add is Try for graphs built by our own code, where an error is a broken invariant.
func (g *Graph) Add(name string, op Op, in ...*Node) *Node {
	n, err := g.Try(name, op, in...)
	if err != nil {
		panic(err)
	}
	return n
}

// Leaf adds a node without inputs. value is nil for an Input, else one float an element;
// it is kept, not copied.
func (g *Graph) Leaf(name string, role Role, s tensor.Shape, value []float32) *Node {
	if err := s.Check(); err != nil {
		panic(fmt.Errorf("%s: %w", name, err))
	}
	if role != Input && len(value) != s.Elems() {
		panic(fmt.Errorf("%s: %d values for shape %v", name, len(value), s))
	}
	return g.insert(&Node{Name: name, Op: Leaf{role}, Shape: s.Clone(), Value: value})
}

func (g *Graph) insert(n *Node) *Node {
	n.ID = len(g.Nodes)
	base := n.Name
	for i := 2; g.names[n.Name] != nil; i++ {
		n.Name = base + "#" + strconv.Itoa(i)
	}
	g.names[n.Name] = n
	g.Nodes = append(g.Nodes, n)
	return n
}

// Node is the node of that name, nil if there is none.
func (g *Graph) Node(name string) *Node { return g.names[name] }

// Role returns the nodes that are leaves of a role, in order.
func (g *Graph) Role(r Role) []*Node {
	var out []*Node
	for _, n := range g.Nodes {
		if n.Is(r) {
			out = append(out, n)
		}
	}
	return out
}

// Is reports whether n is a leaf of that role.
func (n *Node) Is(r Role) bool {
	l, ok := n.Op.(Leaf)
	return ok && l.Role == r
}

// IsLeaf reports whether n has no op but a value or a feed.
func (n *Node) IsLeaf() bool {
	_, ok := n.Op.(Leaf)
	return ok
}

// Users lists for each node, by ID, the nodes that read it, once for each time they do.
func (g *Graph) Users() [][]*Node {
	users := make([][]*Node, len(g.Nodes))
	for _, n := range g.Nodes {
		for _, in := range n.In {
			users[in.ID] = append(users[in.ID], n)
		}
	}
	return users
}

// Batch is the length of the first axis of the first Input, 0 without one.
func (g *Graph) Batch() int {
	for _, n := range g.Nodes {
		if n.Is(Input) && len(n.Shape) > 0 {
			return n.Shape[0]
		}
	}
	return 0
}

// Params is the number of values in the graph's parameters.
func (g *Graph) Params() int {
	total := 0
	for _, n := range g.Nodes {
		if n.Is(Param) {
			total += len(n.Value)
		}
	}
	return total
}
