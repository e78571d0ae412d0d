//go:build !noasm

package kernels

func gemmTNAVX512(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	checkMatrix(c, ldc, m, n)
	checkMatrix(a, lda, k, m)
	checkMatrix(b, ldb, k, n)
	if m == 0 || n == 0 {
		return
	}
	if k == 0 && !acc {
		zero(c, ldc, m, n)
	}
	parts := blocks(k, avx2TNK)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		gemmTNBlockAVX512(c, ldc, a[lo*lda:], lda, b[lo*ldb:], ldb, m, n, hi-lo, acc || i > 0)
	}
}

// gemmTNBlockAVX512 is the product with one block of k, cut like that of gemmTNBlockAVX2.
func gemmTNBlockAVX512(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	h := max(48, avx2Work/(k+n)/24*24)
	for i := 0; i < m; i += h {
		for j := 0; j < n; {
			cols := avx512Panel(n - j)
			gemmTNPanelAVX512(c[i*ldc+j:], ldc, a[i:], lda, b[j:], ldb, cols, min(h, m-i), k, lastLanes(n-j, cols), acc)
			j += cols
		}
	}
}

// gemmTNPanelAVX512 is m columns of A times cols of B.
func gemmTNPanelAVX512(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, cols, m, k int, mask int, acc bool) {
	most := max(1, avx2Call/(avx512Rows*cols*k))
	for i := 0; i < m; {
		rows, tiles := tileRows(m-i, avx512Rows)
		tiles = min(tiles, most)
		gemmTNF32AVX512Tile(rows, cols, &c[i*ldc], ldc, &a[i], lda, &b[0], ldb, k, tiles, mask, acc)
		i += rows * tiles
	}
}
