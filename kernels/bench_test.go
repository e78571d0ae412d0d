package kernels

import (
	"fmt"
	"testing"
)

// gemmShapes are pixels × output channels × input channels (times taps) of layers of MobileNet v2
// and ResNet-18, and a large square.
var gemmShapes = [][3]int{
	{1024, 1024, 1024},
	{12544, 96, 16}, {3136, 24, 96}, {3136, 144, 24}, {784, 32, 192}, {196, 384, 64}, {196, 96, 576},
	{49, 960, 160}, {49, 160, 960}, {49, 1280, 320},
	{3136, 64, 576}, {784, 128, 1152}, {49, 512, 4608},
	{12544, 8, 27}, {8, 1000, 1280}, {196, 88, 200},
}

// written is n floats that have been written to: fresh pages are all the same page of zeros,
// and reading one line through several addresses is slow.
func written(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%16) / 16
	}
	return x
}

func BenchmarkPeak(b *testing.B) {
	for _, s := range Available() {
		b.Run(s.Name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(s.PeakGFLOPS(), "GFLOP/s")
			}
		})
	}
}

func BenchmarkGemm(b *testing.B) {
	benchGemm(b, func(s Set, c, a, bp, _ []float32, m, n, k int) { s.Gemm(c, n, a, k, bp, m, n, k, false) })
}

// BenchmarkGemmTN is the weight gradient of the same layers: its sums are over the pixels.
func BenchmarkGemmTN(b *testing.B) {
	benchGemm(b, func(s Set, c, a, _, x []float32, m, n, k int) { s.GemmTN(x, k, c, n, a, k, n, k, m, false) })
}

func benchGemm(b *testing.B, call func(s Set, c, a, bp, x []float32, m, n, k int)) {
	for _, s := range Available() {
		for _, d := range gemmShapes {
			m, n, k := d[0], d[1], d[2]
			c, a, bp, x := written(m*n), written(m*k), written(s.PackSize(k, n)), written(n*k)
			b.Run(fmt.Sprintf("%s/%dx%dx%d", s.Name, m, n, k), func(b *testing.B) {
				for b.Loop() {
					call(s, c, a, bp, x, m, n, k)
				}
				flops := 2 * float64(m) * float64(n) * float64(k)
				b.ReportMetric(flops*float64(b.N)/float64(b.Elapsed()), "GFLOP/s")
			})
		}
	}
}

// BenchmarkPackBT is the packing of a weight: bytes read.
func BenchmarkPackBT(b *testing.B) {
	for _, s := range Available() {
		for _, d := range [][2]int{{24, 144}, {160, 960}, {1152, 128}} {
			k, n := d[0], d[1]
			w, bp := written(k*n), written(s.PackSize(k, n))
			b.Run(fmt.Sprintf("%s/T/%dx%d", s.Name, k, n), func(b *testing.B) {
				b.SetBytes(int64(4 * k * n))
				for b.Loop() {
					s.PackBT(bp, w, k, k, n)
				}
			})
			b.Run(fmt.Sprintf("%s/N/%dx%d", s.Name, k, n), func(b *testing.B) {
				b.SetBytes(int64(4 * k * n))
				for b.Loop() {
					s.PackB(bp, w, n, k, n)
				}
			})
		}
	}
}
