package op

import "github.com/secateur/secateur/kernels"

// im2row takes a matrix from a batch of images: a row for each point of a grid over each image,
// and in the row a block of width channels for each tap. Row (n, i, j) has at tap (a, b) the
// pixel (i·step[0]+ty[a], j·step[1]+tx[b]) of image n, zeros where that lies outside. It serves
// outputs that look at their inputs and inputs that look at their outputs.
type im2row struct {
	images   int
	grid     [2]int
	size     [2]int // of an image
	channels int    // of a pixel
	width    int    // channels taken
	step     [2]int
	ty, tx   []int // ascending
}

func (g *im2row) rows() int { return g.images * g.grid[0] * g.grid[1] }
func (g *im2row) cols() int { return len(g.ty) * len(g.tx) * g.width }

// stride is the distance of rows that are written out: they begin at whole vectors.
func (g *im2row) stride() int { return (g.cols() + 7) / 8 * 8 }

// direct reports whether the matrix is the images themselves, row r at r·channels.
func (g *im2row) direct() bool {
	one := len(g.ty) == 1 && len(g.tx) == 1 && g.ty[0] == 0 && g.tx[0] == 0
	return one && g.step == [2]int{1, 1} && g.grid == g.size
}

// adjacent reports whether the taps along x lie side by side in memory.
func (g *im2row) adjacent() bool {
	return g.width == g.channels && len(g.tx) > 0 && g.tx[len(g.tx)-1]-g.tx[0] == len(g.tx)-1
}

// fill writes rows lo to hi of the matrix to dst, stride apart; src begins at the first channel to take. It goes
// along the rows of the grid: what neighbours on one of them read lies evenly spaced.
func (g *im2row) fill(dst, src []float32, lo, hi int) {
	cols, adjacent := g.stride(), g.adjacent()
	for lo < hi {
		line, j := lo/g.grid[1], lo%g.grid[1]
		n := min(g.grid[1]-j, hi-lo)
		image := src[line/g.grid[0]*g.size[0]*g.size[1]*g.channels:]
		y0, d := line%g.grid[0]*g.step[0], dst
		for _, ty := range g.ty {
			switch y := y0 + ty; {
			case y < 0 || y >= g.size[0]:
				im2rowClear(d, cols, len(g.tx)*g.width, n)
			case adjacent:
				g.runs(d, image[y*g.size[1]*g.channels:], j, n)
			default:
				g.taps(d, image[y*g.size[1]*g.channels:], j, n)
			}
			d = d[min(len(g.tx)*g.width, len(d)):]
		}
		dst = dst[min(n*cols, len(dst)):]
		lo += n
	}
}

// inside is the range of grid points of j to j+n-1 that have taps from first to last on the image.
func (g *im2row) inside(j, n, first, last int) (lo, hi int) {
	s := g.step[1]
	lo = max(j, (max(-first, 0)+s-1)/s)
	hi = min(j+n, (max(g.size[1]-last, 0)+s-1)/s)
	return min(lo, j+n), max(hi, min(lo, j+n))
}

// runs copies for grid points j to j+n-1 the taps of one row of the kernel, adjacent in line, a
// row of the image: in one piece each, but tap by tap at the borders.
func (g *im2row) runs(dst, line []float32, j, n int) {
	cols, c, width := g.stride(), g.channels, len(g.tx)*g.width
	lo, hi := g.inside(j, n, g.tx[0], g.tx[len(g.tx)-1])
	g.taps(dst, line, j, lo-j)
	if hi > lo {
		im2rowCopy(dst[(lo-j)*cols:], cols, line[(lo*g.step[1]+g.tx[0])*c:], g.step[1]*c, width, hi-lo)
	}
	if j+n > hi {
		g.taps(dst[(hi-j)*cols:], line, hi, j+n-hi)
	}
}

// taps copies for grid points j to j+n-1 the taps of one row of the kernel tap by tap.
func (g *im2row) taps(dst, line []float32, j, n int) {
	cols := g.stride()
	for b, tx := range g.tx {
		lo, hi := g.inside(j, n, tx, tx)
		if n > 0 {
			im2rowClear(dst[b*g.width:], cols, g.width, lo-j)
		}
		if hi > lo {
			im2rowCopy(dst[(lo-j)*cols+b*g.width:], cols, line[(lo*g.step[1]+tx)*g.channels:], g.step[1]*g.channels, g.width, hi-lo)
		}
		if j+n > hi {
			im2rowClear(dst[(hi-j)*cols+b*g.width:], cols, g.width, j+n-hi)
		}
	}
}

// im2rowCopy copies n pieces of that width, ldd and lds apart. Three pixels of a colour image are
// so short that a call for each would take longer than the copying.
func im2rowCopy(dst []float32, ldd int, src []float32, lds, width, n int) {
	if width != 9 {
		for i := range n {
			copy(dst[i*ldd:][:width], src[i*lds:][:width])
		}
		return
	}
	for i := range n {
		d, s := (*[9]float32)(dst[i*ldd:]), (*[9]float32)(src[i*lds:])
		*(*[4]float32)(d[:4]) = *(*[4]float32)(s[:4])
		*(*[4]float32)(d[4:8]) = *(*[4]float32)(s[4:8])
		d[8] = s[8]
	}
}

// im2rowClear puts zeros into n pieces of that width, ld apart.
func im2rowClear(dst []float32, ld, width, n int) {
	for i := range n {
		clear(dst[i*ld:][:width])
	}
}

// im2rowBlock is the number of rows of a matrix of that many columns that are made at a time:
// about 256 KiB, but enough rows to use what they are multiplied with more than once.
func im2rowBlock(cols int) int { return min(max(1<<16/max(cols, 1), 48), 512) / 8 * 8 }

// im2rowParts is the number of parts that rows are divided into: some 48 rows each, so that the
// other operand is not read too often, but enough parts for 2, 3, 4 and 6 threads.
func im2rowParts(rows int) int {
	units := (rows + 7) / 8
	return min(max(rows/48, min(12, units)), 64)
}

// im2rowChunk is kernels.Chunk in units of 8 rows, which the tiles of a GEMM divide well.
func im2rowChunk(rows, parts, part int) (lo, hi int) {
	lo, hi = kernels.Chunk((rows+7)/8, parts, part)
	return min(8*lo, rows), min(8*hi, rows)
}
