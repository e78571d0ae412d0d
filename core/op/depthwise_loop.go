package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
)

// depthwiseRow is the signature of kernels.Set.DepthwiseRow.
type depthwiseRow func(y []float32, ys int, x []float32, xs int, w []float32, off []int, n, c int, acc bool)

// depthwisePass is a grid of output pixels whose taps lie alike: output pixel from+i·outStep
// reads the source pixels i·step+(ty, tx). A forward convolution is one pass; its gradient for
// the input is one for each phase of the stride.
type depthwisePass struct {
	images   int
	grid     [2]int
	size     [2]int // of a source image
	channels int    // of a source pixel
	step     [2]int
	ty, tx   []int // ascending, evenly spaced
	from     [2]int
	outStep  [2]int
	kernel   []int // which tap of w each tap (a, b) is, a·len(tx)+b
	weights  int   // where its packed weights begin
	off      []int // offset of each tap from the first
	spans    []depthwiseSpan
}

// depthwiseSpan is a run of grid points along x that see the same taps b0 to b1.
type depthwiseSpan struct{ lo, hi, b0, b1 int }

// depthwiseTaps is all taps of a kernel in order.
func depthwiseTaps(h, w int) []int {
	taps := make([]int, h*w)
	for i := range taps {
		taps[i] = i
	}
	return taps
}

// prepare computes what does not change from run to run.
func (p *depthwisePass) prepare() {
	for _, y := range p.ty {
		for _, x := range p.tx {
			p.off = append(p.off, ((y-p.ty[0])*p.size[1]+x-p.tx[0])*p.channels)
		}
	}
	for j := range p.grid[1] {
		b0, b1 := depthwiseInside(p.tx, j*p.step[1], p.size[1])
		if k := len(p.spans) - 1; k >= 0 && p.spans[k].b0 == b0 && p.spans[k].b1 == b1 {
			p.spans[k].hi++
			continue
		}
		p.spans = append(p.spans, depthwiseSpan{j, j + 1, b0, b1})
	}
}

// depthwiseInside is the range of taps for which 0 <= at+tap < size.
func depthwiseInside(taps []int, at, size int) (lo, hi int) {
	for lo < len(taps) && at+taps[lo] < 0 {
		lo++
	}
	for hi = lo; hi < len(taps) && at+taps[hi] < size; hi++ {
	}
	return lo, hi
}

// each calls f for the pieces of row i of the grid in an image: the run of grid points, the
// source offset of the first tap that it sees, which tap that is and how many follow. Where all
// taps along x are inside one call does them all, else there is one for each row of the kernel;
// first says which comes first. A run that sees nothing is one call without taps.
func (p *depthwisePass) each(image, i int, f func(s *depthwiseSpan, src, tap, taps int, first bool)) {
	a0, a1 := depthwiseInside(p.ty, i*p.step[0], p.size[0])
	kw := len(p.tx)
	for k := range p.spans {
		s := &p.spans[k]
		if a0 == a1 || s.b0 == s.b1 {
			f(s, 0, 0, 0, true)
			continue
		}
		whole := s.b1-s.b0 == kw
		for a := a0; a < a1; a++ {
			y, x := i*p.step[0]+p.ty[a], s.lo*p.step[1]+p.tx[s.b0]
			src := ((image*p.size[0]+y)*p.size[1] + x) * p.channels
			if whole {
				f(s, src, a*kw, (a1-a0)*kw, true)
				break
			}
			f(s, src, a*kw+s.b0, s.b1-s.b0, a == a0)
		}
	}
}

// depthwiseLoop is a depthwise convolution or its gradient for the input. Input 0 is the
// images, input 1 the weights.
type depthwiseLoop struct {
	e       *graph.Env
	m       *graph.Mem
	c       int // channels of the output
	filters int // of w
	taps    int // of w
	size    [2]int
	bias    int // which input, 0 for none
	hooks
	row    depthwiseRow
	passes []depthwisePass
	parts  int
	floats int   // of packed weights
	ended  *tail // bias and epilogue in one pass, or nil
	band   depthwiseBand
}

// prepare lays out the packed weights: channels last, taps as the passes want them.
func (l *depthwiseLoop) prepare() *depthwiseLoop {
	taps, rows := 0, 0
	for i := range l.passes {
		p := &l.passes[i]
		p.prepare()
		p.weights = taps * l.filters
		taps += len(p.kernel)
		rows = max(rows, p.images*p.grid[0])
	}
	work := rows * l.size[1] * l.filters * l.taps
	l.parts = max(1, min(rows, 64, work>>16))
	l.floats = taps * l.filters
	return l
}

// packed is the taps of all passes.
func (l *depthwiseLoop) packed() int { return l.floats }

// pack transposes the weights.
func (l *depthwiseLoop) pack(m *graph.Mem) graph.Loop {
	return graph.Loop{Run: func() {
		for i := range l.passes {
			p := &l.passes[i]
			for k, tap := range p.kernel {
				dst := m.Out[p.weights+k*l.filters:][:l.filters]
				for j := range dst {
					dst[j] = m.In[0][j*l.taps+tap]
				}
			}
		}
	}}
}

// run divides the rows of the output.
func (l *depthwiseLoop) run(m *graph.Mem, h hooks) graph.Loop {
	l.m, l.hooks, l.band = m, h, newDepthwiseBand(&l.passes[0], h.begin)
	l.ended = h.ending(l.bias)
	if h.dear && !h.sums() {
		l.parts = min(l.parts, dearParts(l.e))
	}
	perWork := l.band.floats(&l.passes[0])
	part := func(part, worker int) { l.part(part, m.Scratch[worker*perWork:][:perWork]) }
	return graph.Loop{Scratch: l.e.Pool.Threads() * perWork, Run: func() { l.e.Pool.Run(l.parts, part) }}
}

// dearParts is how many parts there are where what lines at the borders of parts need is made twice and nothing is summed over a part.
func dearParts(e *graph.Env) int {
	if t := e.Pool.Threads(); t > 1 {
		return 2 * t
	}
	return 1
}

// part is a chunk of the rows of each pass. Passes that begin in the same row make the same rows.
func (l *depthwiseLoop) part(part int, work []float32) {
	for k := 0; k < len(l.passes); {
		end := k + 1
		for end < len(l.passes) && l.passes[end].from[0] == l.passes[k].from[0] {
			end++
		}
		p := &l.passes[k]
		lo, hi := kernels.Chunk(p.images*p.grid[0], l.parts, part)
		l.band.each(p, l.m.In[0], work, lo, hi, func(r int, x []float32, base int) {
			l.lines(l.passes[k:end], part, r/p.grid[0], r%p.grid[0], x, base)
		})
		k = end
	}
}

// lines makes row i of the grid in an image, whole, from images of which x begins at base.
func (l *depthwiseLoop) lines(passes []depthwisePass, part, image, i int, x []float32, base int) {
	l.ahead(&passes[0], image, i)
	for k := range passes {
		l.line(&passes[k], image, i, x, base)
	}
	p := &passes[0]
	lo := (image*l.size[0] + p.from[0] + i*p.outStep[0]) * l.size[1] * l.c
	hi := lo + l.size[1]*l.c
	if l.ended != nil {
		l.ended.finish(l.e, l.m, l.m.Out[lo:], lo, l.c, l.m.In[l.bias], l.size[1])
		return
	}
	if l.bias > 0 {
		l.e.Kernels.AddRow(l.m.Out[lo:hi], l.m.Out[lo:hi], l.m.In[l.bias])
	}
	if l.end != nil {
		l.end(part, lo, hi)
	}
}

// ahead fetches the row of the output that comes after row i, and what it reads below that of this one.
func (l *depthwiseLoop) ahead(p *depthwisePass, image, i int) {
	line := l.size[1] * l.c
	fetchAhead(l.e, l.m.Out, (image*l.size[0]+p.from[0]+(i+1)*p.outStep[0])*line, line)
	if l.band.begin == nil && len(p.ty) > 0 {
		below := i*p.step[0] + p.ty[len(p.ty)-1] + 1
		fetchAhead(l.e, l.m.In[0], (image*p.size[0]+below)*p.size[1]*p.channels, p.step[0]*p.size[1]*p.channels)
	}
}

// line makes what one pass has of a row.
func (l *depthwiseLoop) line(p *depthwisePass, image, i int, x []float32, base int) {
	at := (image*l.size[0]+p.from[0]+i*p.outStep[0])*l.size[1] + p.from[1]
	y, ys := l.m.Out[at*l.c:], p.outStep[1]*l.c
	xs := p.step[1] * p.channels
	w := l.m.In[1][p.weights:]
	p.each(image, i, func(s *depthwiseSpan, src, tap, taps int, first bool) {
		if taps == 0 {
			for j := s.lo; j < s.hi; j++ {
				clear(y[j*ys:][:l.c])
			}
			return
		}
		l.row(y[s.lo*ys:], ys, x[src-base:], xs, w[tap*l.filters:], p.off[:taps], s.hi-s.lo, l.c, !first)
	})
}
