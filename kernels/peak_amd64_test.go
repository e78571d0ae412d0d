//go:build !noasm

package kernels

// measuredPeak is 24 multiply-adds of 16 floats a turn, or 12 of 8.
func measuredPeak() float64 {
	if Best().Name == "avx512" {
		return PeakGFLOPS(peakF32AVX512, 24*16*2)
	}
	return PeakGFLOPS(peakF32AVX2, 12*8*2)
}
