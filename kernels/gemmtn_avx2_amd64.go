//go:build !noasm

package kernels

// avx2TNK is the rows of A and B of a block. Unpacked rows lie apart and take whole cache lines,
// so there are fewer than in Gemm.
const avx2TNK = 192

func gemmTNAVX2(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
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
		gemmTNBlockAVX2(c, ldc, a[lo*lda:], lda, b[lo*ldb:], ldb, m, n, hi-lo, acc || i > 0)
	}
}

// gemmTNBlockAVX2 is the product with one block of k, cut like that of gemmBlockAVX2.
func gemmTNBlockAVX2(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	h := max(48, avx2Work/(k+n)/24*24)
	for i := 0; i < m; i += h {
		for j := 0; j < n; {
			cols, rows := avx2Panel(n - j)
			mask := avx2Mask(n-j, cols)
			gemmTNPanelAVX2(c[i*ldc+j:], ldc, a[i:], lda, b[j:], ldb, rows, cols, min(h, m-i), k, mask, acc)
			j += cols
		}
	}
}

// gemmTNPanelAVX2 is m columns of A times cols of B.
func gemmTNPanelAVX2(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, h, cols, m, k int, mask *[8]int32, acc bool) {
	most := max(1, avx2Call/(h*cols*k))
	for i := 0; i < m; {
		rows, tiles := tileRows(m-i, h)
		tiles = min(tiles, most)
		gemmTNF32AVX2Tile(rows, cols, &c[i*ldc], ldc, &a[i], lda, &b[0], ldb, k, tiles, mask, acc)
		i += rows * tiles
	}
}
