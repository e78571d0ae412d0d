package onnx

import (
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// route is the shortest chain of ops that makes, from a tensor of shape from, the tensor of
// shape to whose element i is element t[i] of the first. Both are for one image.
func route(t []int32, from, to tensor.Shape) []graph.Op {
	if len(t) == from.Elems() && inOrder(t) {
		return reshape(nil, from, to)
	}
	for _, s := range views(from, to) {
		if ops := box(t, from, s); ops != nil {
			return reshape(ops, s, to)
		}
	}
	if index := channels(t, from); index != nil {
		s := withChannels(from, len(index))
		return reshape([]graph.Op{op.Gather{Index: index}}, s, to)
	}
	if ops := transposed(t, from, to); ops != nil {
		return ops
	}
	return []graph.Op{op.Rearrange{Dims: slices.Clone(to[1:]), Index: ints(t)}}
}

// reshape adds a Reshape if the shape is not yet the one wanted.
func reshape(ops []graph.Op, have, want tensor.Shape) []graph.Op {
	if have.Equal(want) {
		return ops
	}
	return append(ops, op.Reshape{Dims: slices.Clone(want[1:])})
}

func inOrder(t []int32) bool {
	for i, x := range t {
		if x != int32(i) {
			return false
		}
	}
	return true
}

func ints(t []int32) []int {
	out := make([]int, len(t))
	for i, x := range t {
		out[i] = int(x)
	}
	return out
}

func withChannels(s tensor.Shape, c int) tensor.Shape {
	s = s.Clone()
	s[len(s)-1] = c
	return s
}

// views are the shapes under which a box of from may be found: to itself, or from with fewer
// channels.
func views(from, to tensor.Shape) []tensor.Shape {
	var out []tensor.Shape
	if len(from) == len(to) {
		out = append(out, to)
	}
	if rows := from.Rows(); to.Elems()%rows == 0 {
		out = append(out, withChannels(from, to.Elems()/rows))
	}
	return out
}

// box is the chain of slices, one an axis, that cuts s out of from, or nil if t is no box.
func box(t []int32, from, s tensor.Shape) []graph.Op {
	fs, ss := strides(from), strides(s)
	var ops []graph.Op
	stride := make([]int, len(s))
	for k := range s {
		start, step := int(t[0])/fs[k]%from[k], 1
		if s[k] > 1 {
			step = int(t[ss[k]]-t[0]) / fs[k]
		}
		if step < 1 || start+step*(s[k]-1) >= from[k] {
			return nil
		}
		stride[k] = step * fs[k]
		if s[k] != from[k] {
			ops = append(ops, op.Slice{Axis: k, Start: start, Count: s[k], Step: step})
		}
	}
	if !follows(t, s, stride, int(t[0])) {
		return nil
	}
	return ops
}

// channels is the channel of from for each channel of t if t selects channels alike in every
// row, else nil.
func channels(t []int32, from tensor.Shape) []int {
	rows, c := from.Rows(), from.Channels()
	if len(t)%rows != 0 {
		return nil
	}
	n := len(t) / rows
	for i, x := range t {
		if int(x) != i/n*c+int(t[i%n]) || int(t[i%n]) >= c {
			return nil
		}
	}
	return ints(t[:n])
}

// transposed is the Transpose, with Reshapes around it where they are needed, that makes t, or
// nil if t is no permutation of axes.
func transposed(t []int32, from, to tensor.Shape) []graph.Op {
	if len(t) != from.Elems() {
		return nil
	}
	if perm := axes(t, from, to); perm != nil {
		return []graph.Op{op.Transpose{Perm: perm}}
	}
	dims, stride := factor(t)
	if dims == nil {
		return nil
	}
	mid, perm := sortAxes(dims, stride)
	if mid == nil {
		return nil
	}
	ops := reshape(nil, from, append(tensor.Shape{1}, mid...))
	ops = append(ops, op.Transpose{Perm: perm})
	return reshape(ops, append(tensor.Shape{1}, dims...), to)
}

// axes is the permutation of from's own axes that makes t, or nil. Ranks above 6 are not tried.
func axes(t []int32, from, to tensor.Shape) []int {
	if len(from) != len(to) || len(from) > 6 {
		return nil
	}
	fs := strides(from)
	var found []int
	permutations(len(from), func(perm []int) bool {
		if perm[0] != 0 || !permute(from, perm).Equal(to) {
			return false
		}
		if follows(t, to, permute(fs, perm), 0) {
			found = slices.Clone(perm)
		}
		return found != nil
	})
	return found
}

// permutations calls f with each permutation of 0..n-1 in lexical order until f returns true.
func permutations(n int, f func([]int) bool) {
	perm := make([]int, 0, n)
	var extend func() bool
	extend = func() bool {
		if len(perm) == n {
			return f(perm)
		}
		for i := range n {
			if slices.Contains(perm, i) {
				continue
			}
			perm = append(perm, i)
			if extend() {
				return true
			}
			perm = perm[:len(perm)-1]
		}
		return false
	}
	extend()
}

// factor writes t as Σ i[k]·stride[k] over a row-major shape dims of as few axes as there can
// be, or returns nil if it has no such form.
func factor(t []int32) (dims, stride []int) {
	for len(t) > 1 {
		s := t[1] - t[0]
		d := 2
		for d < len(t) && t[d]-t[d-1] == s {
			d++
		}
		if len(t)%d != 0 {
			return nil, nil
		}
		outer := make([]int32, 0, len(t)/d)
		for i, x := range t {
			if x != t[i/d*d]+int32(i%d)*s {
				return nil, nil
			}
			if i%d == 0 {
				outer = append(outer, x)
			}
		}
		dims, stride, t = append(dims, d), append(stride, int(s)), outer
	}
	slices.Reverse(dims)
	slices.Reverse(stride)
	return dims, stride
}

// sortAxes turns axes with strides into the shape of the memory under them and the permutation,
// batch axis included, that leads from there; nil if the strides are not those of such a shape.
func sortAxes(dims, stride []int) (mid tensor.Shape, perm []int) {
	by := plain(len(dims))
	slices.SortFunc(by, func(a, b int) int { return stride[b] - stride[a] })
	perm = make([]int, len(dims)+1)
	for k, axis := range by {
		mid = append(mid, dims[axis])
		perm[axis+1] = k + 1
	}
	for k, s := range strides(mid) {
		if stride[by[k]] != s {
			return nil, nil
		}
	}
	return mid, perm
}
