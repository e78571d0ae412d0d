package kernels

// gemmNT64 works on tiles of 2×4, like gemm, but reads the rows of B where they lie.
func gemmNT64(c []float64, ldc int, a []float64, lda int, b []float64, ldb int, m, n, k int, acc bool) {
	for i := 0; i < m; i += 2 {
		rows := min(2, m-i)
		a0, a1 := a[i*lda:][:k], a[(i+rows-1)*lda:][:k]
		for j := 0; j < n; j += 4 {
			cols := min(4, n-j)
			row := func(q int) []float64 { return b[(j+min(q, cols-1))*ldb:][:k] }
			t := products64(a0, a1, row(0), row(1), row(2), row(3))
			for r := range rows {
				store64(c[(i+r)*ldc+j:][:cols], t[4*r:], acc)
			}
		}
	}
}

// products64 are those of two rows with four.
func products64(a0, a1, b0, b1, b2, b3 []float64) [8]float64 {
	var c00, c01, c02, c03, c10, c11, c12, c13 float64
	a1, b0, b1, b2, b3 = a1[:len(a0)], b0[:len(a0)], b1[:len(a0)], b2[:len(a0)], b3[:len(a0)]
	for p, x := range a0 {
		y := a1[p]
		c00 += x * b0[p]
		c01 += x * b1[p]
		c02 += x * b2[p]
		c03 += x * b3[p]
		c10 += y * b0[p]
		c11 += y * b1[p]
		c12 += y * b2[p]
		c13 += y * b3[p]
	}
	return [8]float64{c00, c01, c02, c03, c10, c11, c12, c13}
}

// store64 is store in float64.
func store64(c, t []float64, acc bool) {
	for j := range c {
		if acc {
			c[j] += t[j]
		} else {
			c[j] = t[j]
		}
	}
}

// gemv64 goes by four rows, so that an addition need not wait for the one before.
func gemv64(y, a []float64, lda int, x []float64, m, k int) {
	x = x[:k]
	for i := 0; i < m; i += 4 {
		rows := min(4, m-i)
		row := func(q int) []float64 { return a[(i+min(q, rows-1))*lda:][:k] }
		a0, a1, a2, a3 := row(0), row(1), row(2), row(3)
		var sums [4]float64
		for p, v := range x {
			sums[0] += v * a0[p]
			sums[1] += v * a1[p]
			sums[2] += v * a2[p]
			sums[3] += v * a3[p]
		}
		copy(y[i:i+rows], sums[:])
	}
}
