//go:build !noasm

package kernels

func neonFinish() Finish { return Finish{BiasClip: biasClipNEON, BiasAddClip: biasAddClipNEON} }

func biasClipNEON(y []float32, ld int, b []float32, m int, lo, hi float32) {
	c := len(b)
	checkMatrix(y, ld, m, c)
	for i := 0; i < m && c > 0; i += callRows(c) {
		biasClipF32NEONLoop(&y[i*ld], &b[0], lo, hi, c, min(callRows(c), m-i), ld)
	}
}

func biasAddClipNEON(y []float32, ld int, b, r []float32, m int, lo, hi float32) {
	c := len(b)
	checkMatrix(y, ld, m, c)
	checkMatrix(r, ld, m, c)
	for i := 0; i < m && c > 0; i += callRows(c) {
		biasAddClipF32NEONLoop(&y[i*ld], &b[0], &r[i*ld], lo, hi, c, min(callRows(c), m-i), ld)
	}
}
