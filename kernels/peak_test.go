package kernels

import "testing"

// TestPeak: a set's own loops cannot pass its yardstick, and assembly passes plain Go.
func TestPeak(t *testing.T) {
	if testing.Short() {
		t.Skip("takes times")
	}
	const n = 96
	for _, s := range Available() {
		a, c := written(n*n), written(n*n)
		bp := make([]float32, s.PackSize(n, n))
		s.PackB(bp, a, n, n, n)
		gemm := Yardstick{Peak: func(turns int) {
			for range turns / 1024 {
				s.Gemm(c, n, a, n, bp, n, n, n, false)
			}
		}, PeakFlops: 2 * n * n * n / 1024}
		if peak, got := s.PeakGFLOPS(), gemm.PeakGFLOPS(); peak < 0.1 || got > 1.2*peak {
			t.Errorf("%s: Gemm does %.1f GFLOP/s of a peak of %.1f", s.Name, got, peak)
		}
	}
}
