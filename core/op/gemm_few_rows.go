package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
)

// fewRowsLoop is y = x·wᵀ + b for an x of few rows, made as yᵀ = w·xᵀ: it packs x, while
// packing w would take as long as a good part of the product.
type fewRowsLoop struct {
	e *graph.Env
	im2row
	n    int // rows of w
	bias int // which input, 0 for none
}

// fewRows reports whether rows times a matrix of n columns is better made that way.
func fewRows(rows, n int) bool { return rows <= 64 && rows <= n }

// fewParts is the number of parts that n columns are divided into.
func fewParts(n int) int { return min(12, (n+7)/8) }

// packed is 0: w is read as it lies.
func (*fewRowsLoop) packed() int { return 0 }

func (*fewRowsLoop) pack(*graph.Mem) graph.Loop { return graph.Loop{} }

// run has in its scratch gathered x, packed xᵀ, yᵀ.
func (l *fewRowsLoop) run(m *graph.Mem, h hooks) graph.Loop {
	e, rows, k := l.e, l.rows(), l.cols()
	ld := k
	gathered := 0
	if !l.direct() || h.begin != nil {
		ld = l.stride()
		gathered = rows * l.stride()
	}
	packed := gathered + e.Kernels.PackSize(k, rows)
	parts, gatherParts := fewParts(l.n), fewParts(rows)
	gather := func(part, _ int) {
		lo, hi := kernels.Chunk(rows, gatherParts, part)
		if h.begin != nil {
			h.begin(m.Scratch[lo*k:hi*k], lo*k)
			return
		}
		l.fill(m.Scratch[lo*ld:hi*ld], m.In[0], lo, hi)
	}
	body := func(part, _ int) {
		lo, hi := im2rowChunk(l.n, parts, part)
		yT := m.Scratch[packed+lo*rows : packed+hi*rows]
		e.Kernels.Gemm(yT, rows, m.In[1][lo*k:], k, m.Scratch[gathered:packed], hi-lo, rows, k, false)
		fewTranspose(m.Out[lo:], l.n, yT, hi-lo, rows)
	}
	return graph.Loop{Scratch: packed + l.n*rows, Run: func() {
		x := m.In[0]
		if gathered > 0 {
			e.Pool.Run(gatherParts, gather)
			x = m.Scratch
		}
		e.Kernels.PackBT(m.Scratch[gathered:packed], x, ld, k, rows)
		e.Pool.Run(parts, body)
		if l.bias > 0 {
			e.Kernels.AddRow(m.Out, m.Out, m.In[l.bias])
		}
		if h.end != nil {
			h.end(0, 0, len(m.Out))
		}
	}}
}

// fewRowsGrad is dx = dy·w for a dy of few rows, made as dxᵀ = wᵀ·dyᵀ: it packs nothing.
type fewRowsGrad struct {
	e          *graph.Env
	rows, k, o int // dy is rows×o, w o×k
}

// packed is 0: w is read as it lies.
func (*fewRowsGrad) packed() int { return 0 }

func (*fewRowsGrad) pack(*graph.Mem) graph.Loop { return graph.Loop{} }

// run has in its scratch dyᵀ and dxᵀ.
func (l *fewRowsGrad) run(m *graph.Mem, h hooks) graph.Loop {
	e, rows, k, o := l.e, l.rows, l.k, l.o
	parts := fewParts(k)
	body := func(part, _ int) {
		lo, hi := im2rowChunk(k, parts, part)
		dyT, dxT := m.Scratch[:o*rows], m.Scratch[(o+lo)*rows:(o+hi)*rows]
		e.Kernels.GemmTN(dxT, rows, m.In[1][lo:], k, dyT, rows, hi-lo, rows, o, false)
		fewTranspose(m.Out[lo:], k, dxT, hi-lo, rows)
	}
	return graph.Loop{Scratch: (o + k) * rows, Run: func() {
		fewTranspose(m.Scratch, rows, m.In[0], rows, o)
		e.Pool.Run(parts, body)
		if h.end != nil {
			h.end(0, 0, len(m.Out))
		}
	}}
}

// fewTranspose is dst = srcᵀ, src rows×cols without gaps, dst with leading dimension ld.
func fewTranspose(dst []float32, ld int, src []float32, rows, cols int) {
	for r := range rows {
		for c, v := range src[r*cols : (r+1)*cols] {
			dst[c*ld+r] = v
		}
	}
}
