//go:build !noasm

package kernels

func avx512Implicit() Implicit {
	return Implicit{GemmRows: gemmRowsAVX512, GemmTNRows: gemmTNRowsAVX512}
}

// gemmRowsAVX512 cuts k·Taps into blocks as gemmAVX512 does, wherever in a tap that is.
func gemmRowsAVX512(c []float32, ldc int, a []float32, rows *Rows, first int, bp []float32, m, n, k int, acc bool) {
	total := rows.Taps * k
	checkMatrix(c, ldc, m, n)
	checkMatrix(bp, 0, 1, packSizeAVX512(total, n))
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
		g.gemmAVX512(c, ldc, first, bp[lo*roundUp(n, 16):], m, n)
	}
}

// gemmAVX512 is the product with a block, cut like that of gemmBlockAVX512.
func (g *rowsBlock) gemmAVX512(c []float32, ldc, first int, bp []float32, m, n int) {
	h := max(24, avx2Work/(g.total+n)/24*24)
	for i := 0; i < m; i += h {
		for j := 0; j < n; {
			cols := avx512Panel(n - j)
			g.panelAVX512(c[i*ldc+j:], ldc, first+i, bp[j*g.total:], cols, min(h, m-i), lastLanes(n-j, cols))
			j += cols
		}
	}
}

// panelAVX512 is m rows of A times one panel.
func (g *rowsBlock) panelAVX512(c []float32, ldc, first int, bp []float32, cols, m, mask int) {
	most := max(1, avx2Call/(avx512Rows*cols*g.total))
	for i := 0; i < m; {
		rows, tiles := tileRows(m-i, avx512Rows)
		tiles = min(tiles, most)
		gemmRowsF32AVX512Tile(rows, cols, &c[i*ldc], ldc, g.a, g.at(first+i), g.rows.Len, &zeros[0], g.k, g.skip, &bp[0], g.total, tiles, mask, g.acc)
		i += rows * tiles
	}
}

var spaces512 spaces[[avx2TNK * 48]float32]

// gemmTNRowsAVX512 packs the panels of B, which takes the offsets out of the inner loop.
func gemmTNRowsAVX512(c []float32, ldc int, a []float32, lda int, b []float32, rows *Rows, first, width, from, m, n, k int, acc bool) {
	checkMatrix(c, ldc, m, n)
	checkMatrix(a, lda, k, m)
	rows.checkTN(b, first, width, from, n, k)
	if m == 0 || n == 0 {
		return
	}
	if k == 0 && !acc {
		zero(c, ldc, m, n)
	}
	panel := spaces512.take()
	defer spaces512.give(panel)
	parts := blocks(k, avx2TNK)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		for j := 0; j < n; {
			tap, at, w := rows.tap(from+j, n-j, width)
			cols := avx512Panel(w)
			packRows(panel[:], b, rows, first+lo, tap, hi-lo, at, min(cols, w), cols)
			gemmTNPanelAVX512(c[j:], ldc, a[lo*lda:], lda, panel[:], cols, cols, m, hi-lo, lastLanes(w, cols), acc || i > 0)
			j += min(cols, w)
		}
	}
}
