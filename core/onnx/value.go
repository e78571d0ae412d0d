package onnx

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// value is one ONNX tensor at a batch of one. It is a constant (data), or what a node computes:
// either whole, its axes stored in some order, or traced through data movement (index).
type value struct {
	name  string
	shape []int     // ONNX's axes; constants may have axes of length 0
	data  *constant // nil for a computed value
	node  *graph.Node
	order []int                  // storage axis k of node is axis order[k] of shape; nil when traced
	index []int32                // element of node's memory for each element, row-major over shape
	made  map[string]*graph.Node // nodes that hold this value, by order
}

// constant is a tensor whose elements are known, row-major over ONNX's axes.
type constant struct {
	ints   []int64 // integers and booleans; nil for floats
	floats []float32
}

func (c *constant) isFloat() bool { return c.ints == nil }

// plain is the order of axes as ONNX counts them.
func plain(rank int) []int {
	order := make([]int, rank)
	for i := range order {
		order[i] = i
	}
	return order
}

// natural is the order in which our ops want a tensor of that rank: N×H×W×C, else plain.
func natural(rank int) []int {
	if rank == 4 {
		return []int{0, 2, 3, 1}
	}
	return plain(rank)
}

// lastAxis is an order that stores axis last.
func lastAxis(rank, axis int) []int {
	return append(slices.Delete(plain(rank), axis, axis+1), axis)
}

// permute is shape with its axes in that order.
func permute(shape, order []int) tensor.Shape {
	s := make(tensor.Shape, len(order))
	for k, axis := range order {
		s[k] = shape[axis]
	}
	return s
}

// elems is the number of elements of a shape that may have axes of length 0.
func elems(shape []int) (int, error) {
	if slices.Contains(shape, 0) {
		return 0, nil
	}
	s := tensor.Shape(shape)
	if err := s.Check(); err != nil {
		return 0, err
	}
	return s.Elems(), nil
}

// strides of a row-major shape.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for k := len(shape) - 1; k >= 0; k-- {
		s[k] = n
		n *= shape[k]
	}
	return s
}

// scan calls f with i = 0, 1, … and base + Σ k·stride for the indices k of shape, row-major,
// until f returns false, which it returns.
func scan(shape, stride []int, base int, f func(i, place int) bool) bool {
	n := 1
	for _, d := range shape {
		n *= d
	}
	at := make([]int, len(shape))
	for i := range n {
		if !f(i, base) {
			return false
		}
		for k := len(shape) - 1; k >= 0; k-- {
			at[k]++
			base += stride[k]
			if at[k] < shape[k] {
				break
			}
			base -= at[k] * stride[k]
			at[k] = 0
		}
	}
	return true
}

// walk lists the places that scan visits. It is as long as a tensor of that shape.
func walk(shape, stride []int, base int) []int32 {
	n := 1
	for _, d := range shape {
		n *= d
	}
	out := make([]int32, n)
	scan(shape, stride, base, func(i, place int) bool {
		out[i] = int32(place)
		return true
	})
	return out
}

// follows reports whether t is what walk lists.
func follows(t []int32, shape, stride []int, base int) bool {
	return scan(shape, stride, base, func(i, place int) bool { return int(t[i]) == place })
}

// elements is the element of the node's memory for each element of v.
func (v *value) elements() []int32 {
	if v.index != nil {
		return v.index
	}
	stride := make([]int, len(v.shape))
	for k, s := range strides(permute(v.shape, v.order)) {
		stride[v.order[k]] = s
	}
	return walk(v.shape, stride, 0)
}

// move is v after a data movement: element i of the result is element pick[i] of v; nil keeps
// the row-major order.
func (im *importer) move(v *value, name string, shape []int, pick []int32) (*value, error) {
	n, err := elems(shape)
	if err == nil {
		err = im.spend(n)
	}
	if err != nil {
		return nil, err
	}
	w := &value{name: name, shape: shape}
	if v.data != nil {
		w.data = v.data.pick(pick)
		return w, nil
	}
	w.node, w.index = v.node, v.elements()
	if pick != nil {
		w.index = compose(w.index, pick)
	}
	w.made = map[string]*graph.Node{}
	return w, nil
}

func compose(index, pick []int32) []int32 {
	out := make([]int32, len(pick))
	for i, p := range pick {
		out[i] = index[p]
	}
	return out
}

func (c *constant) pick(pick []int32) *constant {
	if pick == nil {
		return c
	}
	out := &constant{}
	if c.isFloat() {
		out.floats = make([]float32, len(pick))
		for i, p := range pick {
			out.floats[i] = c.floats[p]
		}
		return out
	}
	out.ints = make([]int64, len(pick))
	for i, p := range pick {
		out.ints[i] = c.ints[p]
	}
	return out
}

// renamed is the same value under another name: Identity.
func (v *value) renamed(name string) *value {
	w := *v
	w.name = name
	return &w
}

// maxSpent bounds the elements of all traces and folded constants together: four bytes each,
// eight for integers.
const maxSpent = 1 << 26

// spend counts n elements against maxSpent, so that a small file cannot ask for much memory.
func (im *importer) spend(n int) error {
	if im.spent += n; im.spent > maxSpent {
		return fmt.Errorf("data movement and constants of more than %d elements", maxSpent)
	}
	return nil
}
