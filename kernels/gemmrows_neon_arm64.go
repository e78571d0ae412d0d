//go:build !noasm

package kernels

func neonImplicit(t neonTiles) Implicit {
	return Implicit{GemmRows: t.gemmRows, GemmTNRows: t.gemmTNRows}
}

// gemmRows cuts k·Taps into blocks as gemm does, wherever in a tap that is.
func (t neonTiles) gemmRows(c []float32, ldc int, a []float32, rows *Rows, first int, bp []float32, m, n, k int, acc bool) {
	total := rows.Taps * k
	checkMatrix(c, ldc, m, n)
	checkMatrix(bp, 0, 1, packSizeNEON(total, n))
	rows.check(a, first, m, k)
	if m == 0 || n == 0 {
		return
	}
	if total == 0 && !acc {
		zero(c, ldc, m, n)
	}
	parts := blocks(total, neonK)
	for i := range parts {
		lo, hi := Chunk(total, parts, i)
		g := newRowsBlock(rows, a, k, lo, hi, acc || i > 0)
		g.gemmNEON(t, c, ldc, first, bp[lo*roundUp(n, neonPanel):], m, n)
	}
}

// gemmNEON is the product with a block, cut like that of gemmBlock.
func (g *rowsBlock) gemmNEON(t neonTiles, c []float32, ldc, first int, bp []float32, m, n int) {
	h := max(t.rows, neonWork/(g.total+n)/t.rows*t.rows)
	for i := 0; i < m; i += h {
		for j := 0; j < n; j += neonPanel {
			ci, b, rows := c[i*ldc+j:], bp[j*g.total:], min(h, m-i)
			if n-j < neonPanel {
				g.restNEON(t, ci, ldc, first+i, b, rows, n-j)
			} else {
				g.panelNEON(t, ci, ldc, first+i, b, rows)
			}
		}
	}
}

// panelNEON is m rows of A times one panel.
func (g *rowsBlock) panelNEON(t neonTiles, c []float32, ldc, first int, bp []float32, m int) {
	most := max(1, neonCall/(t.rows*neonPanel*g.total))
	for i := 0; i < m; {
		rows, tiles := tileRows(m-i, t.rows)
		tiles = min(tiles, most)
		t.gemmRowsTile(rows, &c[i*ldc], ldc, g.a, g.at(first+i), g.rows.Len, &zeros[0], g.k, g.skip, &bp[0], g.total, tiles, g.acc)
		i += rows * tiles
	}
}

// gemmRowsTile calls the kernel of a tile.
func (t neonTiles) gemmRowsTile(rows int, c *float32, ldc int, a *float32, off *int32, next int, zeros *float32, k, skip int, b *float32, total, tiles int, acc bool) {
	if t.inOrder {
		gemmRowsF32NEONInOrderTile(rows, c, ldc, a, off, next, zeros, k, skip, b, total, tiles, acc)
		return
	}
	gemmRowsF32NEONTile(rows, c, ldc, a, off, next, zeros, k, skip, b, total, tiles, acc)
}

// restNEON is the same for a last panel of n columns: tiles go through a whole one beside C.
func (g *rowsBlock) restNEON(t neonTiles, c []float32, ldc, first int, bp []float32, m, n int) {
	var part [neonRows * neonPanel]float32
	for i := 0; i < m; {
		rows, _ := tileRows(m-i, t.rows)
		t.gemmRowsTile(rows, &part[0], neonPanel, g.a, g.at(first+i), g.rows.Len, &zeros[0], g.k, g.skip, &bp[0], g.total, 1, false)
		storeTile(c[i*ldc:], ldc, part[:], rows, n, g.acc)
		i += rows
	}
}

// gemmTNRows packs the panels of B, which takes the offsets out of the inner loop.
func (t neonTiles) gemmTNRows(c []float32, ldc int, a []float32, lda int, b []float32, rows *Rows, first, width, from, m, n, k int, acc bool) {
	checkMatrix(c, ldc, m, n)
	checkMatrix(a, lda, k, m)
	rows.checkTN(b, first, width, from, n, k)
	if m == 0 || n == 0 {
		return
	}
	if k == 0 && !acc {
		zero(c, ldc, m, n)
	}
	parts := blocks(k, neonTNK)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		t.gemmTNRowsBlock(c, ldc, a[lo*lda:], lda, b, rows, first+lo, width, from, m, n, hi-lo, acc || i > 0)
	}
}

// gemmTNRowsBlock is the product with one block of k.
func (t neonTiles) gemmTNRowsBlock(c []float32, ldc int, a []float32, lda int, b []float32, rows *Rows, first, width, from, m, n, k int, acc bool) {
	var panel [neonTNK * neonPanel]float32
	for j := 0; j < n; {
		tap, at, w := rows.tap(from+j, min(neonPanel, n-j), width)
		packRows(panel[:], b, rows, first, tap, k, at, w, neonPanel)
		if w < neonPanel {
			t.gemmTNTiles(c[j:], ldc, a, lda, &panel, m, w, k, acc)
		} else {
			t.gemmTNPanel(c[j:], ldc, a, lda, panel[:], neonPanel, m, k, acc)
		}
		j += w
	}
}
