//go:build !noasm

package kernels

func scaleShiftNEON(y, x, scale, shift []float32) {
	c := len(scale)
	if c == 0 {
		return
	}
	y, shift = y[:len(x)], shift[:c]
	for rows, i := len(x)/c, 0; i < rows; i += callRows(c) {
		scaleShiftF32NEONLoop(&y[i*c], &x[i*c], &scale[0], &shift[0], c, min(callRows(c), rows-i), c)
	}
}

func addRowNEON(y, x, b []float32) {
	c := len(b)
	if c == 0 {
		return
	}
	y = y[:len(x)]
	for rows, i := len(x)/c, 0; i < rows; i += callRows(c) {
		addRowF32NEONLoop(&y[i*c], &x[i*c], &b[0], c, min(callRows(c), rows-i), c)
	}
}

func mulRowNEON(y, x, b []float32) {
	c := len(b)
	if c == 0 {
		return
	}
	y = y[:len(x)]
	for rows, i := len(x)/c, 0; i < rows; i += callRows(c) {
		mulRowF32NEONLoop(&y[i*c], &x[i*c], &b[0], c, min(callRows(c), rows-i), c)
	}
}

// colSumNEON adds blocks of rows first: the error grows with the rows of a block and the number
// of blocks, not with their product.
func colSumNEON(sum, x []float32) {
	c := len(sum)
	if c == 0 {
		return
	}
	var part [sumCols]float32
	for rows, i := len(x)/c, 0; i < rows; i += sumRows {
		for j := 0; j < c; j += sumCols {
			p := part[:min(sumCols, c-j)]
			clear(p)
			colSumBlockNEON(p, x[i*c+j:], c, min(sumRows, rows-i))
			addNEON(sum[j:][:len(p)], sum[j:], p)
		}
	}
}

// colSumBlockNEON adds the rows of len(sum) floats of x, ld apart.
func colSumBlockNEON(sum, x []float32, ld, rows int) {
	if q := rows / 4; q > 0 {
		colSum4F32NEONLoop(&sum[0], &x[0], &x[ld], &x[2*ld], &x[3*ld], len(sum), q, 4*ld)
	}
	for i := rows &^ 3; i < rows; i++ {
		addNEON(sum, sum, x[i*ld:])
	}
}

func colDotNEON(sum, x, y []float32) {
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
			colDotBlockNEON(p, x[i*c+j:], y[i*c+j:], c, min(sumRows, rows-i))
			addNEON(sum[j:][:len(p)], sum[j:], p)
		}
	}
}

func colDotBlockNEON(sum, x, y []float32, ld, rows int) {
	if q := rows / 2; q > 0 {
		colDot2F32NEONLoop(&sum[0], &x[0], &x[ld], &y[0], &y[ld], len(sum), q, 2*ld)
	}
	if rows%2 == 1 {
		mulAddNEON(sum, x[(rows-1)*ld:], y[(rows-1)*ld:])
	}
}

func sumNEON(x []float32) (s float64) {
	for i := 0; i < len(x); i += loopFloats {
		s += sumF32NEONLoop(&x[i], min(loopFloats, len(x)-i))
	}
	return s
}

func sumSqNEON(x []float32) (s float64) {
	for i := 0; i < len(x); i += loopFloats {
		s += sumSqF32NEONLoop(&x[i], min(loopFloats, len(x)-i))
	}
	return s
}

func dotNEON(x, y []float32) (s float64) {
	y = y[:len(x)]
	for i := 0; i < len(x); i += loopFloats {
		s += dotF32NEONLoop(&x[i], &y[i], min(loopFloats, len(x)-i))
	}
	return s
}

// adamWStepNEON works out what is the same for every weight.
func adamWStepNEON(w, g, m, v []float32, lr, beta1, beta2, eps, decay, c1, c2, scale float32) {
	adamWNEON(w, g, m, v, lr, beta1, 1-beta1, beta2, 1-beta2, eps, decay, 1/c1, 1/c2, scale)
}
