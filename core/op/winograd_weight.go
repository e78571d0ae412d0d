package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
)

const (
	winogradGroup   = 128 // tiles that are transformed at a time, at most
	winogradFewSums = 48  // tiles that are few: their products take longer to write than to make
	winogradBlock   = 64  // filters, and channels, of a block of the gradient of the weights
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
	rowX, rowY  int // floats from tile to tile in the planes of x and of dy
	x, y, sum   int // floats from plane to plane of x, of dy and of the products
	group       int // tiles
	first, last int // the tiles of this group
	atY, atSums int // where the planes of dy and the sums begin in scratch
	atWork      int // where the scratch of the workers begins
	perWork     int
	few         bool // tiles
}

func newWinogradWeight(e *graph.Env, g winogradGrid, c, o, most int) *winogradWeight {
	l := &winogradWeight{e: e, winogradGrid: g, c: c, o: o, rowX: winogradPlane(c), rowY: winogradPlane(o)}
	groups := (g.count() + most - 1) / most
	l.group = (g.count() + groups - 1) / groups
	l.x, l.y = winogradPlane(l.group*l.rowX), winogradPlane(l.group*l.rowY)
	l.atY = winogradPlanes * l.x
	l.atSums = l.atY + winogradPlanes*l.y
	l.atWork, l.perWork = l.atSums, winogradPatchFloats
	if l.few = groups == 1 && g.count() <= winogradFewSums; l.few {
		l.sum = winogradPlane(winogradBlock * winogradBlock)
		l.perWork = max(l.perWork, winogradPlanes*l.sum)
	} else {
		l.sum = winogradPlane(c * o)
		l.atWork += winogradPlanes * l.sum
	}
	return l
}

// loop runs the groups one after the other, each divided between the workers.
func (l *winogradWeight) loop(m *graph.Mem) graph.Loop {
	l.m = m
	read, block, product, back := l.read, l.block, l.product, l.back
	return graph.Loop{Scratch: l.atWork + l.e.Pool.Threads()*l.perWork, Run: func() {
		for l.first = 0; l.first < l.count(); l.first = l.last {
			l.last = min(l.first+l.group, l.count())
			l.e.Pool.Run(min(l.last-l.first, maxParts), read)
			if l.few {
				l.e.Pool.Run(l.blocks(l.o)*l.blocks(l.c), block)
				return
			}
			l.e.Pool.Run(winogradPlanes, product)
		}
		l.e.Pool.Run(min(l.o, maxParts), back)
	}}
}

// blocks is the number of blocks of n channels.
func (*winogradWeight) blocks(n int) int { return (n + winogradBlock - 1) / winogradBlock }

// read transforms some tiles of the group, of x and of dy.
func (l *winogradWeight) read(part, worker int) {
	n := l.last - l.first
	lo, hi := kernels.Chunk(n, min(n, maxParts), part)
	x, dy := l.m.Scratch[:l.atY], l.m.Scratch[l.atY:l.atSums]
	patch := l.m.Scratch[l.atWork+worker*l.perWork:][:winogradPatchFloats]
	for t := lo; t < hi; t++ {
		image, i, j := l.at(l.first + t)
		winogradRead(l.e.Kernels.WinogradData, x[t*l.rowX:], l.x, l.m.In[1][image*l.in[0]*l.in[1]*l.c:],
			l.in, l.c, l.c, 6, i-l.pads[0], j-l.pads[1], patch)
		winogradRead(l.e.Kernels.WinogradInverseT, dy[t*l.rowY:], l.y, l.m.In[0][image*l.out[0]*l.out[1]*l.o:],
			l.out, l.o, l.o, winogradTile, i, j, patch)
	}
}

// block makes a block of dw.
func (l *winogradWeight) block(part, worker int) {
	wide := l.blocks(l.c)
	lo, from := part/wide*winogradBlock, part%wide*winogradBlock
	hi, to := min(lo+winogradBlock, l.o), min(from+winogradBlock, l.c)
	sums := l.m.Scratch[l.atWork+worker*l.perWork:][:winogradPlanes*l.sum]
	for p := range winogradPlanes {
		l.e.Kernels.GemmTN(sums[p*l.sum:], to-from, l.m.Scratch[l.atY+p*l.y+lo:], l.rowY,
			l.m.Scratch[p*l.x+from:], l.rowX, hi-lo, to-from, l.last-l.first, false)
	}
	for f := lo; f < hi; f++ {
		l.e.Kernels.WinogradFilterT(l.m.Out[f*9*l.c+from:], 3*l.c, l.c, sums[(f-lo)*(to-from):], 6*l.sum, l.sum, to-from)
	}
}

// product adds a plane of the group to its sum.
func (l *winogradWeight) product(p, _ int) {
	l.e.Kernels.GemmTN(l.m.Scratch[l.atSums+p*l.sum:], l.c, l.m.Scratch[l.atY+p*l.y:], l.rowY,
		l.m.Scratch[p*l.x:], l.rowX, l.o, l.c, l.last-l.first, l.first > 0)
}

// back transforms the sums of some filters.
func (l *winogradWeight) back(part, _ int) {
	lo, hi := kernels.Chunk(l.o, min(l.o, maxParts), part)
	for f := lo; f < hi; f++ {
		l.e.Kernels.WinogradFilterT(l.m.Out[f*9*l.c:], 3*l.c, l.c, l.m.Scratch[l.atSums+f*l.c:], 6*l.sum, l.sum, l.c)
	}
}
