package op

import "github.com/secateur/secateur/kernels"

// convRows is an im2row that is not written out: a table says where a product finds its rows, in
// the images themselves or in a band of lines of one of them that has zeros around it.
type convRows struct {
	*im2row
	table *kernels.Rows
	k     int // floats of a tap of the table
	band  convBand
}

// convTableRows bounds the rows of a table that serves all images of a batch; a longer one serves
// one image after the other.
const convTableRows = 4096

// newConvRows chooses between band and images. block is the most rows that are used together.
func newConvRows(g *im2row, block int) *convRows {
	if g.banded() {
		return newConvBand(g, block)
	}
	return newConvTable(g)
}

// banded reports whether newConvRows makes a band.
func (g *im2row) banded() bool { return g.adjacent() && g.channels < convBandChannels }

// tapFloats is how many floats a tap of the table has that newConvRows makes.
func (g *im2row) tapFloats() int {
	if g.banded() {
		return len(g.tx) * g.channels
	}
	return g.width
}

// newConvTable leads into the images.
func newConvTable(g *im2row) *convRows {
	r := &convRows{im2row: g, k: g.tapFloats()}
	rows := g.grid[0] * g.grid[1]
	if all := g.rows(); all <= convTableRows {
		rows = all
	}
	r.table = kernels.NewRows(rows, len(g.ty)*len(g.tx), r.offset)
	return r
}

// offset is where a tap of a row lies in the images, negative for nowhere.
func (r *convRows) offset(row, tap int) int {
	line, j := row/r.grid[1], row%r.grid[1]
	n, i := line/r.grid[0], line%r.grid[0]
	y, x := i*r.step[0]+r.ty[tap/len(r.tx)], j*r.step[1]+r.tx[tap%len(r.tx)]
	if y < 0 || y >= r.size[0] || x < 0 || x >= r.size[1] {
		return -1
	}
	return ((n*r.size[0]+y)*r.size[1] + x) * r.channels
}

// end is how far rows from lo on, at most to hi, can be used together.
func (r *convRows) end(lo, hi int) int {
	per := r.table.Len
	if r.band.floats > 0 {
		per = r.grid[0] * r.grid[1]
	}
	return min(hi, (lo/per+1)*per)
}

// source is the memory to which the table leads for rows lo to hi, and the row of the table that
// lo is. x begins at the first channel to take; work has room for the band.
func (r *convRows) source(x, work []float32, lo, hi int) (src []float32, first int) {
	if r.band.floats > 0 {
		return work, r.fillBand(work, x, lo, hi)
	}
	image := lo / r.table.Len * (r.table.Len / (r.grid[0] * r.grid[1]))
	return x[image*r.size[0]*r.size[1]*r.channels:], lo % r.table.Len
}

// convBand is some lines of one image with what taps beside it read as zeros: in it the taps of a
// row of the kernel are one run of memory, also at the borders. It serves the first layer, whose
// pixels are too short to be read one by one.
type convBand struct {
	width  int // pixels of a line
	floats int // of the band, 0 for none
}

// convBandChannels is the number of channels from which on taps are read one by one.
const convBandChannels = 8

// newConvBand makes the table of a band for up to block rows, which may begin inside a line.
func newConvBand(g *im2row, block int) *convRows {
	r := &convRows{im2row: g, k: g.tapFloats()}
	lines := (block+g.grid[1]-2)/g.grid[1] + 1
	r.band.width = (g.grid[1]-1)*g.step[1] + len(g.tx)
	r.band.floats = r.bandLines(lines) * r.band.width * g.channels
	r.table = kernels.NewRows(lines*g.grid[1], len(g.ty), func(row, tap int) int {
		y, x := row/g.grid[1]*g.step[0]+g.ty[tap]-g.ty[0], row%g.grid[1]*g.step[1]
		return (y*r.band.width + x) * g.channels
	})
	return r
}

// bandLines is the number of lines of an image that some lines of the grid see.
func (r *convRows) bandLines(lines int) int {
	return (lines-1)*r.step[0] + r.ty[len(r.ty)-1] - r.ty[0] + 1
}

// fillBand copies what rows lo to hi of one image see.
func (r *convRows) fillBand(dst, x []float32, lo, hi int) (first int) {
	top, bottom := lo/r.grid[1], (hi-1)/r.grid[1]
	image := x[top/r.grid[0]*r.size[0]*r.size[1]*r.channels:]
	y, width := top%r.grid[0]*r.step[0]+r.ty[0], r.band.width*r.channels
	for i := range r.bandLines(bottom - top + 1) {
		r.bandLine(dst[i*width:][:width], image, y+i)
	}
	return lo - top*r.grid[1]
}

// bandLine copies line y of an image between zeros.
func (r *convRows) bandLine(dst, image []float32, y int) {
	if y < 0 || y >= r.size[0] {
		clear(dst)
		return
	}
	left := max(0, -r.tx[0]) * r.channels
	line := image[(y*r.size[1]+max(0, r.tx[0]))*r.channels : (y+1)*r.size[1]*r.channels]
	clear(dst[:min(left, len(dst))])
	if left < len(dst) {
		clear(dst[left+copy(dst[left:], line):])
	}
}
