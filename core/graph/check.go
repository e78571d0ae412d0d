package graph

import (
	"fmt"
	"strings"

	"github.com/secateur/secateur/core/tensor"
)

// Check holds the graph against its own rules: order, names, shapes as the ops infer them, and
// one value an element. Surgery runs it after every cut.
func (g *Graph) Check() error {
	for i, n := range g.Nodes {
		if n.ID != i || g.names[n.Name] != n {
			return fmt.Errorf("%s: number %d or name does not lead back to the node", n.Name, n.ID)
		}
		if err := g.checkNode(n); err != nil {
			return fmt.Errorf("%s (%s): %w", n.Name, n.Op.Kind(), err)
		}
	}
	for _, o := range g.Outputs {
		if o.ID >= len(g.Nodes) || g.Nodes[o.ID] != o {
			return fmt.Errorf("output %q is not a node of the graph", o.Name)
		}
	}
	return nil
}

func (g *Graph) checkNode(n *Node) error {
	if err := n.Shape.Check(); err != nil {
		return err
	}
	if n.IsLeaf() {
		return checkLeaf(n)
	}
	shapes := make([]tensor.Shape, len(n.In))
	for i, in := range n.In {
		if in == nil {
			return fmt.Errorf("input %d is missing", i)
		}
		if in.ID < 0 || in.ID >= n.ID || g.Nodes[in.ID] != in {
			return fmt.Errorf("input %q does not stand before it", in.Name)
		}
		shapes[i] = in.Shape
	}
	s, err := n.Op.Infer(shapes)
	if err == nil && !s.Equal(n.Shape) {
		err = fmt.Errorf("shape %v, inferred %v", n.Shape, s)
	}
	return err
}

func checkLeaf(n *Node) error {
	if len(n.In) > 0 {
		return fmt.Errorf("%d inputs, want none", len(n.In))
	}
	if n.Is(Input) && n.Value != nil {
		return fmt.Errorf("%d values, want none: an input is fed", len(n.Value))
	}
	if !n.Is(Input) && len(n.Value) != n.Shape.Elems() {
		return fmt.Errorf("%d values for shape %v", len(n.Value), n.Shape)
	}
	return nil
}

// String lists the nodes, one a line: name, op with attributes, shape, inputs.
func (g *Graph) String() string {
	var b strings.Builder
	for _, n := range g.Nodes {
		fmt.Fprintf(&b, "%-32s %-40s %-16v", n.Name, OpString(n.Op), n.Shape)
		for _, in := range n.In {
			b.WriteString(" " + in.Name)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// OpString is an op's kind with its attributes, as in Conv{Stride:[2 2]}.
func OpString(op Op) string {
	if _, ok := op.(Leaf); ok {
		return op.Kind()
	}
	attrs := fmt.Sprintf("%+v", op)
	if attrs == "{}" {
		return op.Kind()
	}
	return op.Kind() + attrs
}
