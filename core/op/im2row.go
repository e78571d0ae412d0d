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

// direct reports whether the matrix is the images themselves, row r at r·channels.
func (g *im2row) direct() bool {
	one := len(g.ty) == 1 && len(g.tx) == 1 && g.ty[0] == 0 && g.tx[0] == 0
	return one && g.step == [2]int{1, 1} && g.grid == g.size
}

// adjacent reports whether the taps along x lie side by side in memory.
func (g *im2row) adjacent() bool {
	return g.width == g.channels && len(g.tx) > 0 && g.tx[len(g.tx)-1]-g.tx[0] == len(g.tx)-1
}

// fill writes rows lo to hi of the matrix to dst; src begins at the first channel to take.
func (g *im2row) fill(dst, src []float32, lo, hi int) {
	j, i := lo%g.grid[1], lo/g.grid[1]
	n, i := i/g.grid[0], i%g.grid[0]
	cols, adjacent := g.cols(), g.adjacent()
	for r := lo; r < hi; r++ {
		image := src[n*g.size[0]*g.size[1]*g.channels:]
		g.row(dst[(r-lo)*cols:][:cols], image, i*g.step[0], j*g.step[1], adjacent)
		if j++; j == g.grid[1] {
			i, j = i+1, 0
		}
		if i == g.grid[0] {
			n, i = n+1, 0
		}
	}
}

// row writes the row of the matrix whose taps count from pixel (y0, x0).
func (g *im2row) row(dst, image []float32, y0, x0 int, adjacent bool) {
	line := len(g.tx) * g.width
	for a, ty := range g.ty {
		d := dst[a*line:][:line]
		y := y0 + ty
		switch {
		case y < 0 || y >= g.size[0]:
			clear(d)
		case adjacent:
			g.run(d, image, y, x0+g.tx[0])
		default:
			g.line(d, image, y, x0)
		}
	}
}

// run copies the pixels of row y from x on in one piece, as far as they exist.
func (g *im2row) run(d, image []float32, y, x int) {
	c, taps := g.channels, len(g.tx)
	b0 := min(max(-x, 0), taps)
	b1 := max(min(taps, g.size[1]-x), b0)
	clear(d[:b0*c])
	if b1 > b0 {
		copy(d[b0*c:b1*c], image[(y*g.size[1]+x+b0)*c:])
	}
	clear(d[b1*c:])
}

// line copies row y tap by tap.
func (g *im2row) line(d, image []float32, y, x0 int) {
	for b, tx := range g.tx {
		tap := d[b*g.width:][:g.width]
		if x := x0 + tx; x < 0 || x >= g.size[1] {
			clear(tap)
		} else {
			copy(tap, image[(y*g.size[1]+x)*g.channels:])
		}
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
