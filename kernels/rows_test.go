package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// window is the table of a square convolution over images of h×w pixels of ld floats, with
// padding, so that taps lie outside on all sides.
func window(size, stride, pad, h, w, ld int) *Rows {
	oh, ow := (h+2*pad-size)/stride+1, (w+2*pad-size)/stride+1
	return NewRows(oh*ow, size*size, func(row, tap int) int {
		y, x := row/ow*stride+tap/size-pad, row%ow*stride+tap%size-pad
		if y < 0 || y >= h || x < 0 || x >= w {
			return -1
		}
		return (y*w + x) * ld
	})
}

// spread is the matrix that a table stands for.
func spread(x []float32, rows *Rows, k int) matrix {
	m := newMatrix(rows.Len, rows.Taps*k, 0)
	for i := range rows.Len {
		for t := range rows.Taps {
			dst := m.x[i*m.ld+t*k:][:k]
			clear(dst)
			if o := rows.off[t*rows.Len+i]; o >= 0 {
				copy(dst, x[o:][:k])
			}
		}
	}
	return m
}

// TestImplicit compares the products by rows with float64 on the spread-out matrix, and with the bits
// of the products that take it.
func TestImplicit(t *testing.T) {
	for _, s := range Available() {
		t.Run(s.Name, func(t *testing.T) {
			for k := 1; k <= 21; k++ {
				checkRows(t, s, window(3, 1, 1, 4, 5, k+k%3), k, (k*7)%50+1)
			}
			for n := 1; n <= 50; n++ {
				checkRows(t, s, window(2, 1, 1, n%4+2, 3, 9), n%9+1, n)
			}
			checkRows(t, s, window(3, 2, 1, 7, 7, 41), 40, 24)
			checkRows(t, s, window(3, 1, 1, 7, 7, 150), 150, 20)
			checkRows(t, s, window(3, 1, 1, 16, 15, 72), 72, 40)
			checkRows(t, s, window(1, 1, 0, 15, 14, 700), 700, 17)
			checkRows(t, s, window(5, 1, 2, 3, 70, 3), 3, 8)
		})
	}
}

func checkRows(t *testing.T, s Set, rows *Rows, k, n int) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(k), uint64(n)))
	x := fenced(rows.max + k)
	copy(x.x, values(r, len(x.x)))
	all := spread(x.x, rows, k)
	for _, first := range []int{0, rows.Len / 3} {
		a := matrix{fence{x: all.x[first*all.ld:], all: all.all}, rows.Len - first, all.cols, all.ld}
		name := fmt.Sprintf("%s %d rows from %d of %d×%d to %d", s.Name, a.rows, first, rows.Taps, k, n)
		for _, acc := range []bool{false, true} {
			checkGemmRows(t, s, r, name, a, x.x, rows, first, k, n, acc)
			checkGemmTNRows(t, s, r, name, a, x.x, rows, first, k, n, acc)
		}
	}
}

func checkGemmRows(t *testing.T, s Set, r *rand.Rand, name string, a matrix, x []float32, rows *Rows, first, k, n int, acc bool) {
	t.Helper()
	b, got := randomMatrix(r, a.cols, n, 1), randomMatrix(r, a.rows, n, 3)
	bp := make([]float32, s.PackSize(a.cols, n))
	s.PackB(bp, b.x, b.ld, a.cols, n)
	want, bound := product(a, b, got, acc)
	same := got.clone()
	s.Gemm(same.x, same.ld, a.x, a.ld, bp, a.rows, n, a.cols, acc)
	s.GemmRows(got.x, got.ld, x, rows, first, bp, a.rows, n, k, acc)
	got.check(t, "GemmRows "+name, want, bound)
	checkSame(t, "GemmRows "+name, got.x, same.x)
}

func checkGemmTNRows(t *testing.T, s Set, r *rand.Rand, name string, all matrix, x []float32, rows *Rows, first, k, n int, acc bool) {
	t.Helper()
	from := r.IntN(rows.Taps * k)
	cols := 1 + r.IntN(rows.Taps*k-from)
	if n%3 == 0 {
		from, cols = from/k*k, k // a tap
	}
	name = fmt.Sprintf("%s, columns %d to %d", name, from, from+cols)
	b := matrix{fence{x: all.x[from:], all: all.all}, all.rows, cols, all.ld}
	a, got := randomMatrix(r, n, all.rows, 2), randomMatrix(r, n, cols, 3)
	at := a.transposed(1)
	want, bound := product(a, b, got, acc)
	same := got.clone()
	s.GemmTN(same.x, same.ld, at.x, at.ld, b.x, b.ld, n, cols, all.rows, acc)
	s.GemmTNRows(got.x, got.ld, at.x, at.ld, x, rows, first, k, from, n, cols, all.rows, acc)
	got.check(t, "GemmTNRows "+name, want, bound)
	checkSame(t, "GemmTNRows "+name, got.x, same.x)
}

// TestImplicitOutside: taps outside are zeros that need no input, and Inf times them is NaN.
func TestImplicitOutside(t *testing.T) {
	rows := NewRows(9, 2, func(_, _ int) int { return -7 })
	const n, k = 17, 600
	for _, s := range Available() {
		b, c, want := make([]float32, 2*k*n), make([]float32, 9*n), make([]float32, 9*n)
		b[2*k*n-1] = float32(math.Inf(1))
		bp := make([]float32, s.PackSize(2*k, n))
		s.PackB(bp, b, n, 2*k, n)
		s.Fill(c, 3)
		s.GemmRows(c, n, nil, rows, 0, bp, 9, n, k, false)
		for i, v := range c {
			if nan := i%n == n-1; nan != (v != v) || !nan && v != 0 {
				t.Fatalf("%s: element %d is %v, want 0 or, in the column with Inf, NaN", s.Name, i, v)
			}
		}
		s.Fill(c, 3)
		s.GemmTNRows(c, n, b, 9, nil, rows, 0, n, 3, 9, n, 9, false)
		checkSame(t, s.Name+" GemmTNRows", c, want)
	}
}

// TestImplicitChecks: what lies outside of the table or the slice panics in Go.
func TestImplicitChecks(t *testing.T) {
	rows := window(3, 1, 1, 4, 4, 5)
	x := make([]float32, 1000)
	short := func(n int) []float32 { return x[: n-1 : n-1] }
	for _, s := range Available() {
		for name, call := range map[string]func(){
			"GemmRows a":         func() { s.GemmRows(x, 8, short(16*5), rows, 0, x, 16, 8, 5, false) },
			"GemmRows c":         func() { s.GemmRows(short(16*8), 8, x, rows, 0, x, 16, 8, 5, false) },
			"GemmRows bp":        func() { s.GemmRows(x, 8, x, rows, 0, short(9*5*8), 16, 8, 5, false) },
			"GemmRows rows":      func() { s.GemmRows(x, 8, x, rows, 1, x, 16, 8, 5, false) },
			"GemmRows first":     func() { s.GemmRows(x, 8, x, rows, -1, x, 16, 8, 5, false) },
			"GemmTNRows a":       func() { s.GemmTNRows(x, 5, short(16*8), 8, x, rows, 0, 5, 0, 8, 5, 16, false) },
			"GemmTNRows b":       func() { s.GemmTNRows(x, 5, x, 8, short(16*5), rows, 0, 5, 0, 8, 5, 16, false) },
			"GemmTNRows c":       func() { s.GemmTNRows(short(8*5), 5, x, 8, x, rows, 0, 5, 0, 8, 5, 16, false) },
			"GemmTNRows columns": func() { s.GemmTNRows(x, 5, x, 8, x, rows, 0, 5, 41, 8, 5, 16, false) },
			"GemmTNRows from":    func() { s.GemmTNRows(x, 5, x, 8, x, rows, 0, 5, -1, 8, 5, 16, false) },
			"NewRows of a giant": func() { NewRows(1, 1, func(_, _ int) int { return 1 << 31 }) },
		} {
			if panicOf(call) == nil {
				t.Errorf("%s: %s did not panic", s.Name, name)
			}
		}
	}
}

// TestImplicitAllocatesNothing runs both products.
func TestImplicitAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("skipped: the race detector makes kernels allocate")
	}
	rows := window(3, 1, 1, 7, 7, 24)
	x := make([]float32, 49*9*24)
	for _, s := range Available() {
		c, bp := make([]float32, 49*24), make([]float32, s.PackSize(9*24, 24))
		if a := testing.AllocsPerRun(5, func() {
			s.GemmRows(c, 24, x, rows, 0, bp, 49, 24, 24, true)
			s.GemmTNRows(c, 24, x, 24, x, rows, 0, 24, 90, 24, 24, 49, false)
		}); a != 0 {
			t.Errorf("%s allocates %v times", s.Name, a)
		}
	}
}
