//go:build !noasm

package kernels

// B is packed like for avx2, in blocks of avx2K rows of k, each a row of panels; they are 48 floats wide,
// three vectors, at the end 32 or 16. Tiles are eight rows high.
const avx512Rows = 8

// avx512Panel is the width of the panel that begins n columns before the end. Four vectors are
// two and two: one alone would wait for its loads.
func avx512Panel(n int) (cols int) {
	switch {
	case n > 64 || n > 32 && n <= 48:
		return 48
	case n > 16:
		return 32
	}
	return 16
}

// lastLanes is the mask of the last vector of a panel of cols columns at the last n columns.
func lastLanes(n, cols int) int { return lanes(n - (cols - 16)) }

func packSizeAVX512(k, n int) int { return k * roundUp(n, 16) }

func packBAVX512(dst, b []float32, ldb, k, n int) {
	parts := blocks(k, avx2K)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		for j := 0; j < n; {
			cols := avx512Panel(n - j)
			dst = packPanel(dst, b[lo*ldb+j:], ldb, hi-lo, min(cols, n-j), cols)
			j += cols
		}
	}
}

func packBTAVX512(dst, w []float32, ldw, k, n int) {
	parts := blocks(k, avx2K)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		for j := 0; j < n; {
			cols := avx512Panel(n - j)
			packTransposedPanel(dst, w[j*ldw+lo:], ldw, hi-lo, min(cols, n-j), cols)
			dst = dst[(hi-lo)*cols:]
			j += cols
		}
	}
}

// packTransposedPanel packs n rows of w as a panel of k rows of cols floats, zeros behind the first n.
func packTransposedPanel(dst, w []float32, ldw, k, n, cols int) {
	for v := 0; v < n; v += 8 {
		packTransposed(dst[v:], cols, w[v*ldw:], ldw, k, min(8, n-v))
	}
	for p, v := 0, roundUp(n, 8); p < k; p++ {
		clear(dst[p*cols:][v:cols])
	}
}

func gemmAVX512(c []float32, ldc int, a []float32, lda int, bp []float32, m, n, k int, acc bool) {
	checkMatrix(c, ldc, m, n)
	checkMatrix(a, lda, m, k)
	checkMatrix(bp, 0, 1, packSizeAVX512(k, n))
	if m == 0 || n == 0 {
		return
	}
	if k == 0 && !acc {
		zero(c, ldc, m, n)
	}
	parts := blocks(k, avx2K)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		gemmBlockAVX512(c, ldc, a[lo:], lda, bp[lo*roundUp(n, 16):], m, n, hi-lo, acc || i > 0)
	}
}

// gemmBlockAVX512 is the product with one block of k, cut like that of gemmBlockAVX2.
func gemmBlockAVX512(c []float32, ldc int, a []float32, lda int, bp []float32, m, n, k int, acc bool) {
	h := max(24, avx2Work/(k+n)/24*24)
	for i := 0; i < m; i += h {
		for j := 0; j < n; {
			cols := avx512Panel(n - j)
			gemmPanelAVX512(c[i*ldc+j:], ldc, a[i*lda:], lda, bp[j*k:], cols, min(h, m-i), k, j == 0, lastLanes(n-j, cols), acc)
			j += cols
		}
	}
}

// gemmPanelAVX512 is m rows of A times one panel. The first panel fetches A early for itself and
// the others.
func gemmPanelAVX512(c []float32, ldc int, a []float32, lda int, bp []float32, cols, m, k int, first bool, mask int, acc bool) {
	most := max(1, avx2Call/(avx512Rows*cols*k))
	for i := 0; i < m; {
		rows, tiles := tileRows(m-i, avx512Rows)
		tiles = min(tiles, most)
		ahead := 0
		if first {
			ahead = rows * lda
		}
		gemmF32AVX512Tile(rows, cols, &c[i*ldc], ldc, &a[i*lda], lda, &bp[0], k, tiles, ahead, mask, acc)
		i += rows * tiles
	}
}
