package bench

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// Shape is a matrix product of a layer: C, pixels×filters, from pixels×Inner and filters×Inner,
// where Inner is input channels times taps.
type Shape struct {
	Name                   string
	Pixels, Filters, Inner int
}

func (s Shape) String() string { return fmt.Sprintf("%d×%d×%d", s.Pixels, s.Filters, s.Inner) }

// Shapes are the 18 products that the goals are set for: layers of ResNet-18 and MobileNet v2 at
// 224, for one image and for eight.
var Shapes = []Shape{
	{"square 1024", 1024, 1024, 1024},
	{"r18 conv1 7x7", 12544, 64, 147},
	{"r18 l1 3x3", 3136, 64, 576},
	{"r18 l2 3x3", 784, 128, 1152},
	{"r18 l3 3x3", 196, 256, 2304},
	{"r18 l4 3x3", 49, 512, 4608},
	{"r18 l3 3x3 b8", 1568, 256, 2304},
	{"r18 l4 3x3 b8", 392, 512, 4608},
	{"mbv2 16>96", 12544, 96, 16},
	{"mbv2 96>24", 3136, 24, 96},
	{"mbv2 24>144", 3136, 144, 24},
	{"mbv2 192>32", 784, 32, 192},
	{"mbv2 64>384", 196, 384, 64},
	{"mbv2 576>96", 196, 96, 576},
	{"mbv2 160>960", 49, 960, 160},
	{"mbv2 320>1280", 49, 1280, 320},
	{"mbv2 160>960 b8", 392, 960, 160},
	{"mbv2 576>96 b8", 1568, 96, 576},
}

// Gemm is C = A·Wᵀ of a layer, its weights packed before each repetition where pack is set.
func Gemm(e graph.Env, s Shape, pack bool) Work {
	p := newProduct(e, s)
	p.pack()
	if pack {
		return Work{Name: s.Name, Flops: s.flops(), Run: func() { p.pack(); p.multiply(0, s.Pixels) }}
	}
	return s.byRows(s.Pixels, 96, p.multiply)
}

// byRows is the work of a product by rows of C. Its pieces have least rows or more, and but for the last one whole tiles.
func (s Shape) byRows(rows, least int, multiply func(lo, hi int)) Work {
	const tile = 48 // rows, a multiple of those of all tiles
	w := Work{Name: s.Name, Flops: s.flops(), Run: func() { multiply(0, rows) }}
	w.Pieces = func(n int) (ps []Work) {
		n = max(1, min(n, rows/least))
		lo := 0
		for i := range n {
			_, hi := kernels.Chunk(rows, n, i)
			if i < n-1 {
				hi -= hi % tile
			}
			from := lo
			ps = append(ps, Work{Name: s.Name, Flops: w.Flops * float64(hi-from) / float64(rows), Run: func() { multiply(from, hi) }})
			lo = hi
		}
		return ps
	}
	return w
}

// product is C = A·Wᵀ, rows of C divided over the threads.
type product struct {
	c        []float32
	pack     func()
	multiply func(lo, hi int)
}

func newProduct(e graph.Env, s Shape) *product {
	k, n, inner := e.Kernels, s.Filters, s.Inner
	m := matrices(s.Pixels*inner, n*inner, k.PackSize(inner, n), s.Pixels*n)
	a, w, bp := m[0], m[1], m[2]
	p := &product{c: m[3]}
	p.pack = func() { k.PackBT(bp, w, inner, inner, n) }
	p.multiply = overRows(e, func(lo, hi int) { k.Gemm(p.c[lo*n:], n, a[lo*inner:], inner, bp, hi-lo, n, inner, false) })
	return p
}

// WeightGradient is dW = dYᵀ·A of a layer.
func WeightGradient(e graph.Env, s Shape) Work {
	m, n, inner := s.Pixels, s.Filters, s.Inner
	x := matrices(m*n, m*inner, n*inner)
	dy, a, dw := x[0], x[1], x[2]
	return s.byRows(n, 340, overRows(e, func(lo, hi int) {
		e.Kernels.GemmTN(dw[lo*inner:], inner, dy[lo:], n, a, inner, hi-lo, inner, m, false)
	}))
}

// overRows divides rows over the threads.
func overRows(e graph.Env, body func(lo, hi int)) func(lo, hi int) {
	threads := e.Pool.Threads()
	var from, to int
	part := func(part, _ int) {
		lo, hi := kernels.Chunk(to-from, threads, part)
		if lo < hi {
			body(from+lo, from+hi)
		}
	}
	return func(lo, hi int) {
		from, to = lo, hi
		e.Pool.Run(threads, part)
	}
}

func (s Shape) flops() float64 { return 2 * float64(s.Pixels) * float64(s.Filters) * float64(s.Inner) }

// matrices are operands of those numbers of floats in one piece, as a plan lays them out: where the system has huge pages they lie
// on such, however small they are.
func matrices(floats ...int) (ms [][]float32) {
	const line = tensor.Align / 4
	const huge = 1 << 20 // from 4 MiB on tensor.Floats asks for huge pages
	lines := func(n int) int { return (n + line - 1) / line * line }
	total := 0
	for _, n := range floats {
		total += lines(n)
	}
	memory := tensor.Floats(max(total, huge))
	for _, n := range floats {
		ms = append(ms, fill(memory[:n:n]))
		memory = memory[lines(n):]
	}
	return ms
}

// noise is n small numbers that have been written: fresh pages are all the same page of zeros.
func noise(n int) []float32 { return fill(tensor.Floats(n)) }

func fill(v []float32) []float32 {
	x := uint32(2463534242)
	for i := range v {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		v[i] = float32(int32(x)) / (1 << 31)
	}
	return v
}
