package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
)

// winogradFew is winogradLoop for few tiles and many filters, whose transforms would be larger than
// the caches: all tiles are transformed first, and then each block of filters when its turn comes,
// some input channels at a time. Input 1 is the weights as they lie.
type winogradFew struct{ *winogradLoop }

const (
	winogradFewTiles = 160 // how many are few
	winogradFewCols  = 32  // filters of a block,
	winogradFewDeep  = 128 // and input channels: 36 such matrices are about what the cache holds
)

func newWinogradFew(l *winogradLoop) winogradFew {
	l.cols = winogradFewCols
	return winogradFew{l}
}

func (winogradFew) packed() int { return 0 }

func (winogradFew) pack(*graph.Mem) graph.Loop { return graph.Loop{} }

// run has in its scratch the transformed tiles and for each worker a piece of filters, its taps
// and products.
func (l winogradFew) run(m *graph.Mem, h hooks) graph.Loop {
	l.m, l.hooks = m, h
	plane := winogradPlane(l.count() * l.inputs)
	size := winogradPlane(l.e.Kernels.PackSize(winogradFewDeep, l.cols))
	step := winogradPlane(l.count() * l.cols)
	all := winogradPlanes * plane
	each := winogradPatchFloats + winogradPlanes*(size+step) + 9*size
	parts := min(l.count(), maxParts)
	read := func(part, worker int) {
		lo, hi := kernels.Chunk(l.count(), parts, part)
		l.read(&l.e.Kernels, m.Scratch[lo*l.inputs:all], plane, m.In[0], l.inputs, lo, hi, m.Scratch[all+worker*each:])
	}
	block := func(b, worker int) {
		l.filters(b, m.Scratch[:all], plane, m.Scratch[all+worker*each:][:each], size, step)
	}
	finish := func(part, _ int) {
		lo, hi := kernels.Chunk(len(m.Out)/l.outputs, parts, part)
		l.done(part, lo*l.outputs, hi*l.outputs)
	}
	return graph.Loop{Scratch: all + l.e.Pool.Threads()*each, Run: func() {
		l.e.Pool.Run(parts, read)
		l.e.Pool.Run(l.blocks(), block)
		if l.bias > 0 || l.end != nil {
			l.e.Pool.Run(parts, finish)
		}
	}}
}

// filters makes the outputs of a block of filters.
func (l winogradFew) filters(b int, tiles []float32, plane int, work []float32, size, step int) {
	patch, work := work[:winogradPatchFloats], work[winogradPatchFloats:]
	products, work := work[:winogradPlanes*step], work[winogradPlanes*step:]
	piece, tmp := work[:winogradPlanes*size], work[winogradPlanes*size:]
	lo := b * l.cols
	hi := min(lo+l.cols, l.outputs)
	for k := 0; k < l.inputs; k += winogradFewDeep {
		end := min(k+winogradFewDeep, l.inputs)
		l.transform(l.e, piece, size, l.m.In[1], tmp, k, end, lo, hi)
		for p := range winogradPlanes {
			l.e.Kernels.Gemm(products[p*step:], hi-lo, tiles[p*plane+k:], l.inputs, piece[p*size:],
				l.count(), hi-lo, end-k, k > 0)
		}
	}
	l.write(&l.e.Kernels, l.m.Out[lo:], l.outputs, hi-lo, 0, l.count(), products, step, patch)
}
