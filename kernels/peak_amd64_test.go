//go:build !noasm

package kernels

// measuredPeak is 12 multiply-adds of 8 floats a turn.
func measuredPeak() float64 { return PeakGFLOPS(peakF32AVX2, 12*8*2) }
