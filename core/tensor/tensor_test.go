package tensor

import (
	"math"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	gorgonia "gorgonia.org/tensor"
)

func TestShapeRefusesOverflow(t *testing.T) {
	for _, s := range []Shape{{1 << 31}, {1 << 32, 1 << 31}, {math.MaxInt, 2}, {0}, {3, -1}} {
		if s.Check() == nil {
			t.Errorf("%v passed", s)
		}
	}
	if got := (Shape{8, 56, 56, 64}).String(); got != "8×56×56×64" {
		t.Errorf("String() = %q", got)
	}
}

func TestFloatsAreAligned(t *testing.T) {
	for n := range 200 {
		f := Floats(n)
		if len(f) != n || cap(f) != n {
			t.Fatalf("Floats(%d) has length %d, capacity %d", n, len(f), cap(f))
		}
		if n > 0 && uintptr(unsafe.Pointer(&f[0]))%Align != 0 {
			t.Fatalf("Floats(%d) is not aligned", n)
		}
	}
	for _, n := range []int{hugePage / 2, hugePage/2 + 5, 3 * hugePage} {
		if f := Floats(n); len(f) != n || cap(f) != n || uintptr(unsafe.Pointer(&f[0]))%hugePage != 0 {
			t.Fatalf("Floats(%d) has length %d, capacity %d, and begins at %p, want it on a huge page", n, len(f), cap(f), &f[0])
		}
	}
}

func TestEngineRunsOurKernels(t *testing.T) {
	a := Wrap([]float32{1, 2, 3, 4, 5, 6}, Shape{2, 3})
	b := Wrap([]float32{1, 0, 0, 1, 1, 1}, Shape{3, 2})
	c, err := a.MatMul(b)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	want(t, c, 4, 5, 10, 11)
	x := Wrap([]float32{1, 1, 1}, Shape{3})
	y, err := a.MatVecMul(x)
	if err != nil {
		t.Fatal(err)
	}
	want(t, y, 6, 15)
	sum, err := a.Add(a)
	if err != nil {
		t.Fatal(err)
	}
	want(t, sum, 2, 4, 6, 8, 10, 12)
	half, err := a.MulScalar(float32(0.5), true)
	if err != nil {
		t.Fatal(err)
	}
	want(t, half, .5, 1, 1.5, 2, 2.5, 3)
	inv, err := a.DivScalar(float32(6), false)
	if err != nil {
		t.Fatal(err)
	}
	want(t, inv, 6, 3, 2, 1.5, 1.2, 1)
}

func TestEngineFailsLoudly(t *testing.T) {
	a := Wrap([]float32{1, 2}, Shape{2})
	if _, err := gorgonia.Exp(a); err == nil {
		t.Error("an operation that the engine lacks ran")
	}
}

func TestWrapSharesMemory(t *testing.T) {
	v := Floats(4)
	d := Wrap(v, Shape{2, 2})
	v[3] = 7
	want(t, d, 0, 0, 0, 7)
}

func TestValuesGuards(t *testing.T) {
	f64 := gorgonia.New(gorgonia.WithShape(2), gorgonia.WithBacking([]float64{1, 2}))
	if _, _, err := Values(f64); err == nil || !strings.Contains(err.Error(), "float64") {
		t.Errorf("float64: %v", err)
	}
	m := gorgonia.New(gorgonia.WithShape(3, 3), gorgonia.WithBacking(make([]float32, 9)))
	view, _ := m.Slice(nil, gorgonia.S(0, 2))
	if _, _, err := Values(view.(*gorgonia.Dense)); err == nil {
		t.Error("a view with gaps passed")
	}
	col := gorgonia.New(gorgonia.WithShape(2, 3), gorgonia.AsFortran([]float32{1, 2, 3, 4, 5, 6}))
	if _, _, err := Values(col); err == nil {
		t.Error("column-major order passed")
	}
}

func want(t *testing.T, d *gorgonia.Dense, v ...float32) {
	t.Helper()
	got, _, err := Values(d)
	if err != nil {
		t.Fatal(err)
	}
	for i := range v {
		if math.Abs(float64(got[i]-v[i])) > 1e-6 {
			t.Fatalf("got %v, want %v", got, v)
		}
	}
}
