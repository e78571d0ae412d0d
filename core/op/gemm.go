package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Gemm is y = x·wᵀ + b, a fully connected layer.
//
//	x  N×K
//	w  O×K
//	b  O, optional
//	y  N×O
type Gemm struct{}

// Kind is Gemm.
func (Gemm) Kind() string { return "Gemm" }

// Infer wants rows of w as long as those of x.
func (Gemm) Infer(in []tensor.Shape) (tensor.Shape, error) {
	switch {
	case len(in) != 2 && len(in) != 3:
		return nil, fmt.Errorf("%d inputs, want x, w and at most a bias", len(in))
	case len(in[0]) != 2 || len(in[1]) != 2 || in[0][1] != in[1][1]:
		return nil, fmt.Errorf("input %v, weight %v, want N×K and O×K", in[0], in[1])
	case len(in) == 3 && !in[2].Equal(in[1][:1]):
		return nil, fmt.Errorf("bias %v for weight %v, want one value for each of %d rows", in[2], in[1], in[1][0])
	}
	return tensor.Shape{in[0][0], in[1][0]}, nil
}

// Ties: columns of x go with columns of w, rows of w with outputs and bias.
func (Gemm) Ties(n *graph.Node) graph.Ties {
	rows := graph.End{Port: 1, Axis: 0}
	t := graph.Ties{Links: []graph.Tie{
		graph.Same(graph.End{Port: 0, Axis: 1}, graph.End{Port: 1, Axis: 1}),
		graph.Same(rows, graph.End{Port: graph.Out, Axis: 1}),
	}}
	if len(n.In) == 3 {
		t.Links = append(t.Links, graph.Same(rows, graph.End{Port: 2, Axis: 0}))
	}
	return t
}

// MACs is one for each weight and row of x.
func (Gemm) MACs(n *graph.Node) int64 {
	return int64(n.In[0].Shape[0]) * int64(n.In[1].Shape.Elems())
}

// gemmRows is a matrix of n rows of k as images of one pixel: Gemm is a convolution of these.
func gemmRows(n, k int) im2row {
	one := [2]int{1, 1}
	return im2row{images: n, grid: one, size: one, channels: k, width: k, step: one, ty: []int{0}, tx: []int{0}}
}

// Lower multiplies rows of x with rows of w.
func (g Gemm) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return g.lowerWith(e, n, m, hooks{})
}

func (g Gemm) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	return lowerUnpacked(g, e, n, m, h)
}

// lowering packs whichever of x and w is smaller, and w if it rests.
func (Gemm) lowering(e *graph.Env, n *graph.Node, atRest bool) lowering {
	rows, k, o := n.Shape[0], n.In[0].Shape[1], n.Shape[1]
	if !atRest && fewRows(rows, o) {
		return &fewRowsLoop{e: e, im2row: gemmRows(rows, k), n: o, bias: biasOf(n)}
	}
	return gemmLoop(e, rows, k, o, biasOf(n), func(dst, _, w []float32, _, lo, hi int) {
		e.Kernels.PackBT(dst, w[lo*k:], k, k, hi-lo)
	})
}

// gemmLoop is rows×k times the k×n matrix that pack packs.
func gemmLoop(e *graph.Env, rows, k, n, bias int, pack convPack) *convLoop {
	one := [2]int{1, 1}
	return newConvLoop(e, 1, n, one, bias, convPass{im2row: gemmRows(rows, k), step: one, pack: pack})
}

// Grad needs x for dw and w for dx. dw comes first: x may then go before dx is made.
func (Gemm) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, len(n.In))
	if want[1] {
		grads[1] = g.Add(n.Name+".dw", GemmGradWeight{}, dy, n.In[0])
	}
	if want[0] {
		grads[0] = g.Add(n.Name+".dx", GemmGradInput{}, dy, n.In[1])
	}
	if len(want) > 2 && want[2] {
		grads[2] = g.Add(n.Name+".db", BiasGrad{}, dy)
	}
	return grads
}

// GemmGradInput is dx = dy·w.
//
//	dx  N×K
//	dy  N×O
//	w   O×K
type GemmGradInput struct{}

// Kind is GemmGradInput.
func (GemmGradInput) Kind() string { return "GemmGradInput" }

// Infer is N×K.
func (GemmGradInput) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) != 2 || len(in[1]) != 2 || in[0][1] != in[1][0] {
		return nil, fmt.Errorf("inputs %v, want dy N×O and w O×K", in)
	}
	return tensor.Shape{in[0][0], in[1][1]}, nil
}

// Lower multiplies rows of dy with columns of w.
func (g GemmGradInput) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return g.lowerWith(e, n, m, hooks{})
}

func (g GemmGradInput) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	return lowerUnpacked(g, e, n, m, h)
}

// lowering packs w for many rows, and where it rests.
func (GemmGradInput) lowering(e *graph.Env, n *graph.Node, atRest bool) lowering {
	rows, k, o := n.Shape[0], n.Shape[1], n.In[0].Shape[1]
	if !atRest && fewRows(rows, k) {
		return &fewRowsGrad{e: e, rows: rows, k: k, o: o}
	}
	return gemmLoop(e, rows, o, k, 0, func(dst, _, w []float32, _, lo, hi int) {
		e.Kernels.PackB(dst, w[lo:], k, o, hi-lo)
	})
}

// GemmGradWeight is dw = dyᵀ·x.
//
//	dw  O×K
//	dy  N×O
//	x   N×K
type GemmGradWeight struct{}

// Kind is GemmGradWeight.
func (GemmGradWeight) Kind() string { return "GemmGradWeight" }

// Infer is O×K.
func (GemmGradWeight) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) != 2 || len(in[1]) != 2 || in[0][0] != in[1][0] {
		return nil, fmt.Errorf("inputs %v, want dy N×O and x N×K", in)
	}
	return tensor.Shape{in[0][1], in[1][1]}, nil
}

// Lower divides dw into tiles that each sum over all rows.
func (GemmGradWeight) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	rows, o, k := n.In[0].Shape[0], n.Shape[0], n.Shape[1]
	l := &convWeightLoop{e: e, m: m, filters: o, cols: k, chunks: 1}
	l.take(gemmRows(rows, k), 1)
	return l.loop(n.Shape.Elems())
}
