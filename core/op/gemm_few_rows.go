package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
)

// fewRowsLoop is y = x·wᵀ + b for an x of few rows, made as yᵀ = w·xᵀ: it packs x, while
// packing w would take as long as a good part of the product.
type fewRowsLoop struct {
	e *graph.Env
	m *graph.Mem
	im2row
	n    int // rows of w
	bias int // which input, 0 for none
	hooks
}

// fewRows reports whether rows times a matrix of n columns is better made that way.
func fewRows(rows, n int) bool { return rows <= 64 && rows <= n }

// fewParts is the number of parts that n columns are divided into.
func fewParts(n int) int { return min(12, (n+7)/8) }

// loop lays out the scratch: gathered x, packed xᵀ, yᵀ.
func (l *fewRowsLoop) loop() graph.Loop {
	e, m, rows, k := l.e, l.m, l.rows(), l.cols()
	gathered := 0
	if !l.direct() || l.begin != nil {
		gathered = rows * k
	}
	packed := gathered + e.Kernels.PackSize(k, rows)
	parts, gatherParts := fewParts(l.n), fewParts(rows)
	gather := func(part, _ int) {
		lo, hi := kernels.Chunk(rows, gatherParts, part)
		if l.begin != nil {
			l.begin(m.Scratch[lo*k:hi*k], lo*k)
			return
		}
		l.fill(m.Scratch[lo*k:hi*k], m.In[0], lo, hi)
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
		e.Kernels.PackBT(m.Scratch[gathered:packed], x, k, k, rows)
		e.Pool.Run(parts, body)
		if l.bias > 0 {
			e.Kernels.AddRow(m.Out, m.Out, m.In[l.bias])
		}
		if l.end != nil {
			l.end(0, 0, len(m.Out))
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
