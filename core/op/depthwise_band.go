package op

// depthwiseBand is the rows of the images that a few rows of the output read: the images
// themselves, or with a prologue what it makes of them, in the second-level cache.
type depthwiseBand struct {
	begin prologue
	rows  int // rows of the output that a band serves
}

// bandFloats is the length that a band should have.
const bandFloats = 1 << 16

// newDepthwiseBand chooses how many rows of the output go together: all, without a prologue.
func newDepthwiseBand(p *depthwisePass, begin prologue) depthwiseBand {
	b := depthwiseBand{begin, p.grid[0]}
	if begin != nil {
		fit := bandFloats/(p.size[1]*p.channels) - p.reach()
		b.rows = max(1, min(b.rows, fit/p.step[0]+1))
	}
	return b
}

// reach is the number of rows of an image that one row of the output spans.
func (p *depthwisePass) reach() int { return p.ty[len(p.ty)-1] - p.ty[0] + 1 }

// floats is the scratch of a worker.
func (b depthwiseBand) floats(p *depthwisePass) int {
	if b.begin == nil {
		return 0
	}
	return min(p.size[0], (b.rows-1)*p.step[0]+p.reach()) * p.size[1] * p.channels
}

// depthwiseLines is what of the images is in the memory of a band: lines from to to, counted over all images.
type depthwiseLines struct{ from, to int }

// images is what rows i to end of the grid over an image read, and where in the images it begins. Of what the band held before,
// have, it keeps the lines that are read again.
func (b depthwiseBand) images(p *depthwisePass, x, work []float32, image, i, end int, have *depthwiseLines) (band []float32, base int) {
	if b.begin == nil {
		return x, 0
	}
	line := p.size[1] * p.channels
	lo := max(0, i*p.step[0]+p.ty[0])
	hi := max(lo, min(p.size[0], (end-1)*p.step[0]+p.ty[len(p.ty)-1]+1))
	want := depthwiseLines{image*p.size[0] + lo, image*p.size[0] + hi}
	band, base = work[:(hi-lo)*line], want.from*line
	kept := 0
	if have.from <= want.from && want.from < have.to && have.to <= want.to {
		kept = copy(band, work[(want.from-have.from)*line:(have.to-have.from)*line])
	}
	b.begin(band[kept:], base+kept)
	*have = want
	return band, base
}

// each calls f for rows lo to hi of the grids over all images, with the band that the row reads.
func (b depthwiseBand) each(p *depthwisePass, x, work []float32, lo, hi int, f func(r int, band []float32, base int)) {
	var have depthwiseLines
	for lo < hi {
		image, i := lo/p.grid[0], lo%p.grid[0]
		n := min(hi-lo, p.grid[0]-i, b.rows)
		band, base := b.images(p, x, work, image, i, i+n, &have)
		for r := lo; r < lo+n; r++ {
			f(r, band, base)
		}
		lo += n
	}
}
