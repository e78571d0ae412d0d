//go:build !noasm

package kernels

// fetchAVX2 reads 64 KiB a call.
func fetchAVX2(x []float32) {
	for ; len(x) > loopFloats; x = x[loopFloats:] {
		fetchF32AVX2(&x[0], loopFloats/16)
	}
	if len(x) > 0 {
		fetchF32AVX2(&x[0], (len(x)+15)/16)
	}
}
