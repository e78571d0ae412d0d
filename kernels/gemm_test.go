package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestGemm compares every set with float64 on every size around the edges of the tiles.
func TestGemm(t *testing.T) {
	for _, s := range Available() {
		t.Run(s.Name, func(t *testing.T) {
			for m := 1; m <= 17; m++ {
				for n := 1; n <= 50; n++ {
					k := (m*7 + n*3) % 21
					checkGemm(t, s, m, n, k, m%3, n%2)
				}
			}
			for k := range 21 {
				checkGemm(t, s, 13, 19, k, 0, 0)
				checkGemm(t, s, 1, 8, k, 5, 3)
			}
			for _, d := range [][3]int{{49, 96, 160}, {70, 40, 577}, {100, 24, 1300}, {1, 1000, 300}, {301, 16, 24}, {20, 56, 1024}, {1024, 50, 20}, {130, 1000, 9}} {
				checkGemm(t, s, d[0], d[1], d[2], 0, 0)
			}
		})
	}
}

// checkGemm runs both products, with B packed from either side, with and without acc. Leading
// dimensions are larger than the rows by padA and padC.
func checkGemm(t *testing.T, s Set, m, n, k, padA, padC int) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(m*1000+n), uint64(k)))
	a, b, c := randomMatrix(r, m, k, padA), randomMatrix(r, k, n, padA), randomMatrix(r, m, n, padC)
	bp, bpt := fenced(s.PackSize(k, n)), fenced(s.PackSize(k, n))
	s.PackB(bp.x, b.x, b.ld, k, n)
	w := b.transposed(padC)
	s.PackBT(bpt.x, w.x, w.ld, k, n)
	at := a.transposed(padC)
	for _, acc := range []bool{false, true} {
		name := fmt.Sprintf("%s %dx%dx%d lda %d ldc %d acc %v", s.Name, m, n, k, a.ld, c.ld, acc)
		want, bound := product(a, b, c, acc)
		got := c.clone()
		s.Gemm(got.x, got.ld, a.x, a.ld, bp.x, m, n, k, acc)
		got.check(t, "Gemm PackB "+name, want, bound)
		got = c.clone()
		s.Gemm(got.x, got.ld, a.x, a.ld, bpt.x, m, n, k, acc)
		got.check(t, "Gemm PackBT "+name, want, bound)
		got = c.clone()
		s.GemmTN(got.x, got.ld, at.x, at.ld, b.x, b.ld, m, n, k, acc)
		got.check(t, "GemmTN "+name, want, bound)
	}
	bp.checkFence(t, "PackB")
	bpt.checkFence(t, "PackBT")
}

// matrix is rows×cols with leading dimension ld. What lies between the rows and around the
// matrix is NaN: an output that reads it shows it, an output that writes it is caught.
type matrix struct {
	fence
	rows, cols, ld int
}

func newMatrix(rows, cols, pad int) matrix {
	ld := cols + pad
	return matrix{fenced(max(0, (rows-1)*ld+cols)), rows, cols, ld}
}

func randomMatrix(r *rand.Rand, rows, cols, pad int) matrix {
	m := newMatrix(rows, cols, pad)
	for i := range rows {
		for j := range cols {
			m.x[i*m.ld+j] = float32(r.NormFloat64())
		}
	}
	return m
}

func (m matrix) at(i, j int) float64 { return float64(m.x[i*m.ld+j]) }

func (m matrix) clone() matrix {
	c := newMatrix(m.rows, m.cols, m.ld-m.cols)
	copy(c.x, m.x)
	return c
}

func (m matrix) transposed(pad int) matrix {
	w := newMatrix(m.cols, m.rows, pad)
	for i := range m.rows {
		for j := range m.cols {
			w.x[j*w.ld+i] = m.x[i*m.ld+j]
		}
	}
	return w
}

// check compares with want within bound and looks for writes between the rows.
func (m matrix) check(t *testing.T, name string, want, bound []float64) {
	t.Helper()
	m.checkFence(t, name)
	for i := range len(m.x) {
		row, col := i/m.ld, i%m.ld
		if col >= m.cols {
			if !isCanary(m.x[i]) {
				t.Fatalf("%s: wrote %v after the end of row %d", name, m.x[i], row)
			}
			continue
		}
		e := row*m.cols + col
		if d := math.Abs(float64(m.x[i]) - want[e]); !(d <= bound[e]) {
			t.Fatalf("%s: element %d,%d is %v, want %v within %.2g", name, row, col, m.x[i], want[e], bound[e])
		}
	}
}

// checkIs compares with the bits of a matrix of the same place and size.
func (m matrix) checkIs(t *testing.T, name string, want matrix) {
	t.Helper()
	m.checkFence(t, name)
	checkSame(t, name, m.x, want.x)
}

// product is C + A·B or A·B in float64, and the bound (k+2)·2⁻²⁴·Σ|a·b| of the error of any
// order of float32 sums (Higham, Accuracy and Stability of Numerical Algorithms, eq. 3.5).
func product(a, b, c matrix, acc bool) (y, bound []float64) {
	for i := range a.rows {
		for j := range b.cols {
			var s, abs float64
			if acc {
				s = c.at(i, j)
				abs = math.Abs(s)
			}
			for p := range a.cols {
				v := a.at(i, p) * b.at(p, j)
				s, abs = s+v, abs+math.Abs(v)
			}
			y, bound = append(y, s), append(bound, float64(a.cols+2)*0x1p-24*abs)
		}
	}
	return y, bound
}
