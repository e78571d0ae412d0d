//go:build !noasm

package kernels

// B is packed in blocks of k, each a row of panels 8 floats wide, the last filled up with zeros.
const (
	neonPanel = 8
	neonK     = 256       // rows of a block: a panel is 8 KiB, in the first-level cache with A
	neonWork  = 32 * 1024 // floats of A and C of a block of rows, in the second-level cache
	neonCall  = 1 << 17   // multiply-adds of one assembly call: about 25 µs on a Cortex-A53
)

// neonTiles is the micro-kernels of a set: for whom they are scheduled, and how high their tiles are.
type neonTiles struct {
	inOrder      bool
	rows, rowsTN int
}

var (
	outOfOrderTiles = neonTiles{rows: 8, rowsTN: 8}
	inOrderTiles    = neonTiles{inOrder: true, rows: 10, rowsTN: neonRows}
)

// neonRows is the height of the highest tile of either.
const neonRows = 12

func packSizeNEON(k, n int) int { return k * roundUp(n, neonPanel) }

func packBNEON(dst, b []float32, ldb, k, n int) {
	parts := blocks(k, neonK)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		for j := 0; j < n; j += neonPanel {
			dst = packPanel(dst, b[lo*ldb+j:], ldb, hi-lo, min(neonPanel, n-j), neonPanel)
		}
	}
}

func packBTNEON(dst, w []float32, ldw, k, n int) {
	parts := blocks(k, neonK)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		for j := 0; j < n; j += neonPanel {
			packPanelT(dst, w[j*ldw+lo:], ldw, hi-lo, min(neonPanel, n-j))
			dst = dst[(hi-lo)*neonPanel:]
		}
	}
}

// packPanelT packs n rows of w, at most 8, as k rows of 8 floats.
func packPanelT(dst, w []float32, ldw, k, n int) {
	if n < neonPanel {
		clear(dst[:k*neonPanel])
	}
	for i := range n {
		for p, v := range w[i*ldw:][:k] {
			dst[p*neonPanel+i] = v
		}
	}
}

func (t neonTiles) gemm(c []float32, ldc int, a []float32, lda int, bp []float32, m, n, k int, acc bool) {
	checkMatrix(c, ldc, m, n)
	checkMatrix(a, lda, m, k)
	checkMatrix(bp, 0, 1, packSizeNEON(k, n))
	if m == 0 || n == 0 {
		return
	}
	if k == 0 && !acc {
		zero(c, ldc, m, n)
	}
	parts := blocks(k, neonK)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		t.gemmBlock(c, ldc, a[lo:], lda, bp[lo*roundUp(n, neonPanel):], m, n, hi-lo, acc || i > 0)
	}
}

// gemmBlock is the product with one block of k. The rows are cut so that A and C of a piece
// stay in the second-level cache while the panels of B pass by.
func (t neonTiles) gemmBlock(c []float32, ldc int, a []float32, lda int, bp []float32, m, n, k int, acc bool) {
	first := 0
	if m <= 3 {
		first = gemmLow(c, ldc, a, lda, bp, m, n, k, acc)
	}
	h := max(t.rows, neonWork/(k+n)/t.rows*t.rows)
	for i := 0; i < m; i += h {
		for j := first; j < n; j += neonPanel {
			ci, ai, b, rows := c[i*ldc+j:], a[i*lda:], bp[j*k:], min(h, m-i)
			if n-j < neonPanel {
				t.gemmRest(ci, ldc, ai, lda, b, rows, n-j, k, acc)
			} else {
				t.gemmPanel(ci, ldc, ai, lda, b, rows, k, acc)
			}
		}
	}
}

// gemmLow is the product of up to three rows with as many whole pairs or fours of panels as there are. It
// returns the columns that it has made.
func gemmLow(c []float32, ldc int, a []float32, lda int, bp []float32, m, n, k int, acc bool) (j int) {
	cols := 16
	if m == 1 {
		cols = 32
	}
	for ; j+cols <= n; j += cols {
		gemmLowF32NEONTile(m, cols, &c[j], ldc, &a[0], lda, &bp[j*k], k, acc)
	}
	return j
}

// gemmPanel is m rows of A times one panel.
func (t neonTiles) gemmPanel(c []float32, ldc int, a []float32, lda int, bp []float32, m, k int, acc bool) {
	most := max(1, neonCall/(t.rows*neonPanel*k))
	for i := 0; i < m; {
		rows, tiles := tileRows(m-i, t.rows)
		tiles = min(tiles, most)
		t.gemmTile(rows, &c[i*ldc], ldc, &a[i*lda], lda, &bp[0], k, tiles, acc)
		i += rows * tiles
	}
}

// gemmTile calls the kernel of a tile.
func (t neonTiles) gemmTile(rows int, c *float32, ldc int, a *float32, lda int, b *float32, k, tiles int, acc bool) {
	if t.inOrder {
		gemmF32NEONInOrderTile(rows, c, ldc, a, lda, b, k, tiles, acc)
		return
	}
	gemmF32NEONTile(rows, c, ldc, a, lda, b, k, tiles, acc)
}

// gemmRest is the same for a last panel of n columns: tiles go through a whole one beside C.
func (t neonTiles) gemmRest(c []float32, ldc int, a []float32, lda int, bp []float32, m, n, k int, acc bool) {
	var part [neonRows * neonPanel]float32
	for i := 0; i < m; {
		rows, _ := tileRows(m-i, t.rows)
		t.gemmTile(rows, &part[0], neonPanel, &a[i*lda], lda, &bp[0], k, 1, false)
		storeTile(c[i*ldc:], ldc, part[:], rows, n, acc)
		i += rows
	}
}

// storeTile puts the first n columns of a tile into C, or adds them there.
func storeTile(c []float32, ldc int, t []float32, rows, n int, acc bool) {
	for r := range rows {
		store(c[r*ldc:][:n], t[r*neonPanel:], acc)
	}
}
