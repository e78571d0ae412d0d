package kernels

// The generic GEMM works on tiles of 2×4: eight accumulators, two values of A and four of B
// just fit the sixteen registers of the compiler. B is packed in panels of four columns, k rows
// each, the last panel filled with zeros.
const genericPanel = 4

func packSize(k, n int) int { return k * roundUp(n, genericPanel) }

// roundUp is the smallest multiple of step that is not below n.
func roundUp(n, step int) int { return (n + step - 1) / step * step }

func packB(dst, b []float32, ldb, k, n int) {
	for j := 0; j < n; j += genericPanel {
		w := min(genericPanel, n-j)
		for p := range k {
			row := dst[:genericPanel]
			clear(row[copy(row, b[p*ldb+j:][:w]):])
			dst = dst[genericPanel:]
		}
	}
}

func packBT(dst, w []float32, ldw, k, n int) {
	for j := 0; j < n; j += genericPanel {
		panel := dst[j*k:][:k*genericPanel]
		clear(panel)
		for i := range min(genericPanel, n-j) {
			for p, v := range w[(j+i)*ldw:][:k] {
				panel[p*genericPanel+i] = v
			}
		}
	}
}

func gemm(c []float32, ldc int, a []float32, lda int, bp []float32, m, n, k int, acc bool) {
	for i := 0; i < m; i += 2 {
		a0 := a[i*lda:][:k]
		a1, rows := a0, min(2, m-i)
		if rows == 2 {
			a1 = a[(i+1)*lda:][:k]
		}
		for j := 0; j < n; j += genericPanel {
			var t [2 * genericPanel]float32
			gemmTile(&t, a0, a1, bp[j*k:][:k*genericPanel])
			for r := range rows {
				store(c[(i+r)*ldc+j:][:min(genericPanel, n-j)], t[r*genericPanel:], acc)
			}
		}
	}
}

// gemmTile adds two rows of A times one panel: t[r*4+j] += Σ_p a_r[p]·bp[p*4+j].
func gemmTile(t *[2 * genericPanel]float32, a0, a1, bp []float32) {
	c00, c01, c02, c03, c10, c11, c12, c13 := t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]
	a1 = a1[:len(a0)]
	for p, x := range a0 {
		b, y := (*[genericPanel]float32)(bp), a1[p]
		bp = bp[genericPanel:]
		c00 += x * b[0]
		c01 += x * b[1]
		c02 += x * b[2]
		c03 += x * b[3]
		c10 += y * b[0]
		c11 += y * b[1]
		c12 += y * b[2]
		c13 += y * b[3]
	}
	*t = [...]float32{c00, c01, c02, c03, c10, c11, c12, c13}
}

// store puts a row of a tile into C, or adds it there.
func store(c, t []float32, acc bool) {
	if acc {
		add(c, c, t)
		return
	}
	copy(c, t)
}

// gemmTN adds one outer product of a row of A and a row of B at a time, over blocks of C that
// stay in the first-level cache.
func gemmTN(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	const rows, cols = 16, 256
	for i := 0; i < m; i += rows {
		for j := 0; j < n; j += cols {
			h, w := min(rows, m-i), min(cols, n-j)
			outer(c[i*ldc+j:], ldc, a, i, lda, b, j, ldb, h, w, k, acc)
		}
	}
}

// outer is the h×w block of C = Aᵀ·B at column i of A and j of B.
func outer(c []float32, ldc int, a []float32, i, lda int, b []float32, j, ldb int, h, w, k int, acc bool) {
	for r := 0; r < h && !acc; r++ {
		clear(c[r*ldc:][:w])
	}
	for p := range k {
		for r, s := range a[p*lda+i:][:h] {
			axpy(c[r*ldc:][:w], s, b[p*ldb+j:])
		}
	}
}
