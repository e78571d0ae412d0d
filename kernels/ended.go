package kernels

// Ended are products that end a layer: with its bias and its clipping, in one pass over C where a set has
// that. The bits are those of one after the other.
type Ended struct {
	// GemmBiasClip is Gemm without acc, then BiasClip.
	GemmBiasClip func(c []float32, ldc int, a []float32, lda int, bp, bias []float32, m, n, k int, lo, hi float32)
	// GemmRowsBiasClip is GemmRows without acc, then BiasClip.
	GemmRowsBiasClip func(c []float32, ldc int, a []float32, rows *Rows, first int, bp, bias []float32, m, n, k int, lo, hi float32)
}

// apart is these of the set's own kernels, one after the other.
func (s Set) apart() Ended {
	return Ended{
		GemmBiasClip: func(c []float32, ldc int, a []float32, lda int, bp, bias []float32, m, n, k int, lo, hi float32) {
			s.Gemm(c, ldc, a, lda, bp, m, n, k, false)
			s.BiasClip(c, ldc, bias[:n], m, lo, hi)
		},
		GemmRowsBiasClip: func(c []float32, ldc int, a []float32, rows *Rows, first int, bp, bias []float32, m, n, k int, lo, hi float32) {
			s.GemmRows(c, ldc, a, rows, first, bp, m, n, k, false)
			s.BiasClip(c, ldc, bias[:n], m, lo, hi)
		},
	}
}
