//go:build !noasm

package kernels

// neonTNK is the rows of A and B of a block. Unpacked rows lie apart and take whole cache lines,
// so there are fewer than in Gemm.
const neonTNK = 128

func (t neonTiles) gemmTN(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
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
		t.gemmTNBlock(c, ldc, a[lo*lda:], lda, b[lo*ldb:], ldb, m, n, hi-lo, acc || i > 0)
	}
}

// gemmTNBlock is the product with one block of k, cut like that of gemmBlock.
func (t neonTiles) gemmTNBlock(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	h := max(48, neonWork/(k+n)/t.rowsTN*t.rowsTN)
	for i := 0; i < m; i += h {
		for j := 0; j < n; j += neonPanel {
			ci, ai, bj, rows := c[i*ldc+j:], a[i:], b[j:], min(h, m-i)
			if n-j < neonPanel {
				t.gemmTNRest(ci, ldc, ai, lda, bj, ldb, rows, n-j, k, acc)
			} else {
				t.gemmTNPanel(ci, ldc, ai, lda, bj, ldb, rows, k, acc)
			}
		}
	}
}

// gemmTNPanel is m columns of A times 8 of B.
func (t neonTiles) gemmTNPanel(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, k int, acc bool) {
	most := max(1, neonCall/(t.rowsTN*neonPanel*k))
	for i := 0; i < m; {
		rows, tiles := tileRows(m-i, t.rowsTN)
		tiles = min(tiles, most)
		t.gemmTNTile(rows, &c[i*ldc], ldc, &a[i], lda, &b[0], ldb, k, tiles, acc)
		i += rows * tiles
	}
}

// gemmTNRest is the same for the last n columns of B, which are filled up in a copy.
func (t neonTiles) gemmTNRest(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	var panel [neonTNK * neonPanel]float32
	packPanel(panel[:], b, ldb, k, n, neonPanel)
	t.gemmTNTiles(c, ldc, a, lda, &panel, m, n, k, acc)
}

// gemmTNTiles is m columns of A times n of a panel of B, tile by tile through a whole one
// beside C.
func (t neonTiles) gemmTNTiles(c []float32, ldc int, a []float32, lda int, panel *[neonTNK * neonPanel]float32, m, n, k int, acc bool) {
	var part [neonRows * neonPanel]float32
	for i := 0; i < m; {
		rows, _ := tileRows(m-i, t.rowsTN)
		t.gemmTNTile(rows, &part[0], neonPanel, &a[i], lda, &panel[0], neonPanel, k, 1, false)
		storeTile(c[i*ldc:], ldc, part[:], rows, n, acc)
		i += rows
	}
}

// gemmTNTile calls the kernel of a tile.
func (t neonTiles) gemmTNTile(rows int, c *float32, ldc int, a *float32, lda int, b *float32, ldb, k, tiles int, acc bool) {
	if t.inOrder {
		gemmTNF32NEONInOrderTile(rows, c, ldc, a, lda, b, ldb, k, tiles, acc)
		return
	}
	gemmTNF32NEONTile(rows, c, ldc, a, lda, b, ldb, k, tiles, acc)
}
