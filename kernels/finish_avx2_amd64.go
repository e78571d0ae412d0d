//go:build !noasm

package kernels

func avx2Finish() Finish { return Finish{BiasClip: biasClipAVX2, BiasAddClip: biasAddClipAVX2} }

func biasClipAVX2(y []float32, ld int, b []float32, m int, lo, hi float32) {
	c := len(b)
	checkMatrix(y, ld, m, c)
	for i := 0; i < m && c > 0; i += callRows(c) {
		biasClipF32AVX2Loop(&y[i*ld], &b[0], lo, hi, c, min(callRows(c), m-i), ld)
	}
}

func biasAddClipAVX2(y []float32, ld int, b, r []float32, m int, lo, hi float32) {
	c := len(b)
	checkMatrix(y, ld, m, c)
	checkMatrix(r, ld, m, c)
	for i := 0; i < m && c > 0; i += callRows(c) {
		biasAddClipF32AVX2Loop(&y[i*ld], &b[0], &r[i*ld], lo, hi, c, min(callRows(c), m-i), ld)
	}
}
