//go:build !noasm && (amd64 || arm64)

package kernels

// tileRows says how the next rows of m are cut into tiles of at most h rows: tiles tiles of rows
// rows. A short rest would leave most of the accumulators idle, so it shares rows with up to two
// full tiles: 49 rows are six tiles of 6, one of 5 and two of 4.
func tileRows(m, h int) (rows, tiles int) {
	full, rest := m/h, m%h
	if rest == 0 {
		return h, full
	}
	shared := 0
	for shared < min(full, 2) && rest+shared*h < (shared+1)*((2*h+2)/3) {
		shared++
	}
	if full > shared {
		return h, full - shared
	}
	return (rest + shared*h + shared) / (shared + 1), 1
}

// blocks is the number of blocks of at most size that n is cut into.
func blocks(n, size int) int { return (n + size - 1) / size }

// checkMatrix panics if a matrix of the call does not fit its slice: assembly would not see it.
func checkMatrix[T float32 | float64](x []T, ld, rows, cols int) {
	if rows > 0 && cols > 0 {
		_ = x[(rows-1)*ld+cols-1]
	}
}

// checkTaps does the same for the input of a depthwise convolution.
func checkTaps(x []float32, xs int, off []int, n, c int) {
	for _, o := range off {
		checkMatrix(x[o:], xs, n, c)
	}
}

// zero is C = 0.
func zero[T float32 | float64](c []T, ldc, m, n int) {
	for i := range m {
		clear(c[i*ldc:][:n])
	}
}

// packPanel copies k rows of n floats, cols apart and filled up with zeros, and returns what
// follows in dst.
func packPanel(dst, b []float32, ldb, k, n, cols int) []float32 {
	for p := range k {
		row, src := dst[p*cols:][:cols], b[p*ldb:][:n]
		switch n {
		case 8:
			*(*[8]float32)(row) = [8]float32(src)
		case 16:
			*(*[16]float32)(row) = [16]float32(src)
		case 24:
			*(*[24]float32)(row) = [24]float32(src)
		default:
			clear(row[copy(row, src):])
		}
	}
	return dst[k*cols:]
}
