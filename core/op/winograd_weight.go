package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
)

const (
	winogradGroup   = 128 // tiles that are transformed at a time, at most
	winogradFewSums = 48  // tiles that are few: their products take longer to write than to make
	winogradBlock   = 64  // filters, and channels, of a block of the gradient of the weights
	winogradTall    = 64  // filters whose sums are made at a time, if the tiles are one group,
	winogradWide    = 128 // and channels
)

// winogradWeight is the gradient of a convolution for its weights, dw = Gᵀ·[Σ (A·dy·Aᵀ) ⊙ (Bᵀ·x·B)]·G,
// the sum over tiles as 36 matrix products. Groups of tiles are transformed and then multiplied: few
// tiles block by block of dw, others plane by plane into sums that are transformed back at the end.
// Input 0 is dy, input 1 is x.
type winogradWeight struct {
	e *graph.Env
	m *graph.Mem
	winogradGrid
	c, o        int // channels of x and of dy
	wide, from  int // channels of x that are transformed at a time, and the first of them
	tall, low   int // channels of dy, the same
	rowX, rowY  int // floats from tile to tile in the planes of x and of dy
	x, y, sum   int // floats from plane to plane of x, of dy and of the products
	group       int // tiles
	first, last int // the tiles of this group
	atY, atSums int // where the planes of dy and the sums begin in scratch
	atWork      int // where the scratch of the workers begins
	perWork     int
	few         bool // tiles
	take        takeGrad
}

// takeGrad takes a piece of a gradient that is not stored: dw[i] belongs to weight at+i.
type takeGrad func(dw []float32, at int)

func newWinogradWeight(e *graph.Env, g winogradGrid, c, o, most int) *winogradWeight {
	l := &winogradWeight{e: e, winogradGrid: g, c: c, o: o, wide: c, tall: o}
	groups := (g.count() + most - 1) / most
	l.group = (g.count() + groups - 1) / groups
	switch l.few = groups == 1 && g.count() <= winogradFewSums; {
	case l.few:
		l.wide = min(c, winogradBlock*((winogradBlocks+l.blocks(o)-1)/l.blocks(o)))
	case groups == 1:
		l.tall, l.wide = min(o, winogradTall), min(c, winogradWide)
	}
	l.rowX, l.rowY = winogradPlane(l.wide), winogradPlane(l.tall)
	l.x, l.y = winogradPlane(l.group*l.rowX), winogradPlane(l.group*l.rowY)
	l.atY = winogradPlanes * l.x
	l.atSums = l.atY + winogradPlanes*l.y
	l.atWork, l.perWork = l.atSums, winogradPatchFloats
	if l.few {
		l.sum = winogradPlane(winogradBlock * winogradBlock)
		l.perWork = max(l.perWork, winogradPlanes*l.sum)
	} else {
		l.sum = winogradPlane(l.wide * l.tall)
		l.atWork += winogradPlanes * l.sum
	}
	return l
}

// winogradBlocks is how many blocks of dw are made at a time, at least, for the threads to have enough.
const winogradBlocks = 8

// loop divides each of its stages between the workers.
func (l *winogradWeight) loop(m *graph.Mem) graph.Loop {
	l.m = m
	run := l.byPlanes()
	if l.few {
		run = l.byBlocks()
	}
	return graph.Loop{Scratch: l.atWork + l.e.Pool.Threads()*l.perWork, Run: run}
}

// giveTo is loop for a dw that is not stored.
func (l *winogradWeight) giveTo(m *graph.Mem, take takeGrad) graph.Loop {
	l.take = take
	l.perWork += 9 * l.wide
	return l.loop(m)
}

// byPlanes runs the groups one after the other, or a single one by some channels and filters at a time: its sums take
// more memory than its tiles.
func (l *winogradWeight) byPlanes() func() {
	readX, readY, product, back := l.readX, l.readY, l.product, l.back
	return func() {
		for l.from = 0; l.from < l.c; l.from += l.wide {
			for l.low = 0; l.low < l.o; l.low += l.tall {
				for l.first = 0; l.first < l.count(); l.first = l.last {
					l.last = min(l.first+l.group, l.count())
					if l.low == 0 {
						l.e.Pool.Run(l.parts(), readX)
					}
					l.e.Pool.Run(l.parts(), readY)
					l.e.Pool.Run(winogradPlanes, product)
				}
				l.e.Pool.Run(min(l.filters(), maxParts), back)
			}
		}
	}
}

// filters is how many are made now, and channels how many of x are transformed.
func (l *winogradWeight) filters() int  { return min(l.tall, l.o-l.low) }
func (l *winogradWeight) channels() int { return min(l.wide, l.c-l.from) }

// byBlocks transforms dy, and x by some channels, so that the transformed tiles stay in the cache and take little memory.
func (l *winogradWeight) byBlocks() func() {
	readX, readY, block := l.readX, l.readY, l.block
	return func() {
		l.last = l.count()
		l.e.Pool.Run(l.parts(), readY)
		for l.from = 0; l.from < l.c; l.from += l.wide {
			l.e.Pool.Run(l.parts(), readX)
			l.e.Pool.Run(l.blocks(l.o)*l.blocks(l.channels()), block)
		}
	}
}

// parts is the number of parts in which the tiles of a group are transformed.
func (l *winogradWeight) parts() int { return min(l.last-l.first, maxParts) }

// blocks is the number of blocks of n channels.
func (*winogradWeight) blocks(n int) int { return (n + winogradBlock - 1) / winogradBlock }

// readX transforms some tiles of the group of x.
func (l *winogradWeight) readX(part, worker int) {
	lo, hi := kernels.Chunk(l.last-l.first, l.parts(), part)
	for t := lo; t < hi; t++ {
		image, i, j := l.at(l.first + t)
		winogradRead(l.e.Kernels.WinogradData, l.m.Scratch[t*l.rowX:], l.x, l.m.In[1][image*l.in[0]*l.in[1]*l.c+l.from:],
			l.in, l.c, l.channels(), 6, i-l.pads[0], j-l.pads[1], l.patch(worker))
	}
}

// readY transforms some tiles of the group of dy.
func (l *winogradWeight) readY(part, worker int) {
	lo, hi := kernels.Chunk(l.last-l.first, l.parts(), part)
	for t := lo; t < hi; t++ {
		image, i, j := l.at(l.first + t)
		winogradRead(l.e.Kernels.WinogradInverseT, l.m.Scratch[l.atY+t*l.rowY:], l.y, l.m.In[0][image*l.out[0]*l.out[1]*l.o+l.low:],
			l.out, l.o, l.filters(), winogradTile, i, j, l.patch(worker))
	}
}

func (l *winogradWeight) patch(worker int) []float32 {
	return l.m.Scratch[l.atWork+worker*l.perWork:][:winogradPatchFloats]
}

// block makes a block of dw.
func (l *winogradWeight) block(part, worker int) {
	lo, from := part%l.blocks(l.o)*winogradBlock, part/l.blocks(l.o)*winogradBlock
	hi, to := min(lo+winogradBlock, l.o), min(from+winogradBlock, l.channels())
	sums := l.m.Scratch[l.atWork+worker*l.perWork:][:winogradPlanes*l.sum]
	for p := range winogradPlanes {
		l.e.Kernels.GemmTN(sums[p*l.sum:], to-from, l.m.Scratch[l.atY+p*l.y+lo:], l.rowY,
			l.m.Scratch[p*l.x+from:], l.rowX, hi-lo, to-from, l.last-l.first, false)
	}
	for f := lo; f < hi; f++ {
		l.filter(f, from, to-from, sums[(f-lo)*(to-from):], worker)
	}
}

// filter transforms the sums of n channels of a filter.
func (l *winogradWeight) filter(f, from, n int, sums []float32, worker int) {
	at := f*9*l.c + l.from + from
	if l.take == nil {
		l.e.Kernels.WinogradFilterT(l.m.Out[at:], 3*l.c, l.c, sums, 6*l.sum, l.sum, n)
		return
	}
	dw := l.m.Scratch[l.atWork+(worker+1)*l.perWork-9*l.wide:][:9*n]
	l.e.Kernels.WinogradFilterT(dw, 3*n, n, sums, 6*l.sum, l.sum, n)
	if n == l.c {
		l.take(dw, at)
		return
	}
	for tap := range 9 {
		l.take(dw[tap*n:(tap+1)*n], at+tap*l.c)
	}
}

// product adds a plane of the group to its sum.
func (l *winogradWeight) product(p, _ int) {
	l.e.Kernels.GemmTN(l.m.Scratch[l.atSums+p*l.sum:], l.channels(), l.m.Scratch[l.atY+p*l.y:], l.rowY,
		l.m.Scratch[p*l.x:], l.rowX, l.filters(), l.channels(), l.last-l.first, l.first > 0)
}

// back transforms the sums of some filters.
func (l *winogradWeight) back(part, worker int) {
	lo, hi := kernels.Chunk(l.filters(), min(l.filters(), maxParts), part)
	for f := lo; f < hi; f++ {
		l.filter(l.low+f, 0, l.channels(), l.m.Scratch[l.atSums+f*l.channels():], worker)
	}
}
