//go:build !noasm

package kernels

func scaleShiftAVX512(y, x, scale, shift []float32) {
	c := len(scale)
	if c == 0 {
		return
	}
	y, shift = y[:len(x)], shift[:c]
	for rows, i := len(x)/c, 0; i < rows; i += callRows(c) {
		scaleShiftF32AVX512Loop(&y[i*c], &x[i*c], &scale[0], &shift[0], c, min(callRows(c), rows-i), c)
	}
}

func addRowAVX512(y, x, b []float32) {
	c := len(b)
	if c == 0 {
		return
	}
	y = y[:len(x)]
	for rows, i := len(x)/c, 0; i < rows; i += callRows(c) {
		addRowF32AVX512Loop(&y[i*c], &x[i*c], &b[0], c, min(callRows(c), rows-i), c)
	}
}

func mulRowAVX512(y, x, b []float32) {
	c := len(b)
	if c == 0 {
		return
	}
	y = y[:len(x)]
	for rows, i := len(x)/c, 0; i < rows; i += callRows(c) {
		mulRowF32AVX512Loop(&y[i*c], &x[i*c], &b[0], c, min(callRows(c), rows-i), c)
	}
}

// colSumAVX512 adds blocks of rows first: the error grows with the rows of a block and the number
// of blocks, not with their product.
func colSumAVX512(sum, x []float32) {
	c := len(sum)
	if c == 0 {
		return
	}
	var part [sumCols]float32
	for rows, i := len(x)/c, 0; i < rows; i += sumRows {
		for j := 0; j < c; j += sumCols {
			p := part[:min(sumCols, c-j)]
			clear(p)
			colSumBlockAVX512(p, x[i*c+j:], c, min(sumRows, rows-i))
			addAVX512(sum[j:][:len(p)], sum[j:], p)
		}
	}
}

// colSumBlockAVX512 adds the rows of len(sum) floats of x, ld apart.
func colSumBlockAVX512(sum, x []float32, ld, rows int) {
	if q := rows / 4; q > 0 {
		colSum4F32AVX512Loop(&sum[0], &x[0], &x[ld], &x[2*ld], &x[3*ld], len(sum), q, 4*ld)
	}
	for i := rows &^ 3; i < rows; i++ {
		addAVX512(sum, sum, x[i*ld:])
	}
}

func colDotAVX512(sum, x, y []float32) {
	c := len(sum)
	if c == 0 {
		return
	}
	y = y[:len(x)]
	var part [sumCols]float32
	for rows, i := len(x)/c, 0; i < rows; i += sumRows {
		for j := 0; j < c; j += sumCols {
			p := part[:min(sumCols, c-j)]
			clear(p)
			colDotBlockAVX512(p, x[i*c+j:], y[i*c+j:], c, min(sumRows, rows-i))
			addAVX512(sum[j:][:len(p)], sum[j:], p)
		}
	}
}

func colDotBlockAVX512(sum, x, y []float32, ld, rows int) {
	if q := rows / 2; q > 0 {
		colDot2F32AVX512Loop(&sum[0], &x[0], &x[ld], &y[0], &y[ld], len(sum), q, 2*ld)
	}
	if rows%2 == 1 {
		mulAddAVX512(sum, x[(rows-1)*ld:], y[(rows-1)*ld:])
	}
}

func sumAVX512(x []float32) (s float64) {
	for i := 0; i < len(x); i += loopFloats {
		s += sumF32AVX512Loop(&x[i], min(loopFloats, len(x)-i))
	}
	return s
}

func sumSqAVX512(x []float32) (s float64) {
	for i := 0; i < len(x); i += loopFloats {
		s += sumSqF32AVX512Loop(&x[i], min(loopFloats, len(x)-i))
	}
	return s
}

func dotAVX512(x, y []float32) (s float64) {
	y = y[:len(x)]
	for i := 0; i < len(x); i += loopFloats {
		s += dotF32AVX512Loop(&x[i], &y[i], min(loopFloats, len(x)-i))
	}
	return s
}

// adamWStepAVX512 works out what is the same for every weight.
func adamWStepAVX512(w, g, m, v []float32, lr, beta1, beta2, eps, decay, c1, c2, scale float32) {
	adamWAVX512(w, g, m, v, lr, beta1, 1-beta1, beta2, 1-beta2, eps, decay, 1/c1, 1/c2, scale)
}
