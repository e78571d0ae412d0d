package onnx

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// apply is a data movement done the plain way, on element numbers.
func apply(t *testing.T, o graph.Op, x []int32, s tensor.Shape) ([]int32, tensor.Shape) {
	t.Helper()
	out, err := o.Infer([]tensor.Shape{s})
	if err != nil {
		t.Fatal(err)
	}
	switch o := o.(type) {
	case op.Reshape:
		return x, out
	case op.Transpose:
		return compose(x, walk(out, permute(strides(s), o.Perm), 0)), out
	case op.Slice:
		stride := strides(s)
		base := o.Start * stride[o.Axis]
		stride[o.Axis] *= o.Step
		return compose(x, walk(out, stride, base)), out
	case op.Gather:
		return compose(x, take(s, len(s)-1, wide(o.Index))), out
	case op.Rearrange:
		y := make([]int32, len(o.Index))
		for i, j := range o.Index {
			y[i] = x[j]
		}
		return y, out
	}
	t.Fatalf("%s is no data movement", o.Kind())
	return nil, nil
}

func kinds(ops []graph.Op) []string {
	var out []string
	for _, o := range ops {
		out = append(out, o.Kind())
	}
	return out
}

// TestRouteIsRight holds that the chain of ops makes what was asked for, over random chains of
// movements.
func TestRouteIsRight(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		from := tensor.Shape{1, 1 + r.IntN(4), 1 + r.IntN(4), 1 + r.IntN(6)}
		index, shape := walk(from, strides(from), 0), from.Clone()
		for range r.IntN(4) {
			index, shape = randomMove(r, index, shape)
		}
		if shape[0] != 1 {
			continue
		}
		x, s := walk(from, strides(from), 0), from
		ops := route(index, from, shape)
		for _, o := range ops {
			x, s = apply(t, o, x, s)
		}
		if !slices.Equal(x, index) || !s.Equal(shape) {
			t.Fatalf("%v → %v %v: %v gives %v %v", from, shape, index, ops, s, x)
		}
	}
}

func randomMove(r *rand.Rand, index []int32, s tensor.Shape) ([]int32, tensor.Shape) {
	switch r.IntN(3) {
	case 0: // transpose
		perm := append([]int{0}, r.Perm(len(s)-1)...)
		for i := range perm[1:] {
			perm[1+i]++
		}
		out := permute(s, perm)
		return compose(index, walk(out, permute(strides(s), perm), 0)), out
	case 1: // reshape
		n := tensor.Shape(s).Elems()
		d := 1 + r.IntN(n)
		for n%d != 0 {
			d--
		}
		return index, tensor.Shape{1, d, n / d}
	}
	k := r.IntN(len(s)) // slice
	step := 1 + r.IntN(2)
	start := r.IntN(s[k])
	out, stride := s.Clone(), strides(s)
	out[k] = 1 + r.IntN((s[k]-start-1)/step+1)
	base := start * stride[k]
	stride[k] *= step
	return compose(index, walk(out, stride, base)), out
}

// TestRouteIsShort names the ops that well-known movements become.
func TestRouteIsShort(t *testing.T) {
	from := tensor.Shape{1, 3, 5, 8}
	all := walk(from, strides(from), 0)
	for name, c := range map[string]struct {
		index []int32
		to    tensor.Shape
		want  []string
	}{
		"nothing":          {all, from, nil},
		"flatten":          {all, tensor.Shape{1, 120}, []string{"Reshape"}},
		"every 2nd":        {walk([]int{3, 5, 4}, []int{40, 8, 2}, 1), tensor.Shape{1, 3, 5, 4}, []string{"Slice"}},
		"crop":             {walk([]int{2, 3, 8}, []int{40, 8, 1}, 48), tensor.Shape{1, 2, 3, 8}, []string{"Slice", "Slice"}},
		"half, flat":       {walk([]int{3, 5, 4}, []int{40, 8, 1}, 0), tensor.Shape{1, 15, 4}, []string{"Slice", "Reshape"}},
		"shuffle":          {walk([]int{3, 5, 4, 2}, []int{40, 8, 1, 4}, 0), from, []string{"Gather"}},
		"to N×C×H×W":       {walk([]int{8, 3, 5}, []int{1, 40, 8}, 0), tensor.Shape{1, 8, 3, 5}, []string{"Transpose"}},
		"to N×C×HW":        {walk([]int{8, 15}, []int{1, 8}, 0), tensor.Shape{1, 8, 15}, []string{"Reshape", "Transpose"}},
		"anchors":          {walk([]int{2, 15, 4}, []int{4, 8, 1}, 0), tensor.Shape{1, 2, 15, 4}, []string{"Reshape", "Transpose"}},
		"rows upside down": {walk([]int{3, 40}, []int{-40, 1}, 80), from, []string{"Rearrange"}},
	} {
		if ops := route(c.index, from, c.to); !slices.Equal(kinds(ops), c.want) {
			t.Errorf("%s: %v, want %v", name, kinds(ops), c.want)
		}
	}
}
