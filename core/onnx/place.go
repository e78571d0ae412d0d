package onnx

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// at is the node that holds v with its axes stored in that order. The batch comes first.
func (im *importer) at(v *value, order []int) (*graph.Node, error) {
	if v.data != nil {
		return im.constAt(v, order)
	}
	if len(v.shape) == 0 || v.shape[0] != 1 || order[0] != 0 {
		return nil, fmt.Errorf("tensor %q has shape %v, want the batch (1) as its first axis", v.name, v.shape)
	}
	if v.index == nil && slices.Equal(order, v.order) {
		return v.node, nil
	}
	key := fmt.Sprint(order)
	if n := v.made[key]; n != nil {
		return n, nil
	}
	n, err := im.build(v, order)
	if err != nil {
		return nil, err
	}
	v.made[key] = n
	return n, nil
}

// build adds the ops that lead from v's node to v in that order; the last has v's name.
func (im *importer) build(v *value, order []int) (*graph.Node, error) {
	to := permute(v.shape, order)
	if err := to.Check(); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", v.name, err)
	}
	if err := im.spend(to.Elems()); err != nil {
		return nil, err
	}
	n := v.node
	ops := route(im.stored(v, order), n.Shape, to)
	for i, o := range ops {
		name := v.name
		if i < len(ops)-1 {
			name = im.fresh(v.name + "." + o.Kind())
		}
		next, err := im.g.Try(name, o, n)
		if err != nil {
			return nil, err
		}
		n = next
	}
	return n, nil
}

// stored is the element of v's node for each element of v when its axes are stored in order.
func (im *importer) stored(v *value, order []int) []int32 {
	s := strides(v.shape)
	return compose(v.elements(), walk(permute(v.shape, order), permute(s, order), 0))
}

// cheapest is an order in which v lies in memory as it is, else the natural one.
func (im *importer) cheapest(v *value) []int {
	rank := len(v.shape)
	switch {
	case v.data != nil || rank == 0:
		return natural(rank)
	case v.index == nil:
		return v.order
	}
	for _, order := range [][]int{natural(rank), plain(rank)} {
		if im.lies(v, order) {
			return order
		}
	}
	return natural(rank)
}

// lies reports whether the memory of a traced value's node is the value in that order.
func (im *importer) lies(v *value, order []int) bool {
	if len(v.index) != v.node.Shape.Elems() {
		return false
	}
	return scan(permute(v.shape, order), permute(strides(v.shape), order), 0, func(i, place int) bool {
		return int(v.index[place]) == i
	})
}

// common is an order for all of vs, which have one rank: that of the first whole value, else
// what is cheapest for the first that is computed.
func (im *importer) common(vs ...*value) []int {
	for _, v := range vs {
		if v.data == nil && v.index == nil {
			return v.order
		}
	}
	for _, v := range vs {
		if v.data == nil {
			return im.cheapest(v)
		}
	}
	return natural(len(vs[0].shape))
}

// emit adds a node that makes the ONNX tensor name from in, its axes stored in order.
func (im *importer) emit(name string, o graph.Op, order []int, in ...*graph.Node) (*value, error) {
	n, err := im.g.Try(name, o, in...)
	if err != nil {
		return nil, err
	}
	if len(n.Shape) != len(order) {
		return nil, fmt.Errorf("%s gives shape %v, want %d axes", o.Kind(), n.Shape, len(order))
	}
	return whole(name, n, order), nil
}

// whole is the value that a node holds.
func whole(name string, n *graph.Node, order []int) *value {
	shape := make([]int, len(order))
	for k, axis := range order {
		shape[axis] = n.Shape[k]
	}
	return &value{name: name, shape: shape, node: n, order: order, made: map[string]*graph.Node{}}
}

// fresh is a name that no ONNX tensor has, for nodes that ONNX does not have.
func (im *importer) fresh(name string) string {
	for im.taken[name] {
		name += "'"
	}
	return name
}

// leafKey tells apart the leaves that one constant may become.
type leafKey struct {
	data   *constant
	role   graph.Role
	layout string
}

// leaf is the leaf of shape s that holds make(), one for each constant, role and layout however
// often it is asked for.
func (im *importer) leaf(v *value, role graph.Role, s tensor.Shape, layout string, fill func([]float32)) (*graph.Node, error) {
	if v.data == nil || !v.data.isFloat() {
		return nil, fmt.Errorf("tensor %q is not a float constant, which is wanted here", v.name)
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", v.name, err)
	}
	key := leafKey{v.data, role, fmt.Sprint(layout, s)}
	if n := im.leaves[key]; n != nil {
		return n, nil
	}
	data := tensor.Floats(s.Elems())
	fill(data)
	n := im.g.Leaf(v.name, role, s, data)
	im.leaves[key] = n
	return n, nil
}

// ordered is the leaf that holds v with its axes stored in order, times scale.
func (im *importer) ordered(v *value, role graph.Role, order []int, scale float32) (*graph.Node, error) {
	return im.leaf(v, role, permute(v.shape, order), fmt.Sprint(order, scale), func(out []float32) {
		for i, from := range walk(permute(v.shape, order), permute(strides(v.shape), order), 0) {
			out[i] = v.data.floats[from] * scale
		}
	})
}

// vector is the leaf of v's n values, whatever its shape.
func (im *importer) vector(v *value, role graph.Role, n int) (*graph.Node, error) {
	if have, err := elems(v.shape); err != nil || have != n {
		return nil, fmt.Errorf("tensor %q has shape %v, want %d values", v.name, v.shape, n)
	}
	return im.leaf(v, role, tensor.Shape{n}, "", func(out []float32) { copy(out, v.data.floats) })
}

func (im *importer) constAt(v *value, order []int) (*graph.Node, error) {
	if len(v.shape) != len(order) {
		return nil, fmt.Errorf("tensor %q has shape %v, want %d axes", v.name, v.shape, len(order))
	}
	return im.ordered(v, graph.Const, order, 1)
}
