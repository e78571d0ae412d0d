//go:build !noasm

package kernels

// neonTNK is the rows of A and B of a block. Unpacked rows lie apart and take whole cache lines,
// so there are fewer than in Gemm.
const neonTNK = 128

func gemmTNNEON(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	checkMatrix(c, ldc, m, n)
	checkMatrix(a, lda, k, m)
	checkMatrix(b, ldb, k, n)
	if m == 0 || n == 0 {
		return
	}
	if k == 0 && !acc {
		zero(c, ldc, m, n)
	}
	parts := blocks(k, neonTNK)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		gemmTNBlockNEON(c, ldc, a[lo*lda:], lda, b[lo*ldb:], ldb, m, n, hi-lo, acc || i > 0)
	}
}

// gemmTNBlockNEON is the product with one block of k, cut like that of gemmBlockNEON.
func gemmTNBlockNEON(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	h := max(48, neonWork/(k+n)/neonTile*neonTile)
	for i := 0; i < m; i += h {
		for j := 0; j < n; j += neonPanel {
			ci, ai, bj, rows := c[i*ldc+j:], a[i:], b[j:], min(h, m-i)
			if n-j < neonPanel {
				gemmTNRestNEON(ci, ldc, ai, lda, bj, ldb, rows, n-j, k, acc)
			} else {
				gemmTNPanelNEON(ci, ldc, ai, lda, bj, ldb, rows, k, acc)
			}
		}
	}
}

// gemmTNPanelNEON is m columns of A times 8 of B.
func gemmTNPanelNEON(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, k int, acc bool) {
	most := max(1, neonCall/(neonTile*neonPanel*k))
	for i := 0; i < m; {
		rows, tiles := tileRows(m-i, neonTile)
		tiles = min(tiles, most)
		gemmTNF32NEONTile(rows, &c[i*ldc], ldc, &a[i], lda, &b[0], ldb, k, tiles, acc)
		i += rows * tiles
	}
}

// gemmTNRestNEON is the same for the last n columns of B, which are filled up in a copy.
func gemmTNRestNEON(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	var panel [neonTNK * neonPanel]float32
	packPanel(panel[:], b, ldb, k, n, neonPanel)
	gemmTNTilesNEON(c, ldc, a, lda, &panel, m, n, k, acc)
}

// gemmTNTilesNEON is m columns of A times n of a panel of B, tile by tile through a whole one
// beside C.
func gemmTNTilesNEON(c []float32, ldc int, a []float32, lda int, panel *[neonTNK * neonPanel]float32, m, n, k int, acc bool) {
	var t [neonTile * neonPanel]float32
	for i := 0; i < m; {
		rows, _ := tileRows(m-i, neonTile)
		gemmTNF32NEONTile(rows, &t[0], neonPanel, &a[i], lda, &panel[0], neonPanel, k, 1, false)
		storeTile(c[i*ldc:], ldc, t[:], rows, n, acc)
		i += rows
	}
}
