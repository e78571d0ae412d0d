package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Transpose changes the order of axes: axis i of y is axis Perm[i] of x. The batch stays first.
type Transpose struct{ Perm []int }

// Kind is the ONNX name.
func (Transpose) Kind() string { return "Transpose" }

// Infer wants a permutation of the axes.
func (t Transpose) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != len(t.Perm) || len(t.Perm) == 0 {
		return nil, fmt.Errorf("inputs %v, want one with %d axes", in, len(t.Perm))
	}
	out := make(tensor.Shape, len(t.Perm))
	seen := make([]bool, len(t.Perm))
	for i, p := range t.Perm {
		if p < 0 || p >= len(seen) || seen[p] || i == 0 && p != 0 {
			return nil, fmt.Errorf("order of axes %v, want each of %d once and the batch first", t.Perm, len(seen))
		}
		seen[p], out[i] = true, in[0][p]
	}
	return out, nil
}

// Lower makes the output row by row; a row is copied whole where the last axis stays.
func (t Transpose) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	stride := t.strides(n.In[0].Shape)
	k := len(stride) - 1
	c, step, outer, steps := n.Shape[k], stride[k], n.Shape[:k], stride[:k]
	return graph.Loop{Run: inPieces(e, n.Shape.Rows(), 2*c, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			everyNth(m.Out[r*c:(r+1)*c], m.In[0][offset(r, outer, steps):], step)
		}
	})}
}

// strides is for each axis of y the distance in x of neighbours along it.
func (t Transpose) strides(x tensor.Shape) []int {
	s := make([]int, len(x))
	for i, p := range t.Perm {
		s[i] = x[p+1:].Elems()
	}
	return s
}

// offset is where element r of axes dims lies by these strides.
func offset(r int, dims, stride []int) int {
	at := 0
	for i := len(dims) - 1; i >= 0; i-- {
		at += r % dims[i] * stride[i]
		r /= dims[i]
	}
	return at
}

// everyNth is y[i] = x[i·n].
func everyNth(y, x []float32, n int) {
	if n == 1 {
		copy(y, x)
		return
	}
	for i := range y {
		y[i] = x[i*n]
	}
}

// Grad changes the order back.
func (t Transpose) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	back := make([]int, len(t.Perm))
	for i, p := range t.Perm {
		back[p] = i
	}
	return gradOfFirst(g, n, want, Transpose{Perm: back}, dy)
}

// Ties passes channels through where they stay last, and keeps them as they are otherwise.
func (t Transpose) Ties(n *graph.Node) graph.Ties {
	if k := len(t.Perm) - 1; t.Perm[k] == k {
		return channelTies(n)
	}
	return channelLocks(n)
}
