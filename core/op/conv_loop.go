package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
)

// convLoop is a convolution, or its gradient for the input, as matrix products: blocks of pixels
// are multiplied with packed weights. Input 0 is the images, input 1 the weights.
type convLoop struct {
	e      *graph.Env
	m      *graph.Mem
	passes []convPass
	groups int
	n      int    // output channels of a group
	size   [2]int // of an output image
	bias   int    // which input, 0 for none
	hooks
	blocks  []convBlock
	floats  int   // of packed weights
	perPack int   // floats of scratch of a worker that packs
	perWork int   // floats of scratch of a worker that multiplies
	parts   int   // of the rows
	across  int   // parts of the columns
	ended   *tail // bias and epilogue in one pass, or nil
}

// convPass makes the output pixels (from+i·step) of the grid points i of its im2row.
type convPass struct {
	im2row
	from, step [2]int
	pack       convPack
	blocks     []convBlock
	taken      *convRows // nil where the rows are the images themselves
}

// convPack packs columns lo to hi of the cols×n matrix that weights w are for a group; tmp has
// room for that block where the pass has more than one tap.
type convPack func(dst, tmp, w []float32, group, lo, hi int)

// convBlock is some columns of the weights of one pass and group, and where they are packed.
type convBlock struct{ pass, group, lo, hi, at int }

// convCols is the width of a packed block: a multiple of what tiles are wide.
const convCols = 48

// convFew is the number of rows below which threads divide columns too: blocks are two tiles wide then.
const convFew = 12 * 48

// columns is the width of the packed blocks of a pass.
func (l *convLoop) columns(p *convPass) int {
	w := 2 * l.e.Kernels.Width
	if l.e.Pool.Threads() > 1 && p.rows() < convFew && l.n < 12*convCols && l.n%w == 0 && l.dividable() {
		return min(w, convCols)
	}
	return convCols
}

// dividable reports whether rows and columns of the product may be divided.
func (l *convLoop) dividable() bool {
	return len(l.passes) == 1 && l.groups == 1 && l.passes[0].whole(l.size)
}

// divide divides few rows by columns, so that a part has rows enough for whole tiles and no weights
// are read twice. An epilogue of whole rows does not allow it, nor what is copied for each part.
func (l *convLoop) divide() {
	p, rows := &l.passes[0], l.passes[0].rows()
	l.across = 1
	free := l.begin == nil && (l.ended != nil || l.bias == 0 && l.end == nil)
	if rows >= convFew || !l.dividable() || !free || p.taken != nil && p.taken.band.floats > 0 {
		return
	}
	parts := max(1, rows/48)
	if across := min(len(p.blocks), (12+parts-1)/parts); parts*across >= min(12, l.parts) {
		l.parts, l.across = parts, across
	}
}

// whole reports whether the pass makes every output pixel in order.
func (p *convPass) whole(size [2]int) bool { return p.grid == size && p.step == [2]int{1, 1} }

// newConvLoop makes groups·n channels of images of a size by some passes.
func newConvLoop(e *graph.Env, groups, n int, size [2]int, bias int, passes ...convPass) *convLoop {
	l := &convLoop{e: e, passes: passes, groups: groups, n: n, size: size, bias: bias}
	rows := 0
	for i := range l.passes {
		l.layOut(i, &l.passes[i])
		rows = max(rows, l.passes[i].rows())
	}
	l.parts = im2rowParts(rows)
	return l
}

// packed is the panels of all passes.
func (l *convLoop) packed() int { return l.floats }

// pack packs block by block.
func (l *convLoop) pack(m *graph.Mem) graph.Loop {
	body := func(part, worker int) {
		b := &l.blocks[part]
		l.passes[b.pass].pack(m.Out[b.at:], m.Scratch[worker*l.perPack:], m.In[0], b.group, b.lo, b.hi)
	}
	return graph.Loop{Scratch: l.e.Pool.Threads() * l.perPack, Run: func() { l.e.Pool.Run(len(l.blocks), body) }}
}

// run has in its scratch what a block takes from the images and a product for each worker.
func (l *convLoop) run(m *graph.Mem, h hooks) graph.Loop {
	l.m, l.hooks = m, h
	l.ended = h.ending(l.bias)
	for i := range l.passes {
		p := &l.passes[i]
		if p.cols() > 0 && !p.direct() {
			p.taken = newConvRows(&p.im2row, l.rows(p))
		}
		l.perWork = max(l.perWork, l.workFloats(p))
	}
	l.divide()
	part := l.part
	return graph.Loop{Scratch: l.e.Pool.Threads() * l.perWork, Run: func() { l.e.Pool.Run(l.parts*l.across, part) }}
}

// layOut divides the weights of a pass into blocks of columns.
func (l *convLoop) layOut(i int, p *convPass) {
	if p.cols() == 0 {
		return
	}
	if len(p.ty)*len(p.tx) > 1 {
		l.perPack = max(l.perPack, p.cols()*min(convCols, l.n))
	}
	first, width := len(l.blocks), l.columns(p)
	for group := range l.groups {
		for lo := 0; lo < l.n; lo += width {
			hi := min(lo+width, l.n)
			l.blocks = append(l.blocks, convBlock{i, group, lo, hi, l.floats})
			l.floats += (l.e.Kernels.PackSize(p.cols(), hi-lo) + 15) / 16 * 16
		}
	}
	p.blocks = l.blocks[first:len(l.blocks):len(l.blocks)]
}

// workFloats is the scratch of one worker for a pass: a band, or what a prologue makes, and the
// product where it must be spread out afterwards.
func (l *convLoop) workFloats(p *convPass) int {
	size := 0
	if p.cols() == 0 {
		return 0
	}
	switch {
	case l.begin != nil:
		size = l.rows(p) * p.cols()
	case p.taken != nil:
		size = p.taken.band.floats
	}
	if !p.whole(l.size) {
		size += l.rows(p) * l.n
	}
	return size
}

func (l *convLoop) work(worker int) []float32 {
	return l.m.Scratch[worker*l.perWork:][:l.perWork]
}

// part is a chunk of the rows of each pass, or of few rows some columns.
func (l *convLoop) part(part, worker int) {
	for i := range l.passes {
		p := &l.passes[i]
		lo, hi := im2rowChunk(p.rows(), l.parts, part%l.parts)
		for block := l.rows(p); lo < hi; {
			end := min(lo+block, hi)
			if p.taken != nil {
				end = p.taken.end(lo, end)
			}
			l.block(p, part, lo, end, l.work(worker))
			lo = end
		}
	}
}

// block makes the outputs of grid points lo to hi.
func (l *convLoop) block(p *convPass, part, lo, hi int, work []float32) {
	if p.cols() == 0 {
		p.clear(l, lo, hi)
	} else {
		first, last := kernels.Chunk(len(p.blocks), l.across, part/l.parts)
		l.product(p, p.blocks[first:last], l.m.Out[lo*l.groups*l.n:], lo, hi, work)
		if l.ended != nil && p.whole(l.size) {
			return
		}
	}
	c := l.groups * l.n
	if l.bias > 0 {
		y := l.m.Out[lo*c : hi*c]
		l.e.Kernels.AddRow(y, y, l.m.In[l.bias])
	}
	if l.end == nil {
		return
	}
	if p.whole(l.size) {
		l.end(part, lo*c, hi*c)
		return
	}
	for r := lo; r < hi; r++ {
		at := p.pixel(l, r) * c
		l.end(part, at, at+c)
	}
}

// stream is a prologue that makes in dst what the loop, a pass over the pixels as they lie, would make in its output.
func (l *convLoop) stream(m *graph.Mem, end *tail) prologue {
	l.m, l.ended = m, end
	p := &l.passes[0]
	block := l.rows(p)
	return func(dst []float32, at int) {
		first, last := at/l.n, (at+len(dst))/l.n
		for lo := first; lo < last; lo += block {
			l.product(p, p.blocks, dst[(lo-first)*l.n:], lo, min(lo+block, last), nil)
		}
	}
}

// product multiplies the rows of grid points lo to hi with blocks of weights. y is their place where the pass makes every pixel.
func (l *convLoop) product(p *convPass, blocks []convBlock, y []float32, lo, hi int, work []float32) {
	c := l.groups * l.n
	last, a, first := -1, work, 0
	for i := range blocks {
		b := &blocks[i]
		if b.group != last {
			last = b.group
			a, first = l.operand(p, b.group, work, lo, hi)
		}
		if p.whole(l.size) {
			j := b.group*l.n + b.lo
			if l.ended.clips() {
				l.timesClip(p, b, y[j:], c, a, first, hi-lo)
				continue
			}
			l.times(p, b, y[j:], c, a, first, hi-lo)
			if l.ended != nil {
				l.ended.finish(l.e, l.m, y[j:], lo*c+j, c, l.m.In[l.bias][j:][:b.hi-b.lo], hi-lo)
			}
			continue
		}
		product := work[l.perWork-l.rows(p)*l.n:]
		l.times(p, b, product[b.lo:], l.n, a, first, hi-lo)
		if b.hi == l.n {
			p.scatter(l, product, b.group, lo, hi)
		}
	}
}

// times multiplies n rows of an operand with a block of weights.
func (l *convLoop) times(p *convPass, b *convBlock, y []float32, ldy int, a []float32, first, n int) {
	bp := l.m.In[1][b.at:]
	if t := p.taken; t != nil {
		l.e.Kernels.GemmRows(y, ldy, a, t.table, first, bp, n, b.hi-b.lo, t.k, false)
		return
	}
	l.e.Kernels.Gemm(y, ldy, a, p.channels, bp, n, b.hi-b.lo, p.cols(), false)
}

// timesClip is times with bias and clipping.
func (l *convLoop) timesClip(p *convPass, b *convBlock, y []float32, ldy int, a []float32, first, n int) {
	bp, bias, k := l.m.In[1][b.at:], l.m.In[l.bias][b.group*l.n+b.lo:], l.e.Kernels
	if t := p.taken; t != nil {
		k.GemmRowsBiasClip(y, ldy, a, t.table, first, bp, bias, n, b.hi-b.lo, t.k, l.ended.lo, l.ended.hi)
		return
	}
	k.GemmBiasClip(y, ldy, a, p.channels, bp, bias, n, b.hi-b.lo, p.cols(), l.ended.lo, l.ended.hi)
}

// rows is the number of grid points that are made at a time: what they read and what they make
// stay in the second-level cache; for small weights, in the first what is made.
func (l *convLoop) rows(p *convPass) int {
	if l.ended != nil && p.direct() && p.cols()*l.n <= 1<<14 {
		return 96
	}
	_, part := im2rowChunk(p.rows(), l.parts, 0)
	return min(im2rowBlock(len(p.tx)*p.width+l.groups*l.n), part+8)
}

// operand is what rows lo to hi are found in, and with a table which row of it is the first.
func (l *convLoop) operand(p *convPass, group int, work []float32, lo, hi int) (a []float32, first int) {
	x := l.m.In[0][group*p.width:]
	switch {
	case l.begin != nil:
		l.begin(work[:(hi-lo)*p.channels], lo*p.channels)
		return work, 0
	case p.taken != nil:
		return p.taken.source(x, work, lo, hi)
	}
	return x[lo*p.channels:], 0
}

// pixel is the place in the output of grid point r.
func (p *convPass) pixel(l *convLoop, r int) int {
	j, i := r%p.grid[1], r/p.grid[1]
	n, i := i/p.grid[0], i%p.grid[0]
	y, x := p.from[0]+i*p.step[0], p.from[1]+j*p.step[1]
	return (n*l.size[0]+y)*l.size[1] + x
}

// scatter puts the rows of a product where they belong.
func (p *convPass) scatter(l *convLoop, product []float32, group, lo, hi int) {
	c := l.groups * l.n
	for r := lo; r < hi; r++ {
		copy(l.m.Out[p.pixel(l, r)*c+group*l.n:][:l.n], product[(r-lo)*l.n:])
	}
}

// clear puts zeros where no tap leads.
func (p *convPass) clear(l *convLoop, lo, hi int) {
	c := l.groups * l.n
	for r := lo; r < hi; r++ {
		clear(l.m.Out[p.pixel(l, r)*c:][:c])
	}
}
