//go:build !noasm

package kernels

func avx2Implicit() Implicit { return Implicit{GemmRows: gemmRowsAVX2, GemmTNRows: gemmTNRowsAVX2} }

// gemmRowsAVX2 cuts k·Taps into blocks as gemmAVX2 does, wherever in a tap that is.
func gemmRowsAVX2(c []float32, ldc int, a []float32, rows *Rows, first int, bp []float32, m, n, k int, acc bool) {
	gemmRowsEndAVX2(c, ldc, a, rows, first, bp, m, n, k, acc, gemmEnd{})
}

// gemmRowsEndAVX2 is GemmRows with an end.
func gemmRowsEndAVX2(c []float32, ldc int, a []float32, rows *Rows, first int, bp []float32, m, n, k int, acc bool, end gemmEnd) {
	total := rows.Taps * k
	checkMatrix(c, ldc, m, n)
	checkMatrix(bp, 0, 1, packSizeAVX2(total, n))
	rows.check(a, first, m, k)
	if m == 0 || n == 0 {
		return
	}
	if total == 0 && !acc {
		zero(c, ldc, m, n)
	}
	parts := blocks(total, avx2K)
	for i := range parts {
		lo, hi := Chunk(total, parts, i)
		g := newRowsBlock(rows, a, k, lo, hi, acc || i > 0)
		g.gemmAVX2(c, ldc, first, bp[lo*roundUp(n, 8):], m, n, end.of(i == parts-1))
	}
}

// gemmAVX2 is the product with a block, cut like that of gemmPanel.block.
func (g *rowsBlock) gemmAVX2(c []float32, ldc, first int, bp []float32, m, n int, end gemmEnd) {
	h := avx2Rows(m, g.total)
	for i := 0; i < m; i += h {
		p := gemmPanel{k: g.total, end: end}
		for j := 0; j < n; j += p.cols {
			p.cols, p.rows = avx2Panel(n - j)
			p.b, p.mask, p.bias = bp[j*g.total:], avx2Mask(n-j, p.cols), end.at(j)
			g.panelAVX2(c[i*ldc+j:], ldc, first+i, &p, min(h, m-i))
		}
	}
}

// panelAVX2 is m rows of A times one panel.
func (g *rowsBlock) panelAVX2(c []float32, ldc, first int, p *gemmPanel, m int) {
	most := max(1, avx2Call/(p.rows*p.cols*g.total))
	for i := 0; i < m; {
		rows, tiles := tileRows(m-i, p.rows)
		tiles = min(tiles, most)
		gemmRowsF32AVX2Tile(rows, p.cols, &c[i*ldc], ldc, g.a, g.at(first+i), g.rows.Len, &zeros[0], g.k, g.skip, &p.b[0], g.total, tiles, p.mask, p.bias, p.end.lo, p.end.hi, g.acc)
		i += rows * tiles
	}
}

// gemmTNRowsAVX2 packs the panels of B, which takes the offsets out of the inner loop.
func gemmTNRowsAVX2(c []float32, ldc int, a []float32, lda int, b []float32, rows *Rows, first, width, from, m, n, k int, acc bool) {
	checkMatrix(c, ldc, m, n)
	checkMatrix(a, lda, k, m)
	rows.checkTN(b, first, width, from, n, k)
	if m == 0 || n == 0 {
		return
	}
	if k == 0 && !acc {
		zero(c, ldc, m, n)
	}
	g := tnBlock{a: a, lda: lda, m: m, b: b, rows: rows, first: first, width: width, from: from, n: n, acc: acc}
	g.product(c, ldc, k)
}
