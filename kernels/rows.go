package kernels

import "math"

// Rows says where the rows of a matrix begin that does not lie in memory as one: row p is, tap
// after tap, what the taps of a convolution read at pixel p. A pixel is a run of channels in
// memory, so a row of k·taps floats is one offset for each tap.
//
// Offsets count from the slice that a product is given, so one table, made once for a shape,
// serves all images of a batch: the slice begins at the image, and at the group's first channel.
// Taps that lie beside each other in memory for all pixels may be one tap of more channels.
type Rows struct {
	Len, Taps int
	max       int     // the largest offset, -1 if all taps lie outside
	off       []int32 // Taps×Len
}

// NewRows makes the table of n rows. at is the offset in floats of what a tap reads at a row,
// negative where it lies outside and reads zeros.
func NewRows(n, taps int, at func(row, tap int) int) *Rows {
	r := &Rows{Len: n, Taps: taps, max: -1, off: make([]int32, n*taps)}
	for t := range taps {
		for i := range n {
			o := max(-1, at(i, t))
			if o > math.MaxInt32 {
				panic("kernels: an offset of Rows does not fit 32 bits")
			}
			r.off[t*n+i], r.max = int32(o), max(r.max, o)
		}
	}
	return r
}

// check panics if x does not hold k floats at every offset, or the table not rows first to
// first+n-1: assembly would not see it.
func (r *Rows) check(x []float32, first, n, k int) {
	if first < 0 || first+n > r.Len {
		panic("kernels: rows outside of their table")
	}
	if r.max >= 0 && k > 0 {
		_ = x[r.max+k-1]
	}
}

// tap is where column j of the matrix lies, a tap having width floats: in which tap, at which of its floats, and how many of that
// tap columns j to j+n are.
func (r *Rows) tap(j, n, width int) (tap, at, w int) {
	tap, at = j/width, j%width
	return tap, at, min(n, width-at)
}

// checkTN is check of the columns from to from+n too.
func (r *Rows) checkTN(x []float32, first, width, from, n, k int) {
	r.check(x, first, k, width)
	if from < 0 || from+n > r.Taps*width {
		panic("kernels: columns outside of the taps")
	}
}

// zeroRun is the longest run of zeros that is read at once where a tap lies outside.
const zeroRun = 512

// zeros is what taps outside read. Nobody writes to it.
var zeros [zeroRun]float32

// run is floats lo to hi, at most zeroRun, of what a tap reads at a row.
func (r *Rows) run(x []float32, row, tap, lo, hi int) []float32 {
	if o := int(r.off[tap*r.Len+row]); o >= 0 {
		return x[o+lo : o+hi]
	}
	return zeros[:hi-lo]
}

// Implicit are the products of a convolution that is not spread out into a matrix: an operand
// has its rows where Rows says. Bits, memory and time are those of Gemm and GemmTN.
type Implicit struct {
	// GemmRows is C = A·B, or C += A·B with acc: a convolution, and its gradient for the input.
	//
	//	c   m×n, leading dimension ldc
	//	a   m×(Taps·k), row i is row first+i of rows, k floats for each tap
	//	bp  B, (Taps·k)×n, as PackB or PackBT left it: PackBT takes an O×KH×KW×I weight as it is
	//
	// An element has the same bits as Gemm gives for the spread-out matrix.
	GemmRows func(c []float32, ldc int, a []float32, rows *Rows, first int, bp []float32, m, n, k int, acc bool)
	// GemmTNRows is C = Aᵀ·B, or C += Aᵀ·B with acc: columns from to from+n of a convolution's weight gradient.
	//
	//	c  m×n, leading dimension ldc: filters × columns, of an O×KH×KW×I gradient
	//	a  k×m, leading dimension lda: pixels × filters
	//	b  k×n of k×(Taps·width), row p is row first+p of rows, width floats for each tap: pixels × channels
	//
	// An element has the same bits as GemmTN gives for the spread-out matrix.
	GemmTNRows func(c []float32, ldc int, a []float32, lda int, b []float32, rows *Rows, first, width, from, m, n, k int, acc bool)
}

func genericImplicit() Implicit { return Implicit{GemmRows: gemmRows, GemmTNRows: gemmTNRows} }

func gemmRows(c []float32, ldc int, a []float32, rows *Rows, first int, bp []float32, m, n, k int, acc bool) {
	rows.check(a, first, m, k)
	for i := range m {
		for j := 0; j < n; j += genericPanel {
			var t [2 * genericPanel]float32
			panel := bp[j*rows.Taps*k:][:rows.Taps*k*genericPanel]
			for tap := range rows.Taps {
				for lo := 0; lo < k; lo += zeroRun {
					hi := min(k, lo+zeroRun)
					x := rows.run(a, first+i, tap, lo, hi)
					gemmTile(&t, x, x, panel)
					panel = panel[(hi-lo)*genericPanel:]
				}
			}
			store(c[i*ldc+j:][:min(genericPanel, n-j)], t[:], acc)
		}
	}
}

func gemmTNRows(c []float32, ldc int, a []float32, lda int, b []float32, rows *Rows, first, width, from, m, n, k int, acc bool) {
	rows.checkTN(b, first, width, from, n, k)
	for r := 0; r < m && !acc; r++ {
		clear(c[r*ldc:][:n])
	}
	for p := range k {
		for j := 0; j < n; {
			tap, at, w := rows.tap(from+j, min(n-j, zeroRun), width)
			x := rows.run(b, first+p, tap, at, at+w)
			for r, s := range a[p*lda:][:m] {
				axpy(c[r*ldc+j:][:w], s, x)
			}
			j += w
		}
	}
}
