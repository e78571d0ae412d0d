//go:build !noasm

package kernels

// endedAVX2 ends a tile while it is in registers.
func endedAVX2() Ended {
	return Ended{GemmBiasClip: gemmBiasClipAVX2, GemmRowsBiasClip: gemmRowsBiasClipAVX2}
}

func gemmBiasClipAVX2(c []float32, ldc int, a []float32, lda int, bp, bias []float32, m, n, k int, lo, hi float32) {
	gemmEndAVX2(c, ldc, a, lda, bp, m, n, k, false, gemmEnd{bias[:n], lo, hi})
	if k == 0 {
		biasClipAVX2(c, ldc, bias[:n], m, lo, hi)
	}
}

func gemmRowsBiasClipAVX2(c []float32, ldc int, a []float32, rows *Rows, first int, bp, bias []float32, m, n, k int, lo, hi float32) {
	gemmRowsEndAVX2(c, ldc, a, rows, first, bp, m, n, k, false, gemmEnd{bias[:n], lo, hi})
	if rows.Taps*k == 0 {
		biasClipAVX2(c, ldc, bias[:n], m, lo, hi)
	}
}
