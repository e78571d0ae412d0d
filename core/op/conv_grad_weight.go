package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// ConvGradWeight is the gradient of Conv for w. Kernel is the height and width of w.
//
//	dw  O×KH×KW×(C/Groups)
//	dy  N×OH×OW×O
//	x   N×H×W×C
type ConvGradWeight struct {
	Stride, Dilation [2]int
	Pads             [4]int
	Groups           int
	Kernel           [2]int
}

// Kind is ConvGradWeight.
func (ConvGradWeight) Kind() string { return "ConvGradWeight" }

func (c ConvGradWeight) conv() Conv { return Conv{c.Stride, c.Dilation, c.Pads, c.Groups} }

// Infer wants dy as Conv would make it from x.
func (c ConvGradWeight) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) != 4 || len(in[1]) != 4 {
		return nil, fmt.Errorf("inputs %v, want dy and x of four axes each", in)
	}
	g := c.conv().groups()
	if in[1][3]%g != 0 {
		return nil, fmt.Errorf("input %v has %d channels, want a multiple of %d groups", in[1], in[1][3], g)
	}
	dw := tensor.Shape{in[0][3], c.Kernel[0], c.Kernel[1], in[1][3] / g}
	if err := dw.Check(); err != nil {
		return nil, err
	}
	dy, err := c.conv().Infer([]tensor.Shape{in[1], dw})
	if err != nil {
		return nil, err
	}
	if !dy.Equal(in[0]) {
		return nil, fmt.Errorf("dy is %v, input %v and weight %v make %v", in[0], in[1], dw, dy)
	}
	return dw, nil
}

// Lower divides a large dw between threads by tiles that each run over all pixels. A small one
// is summed over fixed chunks of pixels, each with a dw of its own, which are added in order.
func (c ConvGradWeight) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return c.lowerWith(e, n, m, hooks{})
}

// begins: rows are taken as they lie, and each of them once.
func (c ConvGradWeight) begins(in []*graph.Node) bool {
	dy, x := in[0].Shape, in[1].Shape
	w := tensor.Shape{dy[3], c.Kernel[0], c.Kernel[1], x[3] / c.conv().groups()}
	whole := c.conv().pixels(x, w, dy)
	return c.conv().groups() == 1 && whole.direct() && convPixelChunks(&whole, w) > 1
}

// convPixelChunks is the number of chunks of pixels that have a dw of their own, 1 for none.
func convPixelChunks(whole *im2row, w tensor.Shape) int {
	if w.Elems() > convPrivate {
		return 1
	}
	return max(1, min(convChunks, whole.rows()/48))
}

// lowerWith is by Winograd where that wins.
func (c ConvGradWeight) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	if w := n.Shape; winogradFits(c.conv(), w) && winogradWinsWeight(n.In[0].Shape, w[3]) {
		return c.winograd(e, n, winogradGroup).loop(m)
	}
	return c.rowLoop(e, n, m, h)
}

// LowerInto lowers for a dw that nobody keeps: take gets it piece by piece, each as soon as it is made, from several threads
// at once. dw[i] is the gradient of weight at+i; the pieces are the same for any number of threads. Made by Winograd dw is
// never there as a whole; else it lies in scratch.
func (c ConvGradWeight) LowerInto(e *graph.Env, n *graph.Node, m *graph.Mem, take func(dw []float32, at int)) graph.Loop {
	if w := n.Shape; winogradFits(c.conv(), w) && winogradWinsWeight(n.In[0].Shape, w[3]) {
		return c.winograd(e, n, winogradGroup).giveTo(m, take)
	}
	elems := n.Shape.Elems()
	inner := &graph.Mem{}
	loop := c.rowLoop(e, n, inner, hooks{})
	parts := sumParts(elems)
	give := func(part, _ int) {
		lo, hi := kernels.Chunk(elems, parts, part)
		take(inner.Out[lo:hi], lo)
	}
	return graph.Loop{Scratch: elems + loop.Scratch, Run: func() {
		inner.In, inner.Out, inner.Scratch = m.In, m.Scratch[:elems], m.Scratch[elems:]
		loop.Run()
		e.Pool.Run(parts, give)
	}}
}

func (c ConvGradWeight) winograd(e *graph.Env, n *graph.Node, group int) *winogradWeight {
	dy, x := n.In[0].Shape, n.In[1].Shape
	g := newWinogradGrid(x[0], [2]int{x[1], x[2]}, [2]int{dy[1], dy[2]}, [2]int{c.Pads[0], c.Pads[1]})
	return newWinogradWeight(e, g, x[3], dy[3], group)
}

func (c ConvGradWeight) rowLoop(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	dy, x, w := n.In[0].Shape, n.In[1].Shape, n.Shape
	l := &convWeightLoop{e: e, m: m, filters: dy[3], cols: w[1] * w[2] * w[3], hooks: h}
	whole := c.conv().pixels(x, w, dy)
	l.chunks = convPixelChunks(&whole, w)
	l.take(whole, c.conv().groups())
	return l.loop(w.Elems())
}

const (
	convChunks  = 8         // chunks of pixels
	convPrivate = 40 * 1024 // floats of a dw that each chunk may have for itself
)

// convTile is a part of dw: filters lo to hi by columns from to to, which count over all taps of a group.
type convTile struct {
	channel  int // the group's first, of those of a pixel
	lo, hi   int
	from, to int
}

// byFilters cuts a tile into up to n of at least 8 filters.
func (t convTile) byFilters(n int) []convTile {
	return t.cut(min(n, (t.hi-t.lo)/8), func(c *convTile, i, n int) {
		lo, hi := kernels.Chunk(t.hi-t.lo, n, i)
		c.lo, c.hi = t.lo+lo, t.lo+hi
	})
}

// byColumns cuts a tile into up to n of at least 16 columns, of which all but the last have a multiple of 8.
func (t convTile) byColumns(n int) []convTile {
	vectors := (t.to - t.from) / 8
	return t.cut(min(n, vectors/2), func(c *convTile, i, n int) {
		lo, hi := kernels.Chunk(vectors, n, i)
		c.from = t.from + 8*lo
		if i < n-1 {
			c.to = t.from + 8*hi
		}
	})
}

// cut is n parts of a tile, itself if there are none.
func (t convTile) cut(n int, part func(c *convTile, i, n int)) []convTile {
	if n <= 1 {
		return []convTile{t}
	}
	tiles := make([]convTile, n)
	for i := range tiles {
		tiles[i] = t
		part(&tiles[i], i, n)
	}
	return tiles
}

// convWeightLoop is dw = dyᵀ·x, by tiles and chunks of pixels.
type convWeightLoop struct {
	e             *graph.Env
	m             *graph.Mem
	pixels        im2row
	taken         *convRows // where the pixels lie, if they are not the images themselves
	tiles         []convTile
	chunks        int
	block         int // pixels whose rows of dy and of x are used together
	filters, cols int // of dw
	private       int // floats of the chunks' own dw
	perWork       int // floats of scratch of a worker
	hooks
}

// take says how pixels are read: where they lie; short ones through a band, or written out for all taps.
func (l *convWeightLoop) take(pixels im2row, groups int) {
	l.pixels = pixels
	l.cut(groups)
	t := &l.tiles[0]
	block := im2rowBlock(t.to - t.from + t.hi - t.lo)
	l.block = pixels.rows() // nothing is made for them: the product cuts them itself
	switch {
	case l.begin != nil:
		l.block = block
	case pixels.direct():
	case l.chunks > 1 && !fillsPanels(pixels.tapFloats()):
		l.block, l.perWork = block, block*pixels.stride()
	default:
		if l.taken = newConvRows(&l.pixels, block); l.taken.band.floats > 0 {
			l.block, l.perWork = block, l.taken.band.floats
		}
	}
}

// fillsPanels reports whether n floats of a tap leave at most an eighth of the vectors of a product's panels empty: written out, taps
// follow each other without a gap.
func fillsPanels(n int) bool { return n >= 16 && 8*n >= 7*((n+7)/8*8) }

// cut makes a tile for each group, and where there are no chunks cuts it further if there are threads for more: by
// filters where there are more of them than columns. Each tile packs anew what others have packed too, so that they are few;
// elements of dw have the same bits in any of them.
func (l *convWeightLoop) cut(groups int) {
	per, pieces := l.filters/groups, 1
	if n := l.e.Pool.Threads(); l.chunks == 1 && n > 1 {
		pieces = (3*n + groups - 1) / groups
	}
	for g := range groups {
		t := convTile{channel: g * l.pixels.width, lo: g * per, hi: (g + 1) * per, to: l.pixels.cols()}
		if l.pixels.direct() && per >= t.to {
			l.tiles = append(l.tiles, t.byFilters(pieces)...)
		} else {
			l.tiles = append(l.tiles, t.byColumns(pieces)...)
		}
	}
}

func (l *convWeightLoop) loop(elems int) graph.Loop {
	if l.begin != nil {
		l.perWork = l.block * l.pixels.channels
	}
	if l.chunks > 1 {
		l.private = l.chunks * elems
	}
	body := func(part, worker int) {
		dw := l.m.Out
		if chunk := part / len(l.tiles); l.chunks > 1 {
			dw = l.m.Scratch[chunk*elems : (chunk+1)*elems]
		}
		l.tile(&l.tiles[part%len(l.tiles)], dw, part/len(l.tiles), l.m.Scratch[l.private+worker*l.perWork:])
	}
	sum := func(part, _ int) {
		lo, hi := kernels.Chunk(elems, convChunks, part)
		dw := l.m.Out[lo:hi]
		copy(dw, l.m.Scratch[lo:hi])
		for c := 1; c < l.chunks; c++ {
			l.e.Kernels.Add(dw, dw, l.m.Scratch[c*elems+lo:c*elems+hi])
		}
	}
	return graph.Loop{Scratch: l.private + l.e.Pool.Threads()*l.perWork, Run: func() {
		l.e.Pool.Run(l.chunks*len(l.tiles), body)
		if l.chunks > 1 {
			l.e.Pool.Run(convChunks, sum)
		}
	}}
}

// tile sums a tile over a chunk of the pixels.
func (l *convWeightLoop) tile(t *convTile, dw []float32, chunk int, work []float32) {
	from, end := im2rowChunk(l.pixels.rows(), l.chunks, chunk)
	for lo := from; lo < end; {
		hi := min(lo+l.block, end)
		if l.taken != nil {
			hi = l.taken.end(lo, hi)
			l.rows(t, dw, lo, hi, work, lo > from)
		} else {
			l.matrix(t, dw, lo, hi, work, lo > from)
		}
		lo = hi
	}
}

// matrix adds what pixels lo to hi read, which lie as a matrix or are written out as one.
func (l *convWeightLoop) matrix(t *convTile, dw []float32, lo, hi int, work []float32, acc bool) {
	p := &l.pixels
	x, ldx := l.m.In[1][lo*p.channels+t.channel:], p.channels
	switch {
	case l.begin != nil:
		l.begin(work[:(hi-lo)*p.channels], lo*p.channels)
		x = work
	case !p.direct():
		p.fill(work, l.m.In[1][t.channel:], lo, hi)
		x, ldx = work, p.stride()
	}
	l.e.Kernels.GemmTN(dw[t.lo*l.cols+t.from:], l.cols, l.m.In[0][lo*l.filters+t.lo:], l.filters, x[t.from:], ldx,
		t.hi-t.lo, t.to-t.from, hi-lo, acc)
}

// rows adds what pixels lo to hi read where they lie.
func (l *convWeightLoop) rows(t *convTile, dw []float32, lo, hi int, work []float32, acc bool) {
	x, first := l.taken.source(l.m.In[1][t.channel:], work, lo, hi)
	l.e.Kernels.GemmTNRows(dw[t.lo*l.cols+t.from:], l.cols, l.m.In[0][lo*l.filters+t.lo:], l.filters,
		x, l.taken.table, first, l.taken.k, t.from, t.hi-t.lo, t.to-t.from, hi-lo, acc)
}
