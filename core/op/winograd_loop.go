package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
)

const (
	winogradRows = 48 // tiles of a block: the rows that a transformed filter is multiplied with
	winogradCols = 64 // filters of a block, so that their products stay in the cache
)

// winogradLoop is a convolution, or its gradient for the input, by blocks of tiles: a block is
// transformed, multiplied with block after block of transformed filters, and each product is
// transformed back. Input 0 is the images, input 1 the filters as pack has made them.
type winogradLoop struct {
	e *graph.Env
	m *graph.Mem
	winogradGrid
	winogradFilters
	bias int // which input, 0 for none
	hooks
	cols    int // filters of a block
	size    int // floats of a packed matrix of a block of filters
	block   int // tiles of a block
	parts   int
	perWork int // floats of scratch of a worker
}

func newWinogradLoop(e *graph.Env, g winogradGrid, f winogradFilters, bias int) *winogradLoop {
	l := &winogradLoop{e: e, winogradGrid: g, winogradFilters: f, bias: bias, cols: winogradCols}
	l.size = winogradPlane(e.Kernels.PackSize(f.inputs, min(l.cols, f.outputs)))
	l.parts = min((g.count()+4*winogradRows-1)/(4*winogradRows)*4, g.count(), maxParts)
	l.block = (g.count() + l.parts - 1) / l.parts
	if blocks := (l.block + winogradRows - 1) / winogradRows; blocks > 1 {
		l.block = (l.block + blocks - 1) / blocks
	}
	l.perWork = winogradPlanes*(winogradPlane(l.block*f.inputs)+winogradPlane(l.block*l.cols)) + winogradPatchFloats
	return l
}

// blocks is the number of blocks of filters.
func (l *winogradLoop) blocks() int { return (l.outputs + l.cols - 1) / l.cols }

// packed is 36 matrices for each block of filters.
func (l *winogradLoop) packed() int { return l.blocks() * winogradPlanes * l.size }

// pack transforms block by block.
func (l *winogradLoop) pack(m *graph.Mem) graph.Loop {
	tmp := 9 * l.size
	body := func(b, worker int) {
		lo := b * l.cols
		l.transform(l.e, m.Out[b*winogradPlanes*l.size:], l.size, m.In[0], m.Scratch[worker*tmp:],
			0, l.inputs, lo, min(lo+l.cols, l.outputs))
	}
	return graph.Loop{Scratch: l.e.Pool.Threads() * tmp, Run: func() { l.e.Pool.Run(l.blocks(), body) }}
}

// run has in its scratch for each worker a transformed block and its products.
func (l *winogradLoop) run(m *graph.Mem, h hooks) graph.Loop {
	l.m, l.hooks = m, h
	part := func(part, worker int) {
		lo, hi := kernels.Chunk(l.count(), l.parts, part)
		for ; lo < hi; lo += l.block {
			end := min(lo+l.block, hi)
			l.tileBlock(lo, end, m.Scratch[worker*l.perWork:][:l.perWork])
			l.finish(part, lo, end)
		}
	}
	return graph.Loop{Scratch: l.e.Pool.Threads() * l.perWork, Run: func() { l.e.Pool.Run(l.parts, part) }}
}

// tileBlock makes tiles lo to hi.
func (l *winogradLoop) tileBlock(lo, hi int, work []float32) {
	patch, work := work[:winogradPatchFloats], work[winogradPatchFloats:]
	plane := winogradPlane(l.block * l.inputs)
	l.read(&l.e.Kernels, work, plane, l.m.In[0], l.inputs, lo, hi, patch)
	products, step := work[winogradPlanes*plane:], winogradPlane(l.block*l.cols)
	for b := range l.blocks() {
		col := b * l.cols
		n := min(l.cols, l.outputs-col)
		for p := range winogradPlanes {
			l.e.Kernels.Gemm(products[p*step:], n, work[p*plane:], l.inputs,
				l.m.In[1][(b*winogradPlanes+p)*l.size:], hi-lo, n, l.inputs, false)
		}
		l.write(&l.e.Kernels, l.m.Out[col:], l.outputs, n, lo, hi, products, step, patch)
	}
}

// read transforms tiles lo to hi of images of c channels: row t-lo of each plane is tile t.
func (g *winogradGrid) read(s *kernels.Set, dst []float32, plane int, src []float32, c, lo, hi int, patch []float32) {
	for t := lo; t < hi; t++ {
		image, y, x := g.at(t)
		winogradRead(s.WinogradData, dst[(t-lo)*c:], plane, src[image*g.in[0]*g.in[1]*c:], g.in, c, c,
			6, y-g.pads[0], x-g.pads[1], patch)
	}
}

// write transforms tiles lo to hi of n channels back into images of c channels.
func (g *winogradGrid) write(s *kernels.Set, dst []float32, c, n, lo, hi int, src []float32, plane int, patch []float32) {
	for t := lo; t < hi; t++ {
		image, y, x := g.at(t)
		winogradWrite(s.WinogradInverse, dst[image*g.out[0]*g.out[1]*c:], g.out, c, n, y, x, src[(t-lo)*n:], plane, patch)
	}
}

// finish adds the bias to the outputs of tiles lo to hi and does what follows.
func (l *winogradLoop) finish(part, lo, hi int) {
	if l.bias == 0 && l.end == nil {
		return
	}
	for lo < hi {
		image, y, x := l.at(lo)
		n := min(l.tiles[1]-x/winogradTile, hi-lo)
		last := min(x+n*winogradTile, l.out[1])
		for i := y; i < min(y+winogradTile, l.out[0]); i++ {
			row := (image*l.out[0] + i) * l.out[1]
			l.done(part, (row+x)*l.outputs, (row+last)*l.outputs)
		}
		lo += n
	}
}

// done adds the bias to floats lo to hi of the output and does what follows.
func (l *winogradLoop) done(part, lo, hi int) {
	if l.bias > 0 {
		y := l.m.Out[lo:hi]
		l.e.Kernels.AddRow(y, y, l.m.In[l.bias])
	}
	if l.end != nil {
		l.end(part, lo, hi)
	}
}
