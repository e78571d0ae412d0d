//go:build !noasm

package kernels

// B is packed in blocks of k, each a row of panels: the columns of a panel lie beside each
// other, its rows follow each other. Panels are 16 floats wide, two vectors; what is left at
// the end is a panel of 24 or 8, so that widths that are multiples of 8 need no padding.
const (
	avx2K    = 320       // rows of a block: a panel of 16 is 20 KiB, in the first-level cache
	avx2Work = 64 * 1024 // floats of A and C of a block of rows, in the second-level cache
	avx2Call = 1 << 19   // multiply-adds of one assembly call: about 10 µs
)

// avx2Panel is the width of the panel that begins n columns before the end, and the height of
// its tiles.
func avx2Panel(n int) (cols, rows int) {
	switch {
	case n > 24 || n > 8 && n <= 16:
		return 16, 6
	case n > 16:
		return 24, 4
	}
	return 8, 8
}

// avx2Masks[r] lets r floats of a vector through.
var avx2Masks = [9][8]int32{
	1: {-1}, 2: {-1, -1}, 3: {-1, -1, -1}, 4: {-1, -1, -1, -1}, 5: {-1, -1, -1, -1, -1},
	6: {-1, -1, -1, -1, -1, -1}, 7: {-1, -1, -1, -1, -1, -1, -1}, 8: {-1, -1, -1, -1, -1, -1, -1, -1},
}

// avx2Mask is the mask of the last vector of a panel at the last n columns, nil for a whole one.
func avx2Mask(n, cols int) *[8]int32 {
	if n >= cols {
		return nil
	}
	return &avx2Masks[n-(cols-8)]
}

func packSizeAVX2(k, n int) int { return k * roundUp(n, 8) }

func packBAVX2(dst, b []float32, ldb, k, n int) {
	parts := blocks(k, avx2K)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		for j := 0; j < n; {
			cols, _ := avx2Panel(n - j)
			dst = packPanel(dst, b[lo*ldb+j:], ldb, hi-lo, min(cols, n-j), cols)
			j += cols
		}
	}
}

func packBTAVX2(dst, w []float32, ldw, k, n int) {
	parts := blocks(k, avx2K)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		for j := 0; j < n; {
			cols, _ := avx2Panel(n - j)
			for v := 0; v < cols; v += 8 {
				packTransposed(dst[v:], cols, w[(j+v)*ldw+lo:], ldw, hi-lo, min(8, n-j-v))
			}
			dst = dst[(hi-lo)*cols:]
			j += cols
		}
	}
}

// packTransposed packs n rows of w, at most 8, as k rows of 8 floats, ds apart.
func packTransposed(dst []float32, ds int, w []float32, ldw, k, n int) {
	done := 0
	if n == 8 && k >= 8 {
		done = k &^ 7
		_, _ = w[7*ldw+done-1], dst[(done-1)*ds+7]
		packF32AVX2Transpose8(&dst[0], ds, &w[0], ldw, done/8)
	}
	for p := done; p < k; p++ {
		row := dst[p*ds:][:8]
		clear(row[n:])
		for i := range n {
			row[i] = w[i*ldw+p]
		}
	}
}

func gemmAVX2(c []float32, ldc int, a []float32, lda int, bp []float32, m, n, k int, acc bool) {
	checkMatrix(c, ldc, m, n)
	checkMatrix(a, lda, m, k)
	checkMatrix(bp, 0, 1, packSizeAVX2(k, n))
	if m == 0 || n == 0 {
		return
	}
	if k == 0 && !acc {
		zero(c, ldc, m, n)
	}
	parts := blocks(k, avx2K)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		gemmBlockAVX2(c, ldc, a[lo:], lda, bp[lo*roundUp(n, 8):], m, n, hi-lo, acc || i > 0)
	}
}

// gemmBlockAVX2 is the product with one block of k. The rows are cut so that A and C of a piece
// stay in the second-level cache while the panels of B pass by.
func gemmBlockAVX2(c []float32, ldc int, a []float32, lda int, bp []float32, m, n, k int, acc bool) {
	h := max(24, avx2Work/(k+n)/24*24)
	for i := 0; i < m; i += h {
		for j := 0; j < n; {
			cols, rows := avx2Panel(n - j)
			mask := avx2Mask(n-j, cols)
			gemmPanelAVX2(c[i*ldc+j:], ldc, a[i*lda:], lda, bp[j*k:], rows, cols, min(h, m-i), k, j == 0, mask, acc)
			j += cols
		}
	}
}

// gemmPanelAVX2 is m rows of A times one panel. The first panel fetches A early for itself and
// the others.
func gemmPanelAVX2(c []float32, ldc int, a []float32, lda int, bp []float32, h, cols, m, k int, first bool, mask *[8]int32, acc bool) {
	most := max(1, avx2Call/(h*cols*k))
	for i := 0; i < m; {
		rows, tiles := tileRows(m-i, h)
		tiles = min(tiles, most)
		ahead := 0
		if first {
			ahead = rows * lda
		}
		gemmF32AVX2Tile(rows, cols, &c[i*ldc], ldc, &a[i*lda], lda, &bp[0], k, tiles, ahead, mask, acc)
		i += rows * tiles
	}
}
