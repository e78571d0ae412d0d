package kernels

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// gemmShapes are pixels × output channels × input channels (times taps): a large square, layers of
// ResNet-18 and of MobileNet v2, some also for a batch of 8.
var gemmShapes = [][3]int{
	{1024, 1024, 1024},
	{12544, 64, 147}, {3136, 64, 576}, {784, 128, 1152}, {196, 256, 2304}, {49, 512, 4608}, {1568, 256, 2304}, {392, 512, 4608},
	{12544, 96, 16}, {3136, 24, 96}, {3136, 144, 24}, {784, 32, 192}, {196, 384, 64}, {196, 96, 576}, {49, 960, 160}, {49, 1280, 320},
	{392, 960, 160}, {1568, 96, 576},
}

// moreShapes are what the others leave out: a fully connected layer, odd widths, 4 KiB rows.
var moreShapes = [][3]int{
	{1, 1000, 1280}, {8, 1000, 1280}, {12544, 8, 27}, {196, 88, 200}, {196, 512, 512}, {49, 1024, 1024}, {49, 160, 960},
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

// BenchmarkGemm reports GFLOP/s and the share of the peak that was measured between its rounds:
// run it with -benchtime 1x.
func BenchmarkGemm(b *testing.B) {
	benchGemm(b, func(s Set, c, a, bp, _ []float32, m, n, k int) { s.Gemm(c, n, a, k, bp, m, n, k, false) })
}

// BenchmarkGemmTN is the weight gradient of the same layers: its sums are over the pixels.
func BenchmarkGemmTN(b *testing.B) {
	benchGemm(b, func(s Set, c, a, _, x []float32, m, n, k int) { s.GemmTN(x, k, c, n, a, k, n, k, m, false) })
}

func benchGemm(b *testing.B, call func(s Set, c, a, bp, x []float32, m, n, k int)) {
	for _, s := range Available() {
		shares := 0.0
		for i, d := range append(gemmShapes, moreShapes...) {
			m, n, k := d[0], d[1], d[2]
			c, a, bp, x := written(m*n), written(m*k), written(s.PackSize(k, n)), written(n*k)
			b.Run(fmt.Sprintf("%s/%dx%dx%d", s.Name, m, n, k), func(b *testing.B) {
				share := benchRounds(b, s, 2*float64(m)*float64(n)*float64(k), func() { call(s, c, a, bp, x, m, n, k) })
				if i < len(gemmShapes) {
					shares += math.Log(share) / float64(len(gemmShapes))
				}
			})
		}
		b.Logf("%s: geometric mean of the shares of the %d shapes %.1f %%", s.Name, len(gemmShapes), 100*math.Exp(shares))
	}
}

// benchRounds runs rounds of at least 2 ms, in turns with rounds of the peak, so that what the
// machine does beside hits both alike. It reports the best and the median of the GFLOP/s and the
// median as a share of the median peak.
func benchRounds(b *testing.B, s Set, flops float64, call func()) (share float64) {
	const rounds = 41
	turns := max(1, 4_000_000/s.PeakFlops)
	var got, peak []float64
	for range rounds * b.N {
		peak = append(peak, benchRound(float64(turns*s.PeakFlops), func() { s.Peak(turns) }))
		got = append(got, benchRound(flops, call))
	}
	slices.Sort(got)
	slices.Sort(peak)
	median := got[len(got)/2]
	share = median / peak[len(peak)/2]
	b.ReportMetric(got[len(got)-1], "best")
	b.ReportMetric(median, "GFLOP/s")
	b.ReportMetric(100*share, "%peak")
	b.ReportMetric(0, "ns/op")
	return share
}

// benchRound is the GFLOP/s of calls for 2 ms.
func benchRound(flops float64, call func()) float64 {
	start, done := time.Now(), 0.0
	for done == 0 || time.Since(start) < 2*time.Millisecond {
		call()
		done += flops
	}
	return done / float64(time.Since(start))
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
