package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// matrix64 is rows×cols in float64 with a gap of NaN behind each row.
type matrix64 struct {
	x              []float64
	rows, cols, ld int
}

func randomMatrix64(r *rand.Rand, rows, cols, pad int) matrix64 {
	m := matrix64{make([]float64, rows*(cols+pad)), rows, cols, cols + pad}
	for i := range m.x {
		m.x[i] = math.NaN()
		if i%m.ld < cols {
			m.x[i] = r.NormFloat64()
		}
	}
	return m
}

// TestGemmNT64 compares every set with sums in their order, on every size around the edges of tiles and panels.
func TestGemmNT64(t *testing.T) {
	for _, s := range Available() {
		t.Run(s.Name, func(t *testing.T) {
			for m := 1; m <= 10; m++ {
				for n := 1; n <= 26; n++ {
					checkGemmNT64(t, s, m, n, (m*7+n*3)%11, n%3)
				}
			}
			for _, d := range [][3]int{{300, 24, 5}, {5, 37, 300}, {9, 13, 128}, {9, 13, 129}, {1, 1, 1000}} {
				checkGemmNT64(t, s, d[0], d[1], d[2], 2)
			}
		})
	}
}

func checkGemmNT64(t *testing.T, s Set, m, n, k, pad int) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(m*1000+n), uint64(k)))
	a, b, before := randomMatrix64(r, m, k, pad), randomMatrix64(r, n, k, pad), randomMatrix64(r, m, n, pad)
	for _, acc := range []bool{false, true} {
		c := append([]float64(nil), before.x...)
		s.GemmNT64(c, before.ld, a.x, a.ld, b.x, b.ld, m, n, k, acc)
		for at, got := range c {
			i, j := at/before.ld, at%before.ld
			if j >= n {
				if got == got {
					t.Fatalf("%dx%dx%d acc %v: wrote %v behind row %d", m, n, k, acc, got, i)
				}
				continue
			}
			want, size := 0.0, 0.0
			if acc {
				want, size = before.x[at], math.Abs(before.x[at])
			}
			for p := range k {
				v := a.x[i*a.ld+p] * b.x[j*b.ld+p]
				want, size = want+v, size+math.Abs(v)
			}
			if !(math.Abs(got-want) <= float64(2*k+2)*0x1p-53*size) {
				t.Fatalf("%dx%dx%d acc %v: element %d,%d is %v, want %v", m, n, k, acc, i, j, got, want)
			}
		}
	}
}

// TestGemv64 compares every set with sums in their order.
func TestGemv64(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 2))
	for _, s := range Available() {
		for m := range 11 {
			for k := range 30 {
				a, x := randomMatrix64(r, m, k, m%3), randomMatrix64(r, 1, k, 0).x
				y := randomMatrix64(r, 1, m, 3).x
				s.Gemv64(y, a.x, a.ld, x, m, k)
				for i := range m {
					want, size := 0.0, 0.0
					for p, v := range x {
						want, size = want+v*a.x[i*a.ld+p], size+math.Abs(v*a.x[i*a.ld+p])
					}
					if !(math.Abs(y[i]-want) <= float64(2*k)*0x1p-53*size) {
						t.Fatalf("%s %dx%d: element %d is %v, want %v", s.Name, m, k, i, y[i], want)
					}
				}
				if y[m] == y[m] {
					t.Fatalf("%s %dx%d: wrote %v behind y", s.Name, m, k, y[m])
				}
			}
		}
	}
}

// TestBitsOfAnElement64: an element of C has the same bits whatever rows and columns the call had, and those of its
// mirror image.
func TestBitsOfAnElement64(t *testing.T) {
	const n, k = 29, 300
	x := randomMatrix64(rand.New(rand.NewPCG(3, 1)), n, k, 0).x
	for _, s := range Available() {
		whole := make([]float64, n*n)
		s.GemmNT64(whole, n, x, k, x, k, n, n, k, false)
		for i := range n {
			got := make([]float64, n)
			s.GemmNT64(got, n, x[i*k:], k, x, k, 1, n, k, false)
			for j, v := range got {
				if v != whole[i*n+j] || v != whole[j*n+i] {
					t.Fatalf("%s: element %d,%d is %v alone, %v and %v in a whole", s.Name, i, j, v, whole[i*n+j], whole[j*n+i])
				}
			}
		}
	}
}

// BenchmarkGemmNT64 is the product of rows with themselves: channels × images, and a step of an inverse.
func BenchmarkGemmNT64(b *testing.B) {
	for _, s := range Available() {
		for _, d := range [][2]int{{960, 200}, {960, 48}} {
			n, k := d[0], d[1]
			x := randomMatrix64(rand.New(rand.NewPCG(3, 1)), n, k, 0).x
			c := make([]float64, n*n)
			b.Run(fmt.Sprintf("%s/%dx%dx%d", s.Name, n, n, k), func(b *testing.B) {
				for b.Loop() {
					s.GemmNT64(c, n, x, k, x, k, n, n, k, true)
				}
				b.ReportMetric(2*float64(n*n*k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}
