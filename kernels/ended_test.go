package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestEnded: the bits of the product and BiasClip one after the other, in C and nowhere else.
func TestEnded(t *testing.T) {
	for _, s := range Available() {
		t.Run(s.Name, func(t *testing.T) {
			for m := 1; m <= 17; m++ {
				for n := 1; n <= 50; n++ {
					checkEnded(t, s, m, n, (m*7+n*3)%21, m%3)
				}
			}
			for _, d := range [][3]int{{49, 96, 160}, {70, 40, 577}, {20, 56, 1024}, {130, 149, 300}, {100, 24, 1300}, {8, 72, 0}} {
				checkEnded(t, s, d[0], d[1], d[2], 0)
			}
			for n := 1; n <= 50; n++ {
				checkEndedRows(t, s, window(2, 1, 1, n%4+2, 3, 9), n%9+1, n)
			}
			checkEndedRows(t, s, window(3, 1, 1, 7, 7, 41), 40, 24)
			checkEndedRows(t, s, window(3, 2, 1, 7, 7, 150), 150, 53)
		})
	}
}

// TestEndedKeepsNaN: in a row of A, and in the bias.
func TestEndedKeepsNaN(t *testing.T) {
	const m, n, k = 9, 27, 5
	for _, s := range Available() {
		a, b, bias, c := make([]float32, m*k), make([]float32, k*n), make([]float32, n), make([]float32, m*n)
		a[3*k], bias[n-1] = float32(math.NaN()), float32(math.NaN())
		bp := make([]float32, s.PackSize(k, n))
		s.PackB(bp, b, n, k, n)
		s.GemmBiasClip(c, n, a, k, bp, bias, m, n, k, 0, 6)
		for i, v := range c {
			if nan := i/n == 3 || i%n == n-1; nan != (v != v) {
				t.Errorf("%s: element %d of row %d is %v", s.Name, i%n, i/n, v)
			}
		}
	}
}

func checkEnded(t *testing.T, s Set, m, n, k, pad int) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(m*1000+n), uint64(k)))
	a, b, c, bias := randomMatrix(r, m, k, pad), randomMatrix(r, k, n, pad), randomMatrix(r, m, n, pad+1), fencedCopy(values(r, n))
	bp := make([]float32, s.PackSize(k, n))
	s.PackB(bp, b.x, b.ld, k, n)
	for _, lo := range []float32{-0.5, float32(math.Inf(-1))} {
		want, got := c.clone(), c.clone()
		s.Gemm(want.x, want.ld, a.x, a.ld, bp, m, n, k, false)
		s.BiasClip(want.x, want.ld, bias.x, m, lo, 2)
		s.GemmBiasClip(got.x, got.ld, a.x, a.ld, bp, bias.x, m, n, k, lo, 2)
		got.checkIs(t, fmt.Sprintf("%s %dx%dx%d pad %d lo %v", s.Name, m, n, k, pad, lo), want)
	}
}

func checkEndedRows(t *testing.T, s Set, rows *Rows, k, n int) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(k), uint64(n)))
	x, total, first := fencedCopy(values(r, rows.max+k)), rows.Taps*k, rows.Len/3
	m := rows.Len - first
	b, c, bias := randomMatrix(r, total, n, 0), randomMatrix(r, m, n, 2), fencedCopy(values(r, n))
	bp := make([]float32, s.PackSize(total, n))
	s.PackB(bp, b.x, b.ld, total, n)
	want, got := c.clone(), c.clone()
	s.GemmRows(want.x, want.ld, x.x, rows, first, bp, m, n, k, false)
	s.BiasClip(want.x, want.ld, bias.x, m, -1, 1)
	s.GemmRowsBiasClip(got.x, got.ld, x.x, rows, first, bp, bias.x, m, n, k, -1, 1)
	got.checkIs(t, fmt.Sprintf("%s rows %d of %d×%d to %d", s.Name, m, rows.Taps, k, n), want)
}
