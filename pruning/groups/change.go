package groups

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/tensor"
)

// LeafChange is what a cut left of one leaf.
type LeafChange struct {
	From []int   `json:"from"` // its shape before
	Keep [][]int `json:"keep"` // sorted kept indices by axis, nil where all were kept
}

// Change is the index maps of a cut by leaf name; leaves that kept everything are absent. The
// same map slices whatever has the shape of the leaf: gradient, moments, average, anchor, teacher.
type Change struct {
	Leaves map[string]LeafChange `json:"leaves"`
}

// Slice is what the cut leaves of v, a tensor with the shape that the leaf had before it. v
// itself is returned where the leaf kept everything. A v of another size is a programming error.
func (c *Change) Slice(leaf string, v []float32) []float32 {
	l, ok := c.Leaves[leaf]
	if !ok {
		return v
	}
	if n := tensor.Shape(l.From).Elems(); n != len(v) {
		panic(fmt.Sprintf("slice of %s: %d values for shape %v", leaf, len(v), l.From))
	}
	return take(v, l.From, l.Keep)
}

// PutBack is the way back from Slice: v, of the shape after the cut, goes to where it came from in into, of the shape
// before it. What was cut off keeps its values.
func (c *Change) PutBack(leaf string, v, into []float32) {
	l, ok := c.Leaves[leaf]
	if !ok {
		copy(into, v)
		return
	}
	for i, at := range l.places() {
		into[at] = v[i]
	}
}

// places are where the values that were kept stood, row-major.
func (l LeafChange) places() []int {
	at := []int{0}
	for axis, n := range l.From {
		var next []int
		for _, row := range at {
			if l.Keep[axis] == nil {
				for i := range n {
					next = append(next, row*n+i)
				}
			}
			for _, i := range l.Keep[axis] {
				next = append(next, row*n+i)
			}
		}
		at = next
	}
	return at
}

// Length is how many values a leaf had before the cut, now being how many it has.
func (c *Change) Length(leaf string, now int) int {
	if l, ok := c.Leaves[leaf]; ok {
		return tensor.Shape(l.From).Elems()
	}
	return now
}

// Origin is the index before the cut of what is index i along an axis of a leaf now.
func (c *Change) Origin(leaf string, axis, i int) int {
	if l, ok := c.Leaves[leaf]; ok && l.Keep[axis] != nil {
		return l.Keep[axis][i]
	}
	return i
}

// Compose is one change for two cuts, first then next: its indices count in the graph before
// first. A nil change is one that kept everything.
func Compose(first, next *Change) *Change {
	out := &Change{Leaves: map[string]LeafChange{}}
	for _, c := range []*Change{first, next} {
		if c == nil {
			continue
		}
		for name, l := range c.Leaves {
			before, ok := out.Leaves[name]
			if !ok {
				before = LeafChange{From: l.From, Keep: make([][]int, len(l.Keep))}
			}
			out.Leaves[name] = before.then(l)
		}
	}
	return out
}

func (l LeafChange) then(next LeafChange) LeafChange {
	keep := make([][]int, len(l.Keep))
	for axis := range keep {
		keep[axis] = through(l.Keep[axis], next.Keep[axis])
	}
	return LeafChange{From: slices.Clone(l.From), Keep: keep}
}

// through is the kept indices of two cuts one after the other.
func through(first, next []int) []int {
	if first == nil || next == nil {
		return slices.Clone(append(first, next...))
	}
	keep := make([]int, len(next))
	for i, j := range next {
		keep[i] = first[j]
	}
	return keep
}

// take copies the kept indices of a row-major tensor.
func take(v []float32, shape []int, keep [][]int) []float32 {
	for axis := len(shape) - 1; axis >= 0; axis-- {
		if keep[axis] == nil {
			continue
		}
		v = takeAxis(v, shape[axis], stride(shape, keep, axis), keep[axis])
	}
	return v
}

// stride is the number of values below one index of an axis, the axes behind it being cut already.
func stride(shape []int, keep [][]int, axis int) int {
	n := 1
	for a := axis + 1; a < len(shape); a++ {
		if keep[a] != nil {
			n *= len(keep[a])
		} else {
			n *= shape[a]
		}
	}
	return n
}

// takeAxis copies the kept indices of an axis of that length.
func takeAxis(v []float32, length, stride int, keep []int) []float32 {
	outer := len(v) / (length * stride)
	out := tensor.Floats(outer * len(keep) * stride)
	at := 0
	for o := range outer {
		for _, k := range keep {
			from := (o*length + k) * stride
			at += copy(out[at:], v[from:from+stride])
		}
	}
	return out
}
