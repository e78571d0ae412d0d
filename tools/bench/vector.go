package bench

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
)

// vectorFloats is the length of the operands of the vector kernels: 32 MB each, more than caches
// hold.
const vectorFloats = 8 << 20

// vectorCols is the channels of the kernels on rows.
const vectorCols = 64

// vectors are the element-wise kernels: arrays read and written, operations an element.
var vectors = []struct {
	name  string
	moved int
	flops float64
	run   func(k *kernels.Set, y, a, b, c []float32)
}{
	{"Fill", 1, 0, func(k *kernels.Set, y, _, _, _ []float32) { k.Fill(y, 1) }},
	{"Add", 3, 1, func(k *kernels.Set, y, a, b, _ []float32) { k.Add(y, a, b) }},
	{"Mul", 3, 1, func(k *kernels.Set, y, a, b, _ []float32) { k.Mul(y, a, b) }},
	{"Div", 3, 1, func(k *kernels.Set, y, a, b, _ []float32) { k.Div(y, a, b) }},
	{"Scale", 2, 1, func(k *kernels.Set, y, a, _, _ []float32) { k.Scale(y, 0.5, a) }},
	{"Axpy", 3, 2, func(k *kernels.Set, y, a, _, _ []float32) { k.Axpy(y, 1e-6, a) }},
	{"MulAdd", 4, 2, func(k *kernels.Set, y, a, b, _ []float32) { k.MulAdd(y, a, b) }},
	{"Clip", 2, 2, func(k *kernels.Set, y, a, _, _ []float32) { k.Clip(y, a, 0, 6) }},
	{"ClipGrad", 3, 2, func(k *kernels.Set, y, a, b, _ []float32) { k.ClipGrad(y, a, b, 0, 6) }},
	{"MulClip", 3, 3, func(k *kernels.Set, y, a, b, _ []float32) { k.MulClip(y, a, b, 0, 6) }},
	{"DivClip", 3, 3, func(k *kernels.Set, y, a, b, _ []float32) { k.DivClip(y, a, b, 1, 6) }},
	{"Abs", 2, 1, func(k *kernels.Set, y, a, _, _ []float32) { k.Abs(y, a) }},
	{"MulSigned", 4, 5, func(k *kernels.Set, y, a, b, c []float32) { k.MulSigned(y, a, b, c) }},
	{"ScaleShift", 2, 2, func(k *kernels.Set, y, a, b, c []float32) { k.ScaleShift(y, a, b[:vectorCols], c[:vectorCols]) }},
	{"AddRow", 2, 1, func(k *kernels.Set, y, a, b, _ []float32) { k.AddRow(y, a, b[:vectorCols]) }},
	{"ShareRow", 4, 6, func(k *kernels.Set, y, a, b, c []float32) {
		k.ShareRow(y, a, b, c[:vectorCols], c[vectorCols:2*vectorCols], 1e-5)
	}},
	{"ColSum", 1, 1, func(k *kernels.Set, _, a, b, _ []float32) { k.ColSum(b[:vectorCols], a) }},
	{"ColDot", 2, 2, func(k *kernels.Set, y, a, b, _ []float32) { k.ColDot(b[:vectorCols], a, y) }},
	{"Sum", 1, 1, func(k *kernels.Set, _, a, _, _ []float32) { k.Sum(a) }},
	{"SumSq", 1, 2, func(k *kernels.Set, _, a, _, _ []float32) { k.SumSq(a) }},
	{"Dot", 2, 2, func(k *kernels.Set, _, a, b, _ []float32) { k.Dot(a, b) }},
	{"SGD", 5, 6, func(k *kernels.Set, y, a, b, _ []float32) { k.SGD(y, a, b, 1e-6, 0.9, 0, 1) }},
	{"AdamW", 7, 14, func(k *kernels.Set, y, a, b, c []float32) {
		k.AdamW(y, a, b, c, 1e-6, 0.9, 0.999, 1e-8, 0, 0.1, 0.001, 1)
	}},
}

// vectorCase is the i-th vector kernel over operands that are far out of cache, each thread on a
// stretch of its own.
func vectorCase(i int) func(e graph.Env) (Work, error) {
	return func(e graph.Env) (Work, error) {
		v := vectors[i]
		y, a, b, c := noise(vectorFloats), noise(vectorFloats), noise(vectorFloats), noise(vectorFloats)
		if v.name == "AdamW" { // second moments are not negative
			e.Kernels.Mul(c, c, c)
		}
		threads, set := e.Pool.Threads(), e.Kernels
		body := func(part, _ int) {
			lo, hi := kernels.Chunk(vectorFloats/vectorCols, threads, part)
			lo, hi = lo*vectorCols, hi*vectorCols
			v.run(&set, y[lo:hi], a[lo:hi], b[lo:hi], c[lo:hi])
		}
		return Work{Name: v.name, Flops: v.flops * vectorFloats, Bytes: float64(4 * v.moved * vectorFloats),
			Run: func() { e.Pool.Run(threads, body) }}, nil
	}
}
