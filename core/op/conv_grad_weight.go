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

func (c ConvGradWeight) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	dy, x, w := n.In[0].Shape, n.In[1].Shape, n.Shape
	l := &convWeightLoop{e: e, m: m, filters: dy[3], cols: w[1] * w[2] * w[3], hooks: h}
	whole := c.conv().pixels(x, w, dy)
	l.chunks = convPixelChunks(&whole, w)
	l.tiles = convTiles(whole, dy[3], c.conv().groups(), l.chunks == 1)
	return l.loop(w.Elems())
}

const (
	convChunks  = 8         // chunks of pixels
	convPrivate = 40 * 1024 // floats of a dw that each chunk may have for itself
)

// convTile is a part of dw: filters lo to hi, and the columns that its im2row takes.
type convTile struct {
	im2row
	first  int // channel of x where they begin
	col    int // column of dw where the tile begins
	lo, hi int // filters
}

// convTiles is a tile for each group, cut further into some 12 and more where it is to be
// divided: by filters where there are more of them than columns, else by taps and channels,
// which are then gathered once.
func convTiles(whole im2row, filters, groups int, divide bool) []convTile {
	var tiles []convTile
	per := filters / groups
	for g := range groups {
		t := convTile{im2row: whole, first: g * whole.width, lo: g * per, hi: (g + 1) * per}
		switch {
		case !divide:
			tiles = append(tiles, t)
		case t.cols() == whole.width && per >= whole.width:
			tiles = append(tiles, t.byFilters(12/groups)...)
		default:
			tiles = append(tiles, t.byTaps(12/groups)...)
		}
	}
	return tiles
}

// byFilters cuts a tile into up to n of at least 8 filters.
func (t convTile) byFilters(n int) []convTile {
	n = max(1, min(n, (t.hi-t.lo)/8))
	tiles := make([]convTile, n)
	for i := range tiles {
		lo, hi := kernels.Chunk(t.hi-t.lo, n, i)
		tiles[i] = t
		tiles[i].lo, tiles[i].hi = t.lo+lo, t.lo+hi
	}
	return tiles
}

// byTaps cuts a tile into its taps, and these into channels, at least 16, until there are n.
func (t convTile) byTaps(n int) []convTile {
	taps := len(t.ty) * len(t.tx)
	pieces := max(1, min((n+taps-1)/taps, t.width/16))
	var tiles []convTile
	for a := range t.ty {
		for b := range t.tx {
			for p := range pieces {
				lo, hi := kernels.Chunk(t.width, pieces, p)
				c := t
				c.ty, c.tx, c.width = t.ty[a:a+1], t.tx[b:b+1], hi-lo
				c.first, c.col = t.first+lo, (a*len(t.tx)+b)*t.width+lo
				tiles = append(tiles, c)
			}
		}
	}
	return tiles
}

// convWeightLoop is dw = dyᵀ·gathered x, by tiles and chunks of pixels.
type convWeightLoop struct {
	e             *graph.Env
	m             *graph.Mem
	tiles         []convTile
	chunks        int
	filters, cols int // of dw
	private       int // floats of the chunks' own dw
	perWork       int // floats of scratch of a worker
	hooks
}

func (l *convWeightLoop) loop(elems int) graph.Loop {
	for i := range l.tiles {
		if t := &l.tiles[i]; !t.direct() || l.begin != nil {
			l.perWork = max(l.perWork, l.rows(t)*t.cols())
		}
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

// rows is the number of pixels whose rows of dy and of gathered x are used together.
func (l *convWeightLoop) rows(t *convTile) int { return im2rowBlock(t.cols() + t.hi - t.lo) }

// tile sums a tile over a chunk of the pixels.
func (l *convWeightLoop) tile(t *convTile, dw []float32, chunk int, work []float32) {
	from, end := im2rowChunk(t.rows(), l.chunks, chunk)
	c := dw[t.lo*l.cols+t.col:]
	for lo, step := from, l.rows(t); lo < end; lo += step {
		hi := min(lo+step, end)
		b, ldb := l.m.In[1][lo*t.channels+t.first:], t.channels
		switch {
		case l.begin != nil:
			l.begin(work[:(hi-lo)*t.channels], lo*t.channels)
			b = work
		case !t.direct():
			t.fill(work, l.m.In[1][t.first:], lo, hi)
			b, ldb = work, t.cols()
		}
		l.e.Kernels.GemmTN(c, l.cols, l.m.In[0][lo*l.filters+t.lo:], l.filters, b, ldb,
			t.hi-t.lo, t.cols(), hi-lo, lo > from)
	}
}
