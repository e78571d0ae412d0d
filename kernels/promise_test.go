package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestBitsOfAnElement: an element of C has the same bits whatever rows and columns the call had,
// so that work may be split between threads anywhere.
func TestBitsOfAnElement(t *testing.T) {
	const m, n, k = 29, 59, 700
	r := rand.New(rand.NewPCG(3, 1))
	a, b := randomMatrix(r, m, k, 0), randomMatrix(r, k, n, 0)
	at := a.transposed(0)
	for _, s := range Available() {
		bp := make([]float32, s.PackSize(k, n))
		s.PackB(bp, b.x, n, k, n)
		nn, tn := make([]float32, m*n), make([]float32, m*n)
		s.Gemm(nn, n, a.x, k, bp, m, n, k, false)
		s.GemmTN(tn, n, at.x, m, b.x, n, m, n, k, false)
		for i := range m {
			got := make([]float32, m*n)
			s.Gemm(got, n, a.x[i*k:], k, bp, m-i, n, k, false)
			checkSame(t, fmt.Sprintf("%s Gemm from row %d", s.Name, i), got[:(m-i)*n], nn[i*n:])
			clear(got)
			s.GemmTN(got, n, at.x[i:], m, b.x, n, m-i, n, k, false)
			checkSame(t, fmt.Sprintf("%s GemmTN from row %d", s.Name, i), got[:(m-i)*n], tn[i*n:])
		}
		for j := range n {
			s.PackB(bp, b.x[j:], n, k, n-j)
			got := make([]float32, m*n)
			s.Gemm(got, n, a.x, k, bp, m, n-j, k, false)
			for i := range m {
				checkSame(t, fmt.Sprintf("%s Gemm from column %d", s.Name, j), got[i*n:][:n-j], nn[i*n+j:])
			}
		}
	}
}

// TestNaNOfProducts: a NaN reaches its row and column and no other, padding or not.
func TestNaNOfProducts(t *testing.T) {
	const m, n, k = 14, 21, 9
	for _, s := range Available() {
		for i := range m {
			j := (i * 5) % n
			r := rand.New(rand.NewPCG(3, 2))
			a, b := randomMatrix(r, m, k, 0), randomMatrix(r, k, n, 0)
			a.x[i*k+3], b.x[4*n+j] = float32(math.NaN()), float32(math.Inf(1))
			at, w := a.transposed(0), b.transposed(0)
			bp, nn, tn := make([]float32, s.PackSize(k, n)), make([]float32, m*n), make([]float32, m*n)
			s.PackBT(bp, w.x, k, k, n)
			s.Gemm(nn, n, a.x, k, bp, m, n, k, false)
			s.GemmTN(tn, n, at.x, m, b.x, n, m, n, k, false)
			for e, c := range [][]float32{nn, tn} {
				for at, v := range c {
					row, col := at/n, at%n
					if (v != v) != (row == i) || math.IsInf(float64(v), 0) != (col == j && row != i) {
						t.Fatalf("%s product %d with NaN in row %d and Inf in column %d: element %d,%d is %v", s.Name, e, i, j, row, col, v)
					}
				}
			}
		}
	}
}

// TestEmpty: nothing to do is done without looking at any slice.
func TestEmpty(t *testing.T) {
	for _, s := range Available() {
		for _, d := range [][3]int{{0, 0, 0}, {0, 5, 400}, {5, 0, 400}, {0, 0, 400}} {
			bp := make([]float32, s.PackSize(d[2], d[1]))
			s.Gemm(nil, 5, make([]float32, d[0]*d[2]), d[2], bp, d[0], d[1], d[2], false)
			s.GemmTN(nil, 5, make([]float32, d[0]*d[2]), d[0], make([]float32, d[1]*d[2]), d[1], d[0], d[1], d[2], true)
			s.GemmNT64(nil, 5, make([]float64, d[0]*d[2]), d[2], make([]float64, d[1]*d[2]), d[2], d[0], d[1], d[2], true)
		}
		c := []float32{1, 2, 3, 4}
		s.Gemm(c, 2, nil, 0, nil, 2, 2, 0, true)
		s.GemmTN(c, 2, nil, 2, nil, 2, 2, 2, 0, true)
		checkSame(t, s.Name+" k = 0 with acc", c, []float32{1, 2, 3, 4})
		s.Gemm(c, 2, nil, 0, nil, 2, 2, 0, false)
		checkSame(t, s.Name+" k = 0", c, make([]float32, 4))
		s.ScaleShift(nil, nil, nil, nil)
		s.AddRow(nil, nil, nil)
		s.ColSum(nil, nil)
		s.ColSum(c, nil)
		s.ColDot(c, nil, nil)
		checkSame(t, s.Name+" sums of no rows", c, make([]float32, 4))
	}
}

// TestShortSlices: a slice that does not hold its matrix panics in Go, before assembly writes.
func TestShortSlices(t *testing.T) {
	const m, n, k = 7, 19, 12
	x, x64 := make([]float32, 1000), make([]float64, 1000)
	short := func(n int) []float32 { return x[: n-1 : n-1] }
	short64 := func(n int) []float64 { return x64[: n-1 : n-1] }
	off := []int{0, n}
	for _, s := range Available() {
		bp := make([]float32, s.PackSize(k, n))
		for name, call := range map[string]func(){
			"Gemm c":           func() { s.Gemm(short(m*n), n, x, k, bp, m, n, k, false) },
			"Gemm a":           func() { s.Gemm(x, n, short(m*k), k, bp, m, n, k, false) },
			"Gemm bp":          func() { s.Gemm(x, n, x, k, short(len(bp)), m, n, k, false) },
			"GemmTN c":         func() { s.GemmTN(short(m*n), n, x, m, x, n, m, n, k, false) },
			"GemmTN a":         func() { s.GemmTN(x, n, short(m*k), m, x, n, m, n, k, false) },
			"GemmTN b":         func() { s.GemmTN(x, n, x, m, short(k*n), n, m, n, k, false) },
			"GemmNT64 c":       func() { s.GemmNT64(short64(m*n), n, x64, k, x64, k, m, n, k, false) },
			"GemmNT64 a":       func() { s.GemmNT64(x64, n, short64(m*k), k, x64, k, m, n, k, false) },
			"GemmNT64 b":       func() { s.GemmNT64(x64, n, x64, k, short64(n*k), k, m, n, k, false) },
			"Gemv64 y":         func() { s.Gemv64(short64(m), x64, k, x64, m, k) },
			"Gemv64 a":         func() { s.Gemv64(x64, short64(m*k), k, x64, m, k) },
			"Gemv64 x":         func() { s.Gemv64(x64, x64, k, short64(k), m, k) },
			"PackB dst":        func() { s.PackB(short(len(bp)), x, n, k, n) },
			"PackBT w":         func() { s.PackBT(bp, short(k*n), k, k, n) },
			"DepthwiseRow x":   func() { s.DepthwiseRow(x, n, short((m+1)*n), n, x, off, m, n, false) },
			"DepthwiseRow y":   func() { s.DepthwiseRow(short(m*n), n, x, n, x, off, m, n, false) },
			"DepthwiseRow w":   func() { s.DepthwiseRow(x, n, x, n, short(2*n), off, m, n, false) },
			"DepthwiseGrad dw": func() { s.DepthwiseGrad(short(2*n), x, n, x, n, off, m, n) },
			"DepthwiseGrad dy": func() { s.DepthwiseGrad(x, short(m*n), n, x, n, off, m, n) },
			"Add":              func() { s.Add(x[:n], short(n), x) },
			"ClipGrad":         func() { s.ClipGrad(x[:n], x, short(n), 0, 6) },
			"ScaleShift":       func() { s.ScaleShift(short(m*n), x[:m*n], x[:n], x) },
			"Dot":              func() { s.Dot(x[:n], short(n)) },
			"SGD":              func() { s.SGD(x[:n], x, short(n), 0, 0, 0, 0) },
		} {
			if panicOf(call) == nil {
				t.Errorf("%s: %s one float too short did not panic", s.Name, name)
			}
		}
	}
}

// TestKernelsAllocateNothing runs the kernels that keep something on the stack.
func TestKernelsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("skipped: the race detector makes kernels allocate")
	}
	const m, n, k = 30, 21, 700
	x := make([]float32, m*k+k*n)
	x64, c64 := make([]float64, m*k), make([]float64, m*n)
	off := []int{0, 1, 2}
	for _, s := range Available() {
		c, bp := make([]float32, m*n), make([]float32, s.PackSize(k, n))
		if a := testing.AllocsPerRun(5, func() {
			s.PackB(bp, x, n, k, n)
			s.PackBT(bp, x, k, k, n)
			s.Gemm(c, n, x, k, bp, m, n, k, false)
			s.GemmTN(c, n, x, m, x, n, m, n, k, true)
			s.GemmNT64(c64, n, x64, k, x64, k, m, n, k, true)
			s.DepthwiseRow(c, n, x, n, x, off, m, n, false)
			s.DepthwiseGrad(c, x, n, x, n, off, m, n)
			s.ColSum(c[:n], x)
			s.ColDot(c[:n], x, x)
			s.ScaleShift(x, x, c[:n], c)
			s.AdamW(c, x, c, c, 0, 0, 0, 0, 0, 1, 1, 1)
		}); a != 0 {
			t.Errorf("%s allocates %v times", s.Name, a)
		}
	}
}
