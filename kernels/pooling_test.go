package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// poolCase is a row of windows: pixels at stride ys, windows at stride xs with taps at off.
type poolCase struct{ n, c, ys, xs, taps int }

func poolCases() (cases []poolCase) {
	for c := range 40 {
		cases = append(cases, poolCase{1, c, c, c, 1}, poolCase{3, c, c + 2, c + 1, 4})
	}
	for c := 1; c < 140; c += 23 {
		cases = append(cases, poolCase{5, c, c, 2 * c, 9})
	}
	return append(cases, poolCase{0, 8, 8, 8, 1}, poolCase{2, 65, 65, 65, MaxPoolTaps}, poolCase{900, 33, 33, 33, 9})
}

// offsets are not in order, and windows overlap.
func (d poolCase) offsets() (off []int) {
	for t := range d.taps {
		off = append(off, t*7%d.taps*d.c)
	}
	return off
}

func (d poolCase) String() string {
	return fmt.Sprintf("%d pixels of %d channels, %d taps", d.n, d.c, d.taps)
}

// extent is the length of n pixels of c channels, a stride apart, and what lies behind one.
func extent(n, c, stride, more int) int {
	if n == 0 || c == 0 {
		return 0
	}
	return (n-1)*stride + c + more
}

// fewValues has many equal ones, so that the first maximum differs from the last, and some NaN.
func fewValues(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.IntN(5)) - 2
		switch r.IntN(60) {
		case 0:
			x[i] = float32(math.NaN())
		case 1:
			x[i] = float32(math.Inf(-1))
		}
	}
	return x
}

// firstMaximum is the tap that element j of pixel p takes its maximum from.
func (d poolCase) firstMaximum(x []float32, off []int, p, j int) int {
	best := 0
	for t, o := range off {
		top := float64(x[p*d.xs+off[best]+j])
		if v := float64(x[p*d.xs+o+j]); !math.IsNaN(top) && (math.IsNaN(v) || v > top) {
			best = t
		}
	}
	return best
}

func TestMaxPool(t *testing.T) {
	for _, s := range Available() {
		r := rand.New(rand.NewPCG(4, 1))
		for _, d := range poolCases() {
			off := d.offsets()
			x := fencedCopy(fewValues(r, extent(d.n, d.c, d.xs, slices.Max(off))))
			y, index := fenced(extent(d.n, d.c, d.ys, 0)), make([]uint8, extent(d.n, d.c, d.ys, 0)+16)
			for i := range index {
				index[i] = 77
			}
			s.MaxPool(y.x, d.ys, x.x, d.xs, off, d.n, d.c)
			s.MaxPoolIndex(index[8:len(index)-8], d.ys, x.x, d.xs, off, d.n, d.c)
			y.checkFence(t, s.Name+" MaxPool")
			for i := range y.x {
				p, j := i/max(d.ys, 1), i%max(d.ys, 1)
				if j >= d.c {
					if !isCanary(y.x[i]) || index[8+i] != 77 {
						t.Fatalf("%s MaxPool of %v: wrote between the pixels", s.Name, d)
					}
					continue
				}
				best := d.firstMaximum(x.x, off, p, j)
				want := x.x[p*d.xs+off[best]+j]
				if int(index[8+i]) != best || y.x[i] != want && want == want || (y.x[i] == y.x[i]) != (want == want) {
					t.Fatalf("%s MaxPool of %v: pixel %d, channel %d is %v from tap %d, want %v from %d", s.Name, d, p, j, y.x[i], index[8+i], want, best)
				}
			}
			for i := range 8 {
				if index[i] != 77 || index[len(index)-1-i] != 77 {
					t.Fatalf("%s MaxPoolIndex of %v: wrote outside of its bytes", s.Name, d)
				}
			}
		}
	}
}

// TestMaxPoolGrad adds the gradients in parts of the taps, as rows of an image do.
func TestMaxPoolGrad(t *testing.T) {
	for _, s := range Available() {
		r := rand.New(rand.NewPCG(4, 2))
		for _, d := range poolCases() {
			off, size := d.offsets(), extent(d.n, d.c, d.ys, 0)
			dy, index := fencedCopy(values(r, size)), make([]uint8, size)
			for i := range index {
				index[i] = uint8(r.IntN(d.taps))
			}
			before := values(r, extent(d.n, d.c, d.xs, slices.Max(off)))
			dx, want := fencedCopy(before), slices.Clone(before)
			cut := d.taps / 2
			for _, part := range [][2]int{{0, cut}, {cut, d.taps}} {
				if part[0] == part[1] {
					continue
				}
				s.MaxPoolGrad(dx.x, d.xs, dy.x, index, d.ys, off[part[0]:part[1]], part[0], d.n, d.c)
				for p := range d.n {
					for j := range d.c {
						if k := int(index[p*d.ys+j]); k >= part[0] && k < part[1] {
							want[p*d.xs+off[k]+j] += dy.x[p*d.ys+j]
						}
					}
				}
			}
			dx.checkFence(t, s.Name+" MaxPoolGrad")
			checkSame(t, fmt.Sprintf("%s MaxPoolGrad of %v", s.Name, d), dx.x, want)
		}
	}
}

func TestAveragePool(t *testing.T) {
	const scale = 0.3
	for _, s := range Available() {
		r := rand.New(rand.NewPCG(4, 3))
		for _, d := range poolCases() {
			off := d.offsets()
			x, y := fencedCopy(values(r, extent(d.n, d.c, d.xs, slices.Max(off)))), fenced(extent(d.n, d.c, d.ys, 0))
			before := values(r, len(x.x))
			dx, want := fencedCopy(before), make([]float64, len(before))
			for i, v := range before {
				want[i] = float64(v)
			}
			s.AveragePool(y.x, d.ys, x.x, d.xs, off, scale, d.n, d.c)
			for p := range d.n {
				for j := range d.c {
					sum, size := 0.0, 0.0
					for _, o := range off {
						v := float64(x.x[p*d.xs+o+j])
						sum, size = sum+v, size+math.Abs(v)
						want[p*d.xs+o+j] += float64(float32(scale)) * float64(y.x[p*d.ys+j])
					}
					if far(y.x[p*d.ys+j], float64(float32(scale))*sum, float64(d.taps+2)*0x1p-24*size) {
						t.Fatalf("%s AveragePool of %v: pixel %d, channel %d is %v, want %v", s.Name, d, p, j, y.x[p*d.ys+j], scale*sum)
					}
				}
			}
			s.AveragePoolGrad(dx.x, d.xs, y.x, d.ys, off, scale, d.n, d.c)
			y.checkFence(t, s.Name+" AveragePool")
			dx.checkFence(t, s.Name+" AveragePoolGrad")
			for i, v := range dx.x {
				if far(v, want[i], 1e-4*(1+math.Abs(want[i]))) {
					t.Fatalf("%s AveragePoolGrad of %v: element %d is %v, want %v", s.Name, d, i, v, want[i])
				}
			}
		}
	}
}

// TestPoolingShortSlices: nothing is written past a slice, and no taps are a mistake.
func TestPoolingShortSlices(t *testing.T) {
	x, index := make([]float32, 100), make([]uint8, 100)
	short := x[: 3*8-1 : 3*8-1]
	for _, s := range Available() {
		for name, call := range map[string]func(){
			"MaxPool y":          func() { s.MaxPool(short, 8, x, 8, []int{0}, 3, 8) },
			"MaxPool x":          func() { s.MaxPool(x, 8, short[:23], 8, []int{0}, 3, 8) },
			"MaxPool offset":     func() { s.MaxPool(x, 8, x[:24:24], 8, []int{1}, 3, 8) },
			"MaxPool no taps":    func() { s.MaxPool(x, 8, x, 8, nil, 3, 8) },
			"MaxPoolIndex bytes": func() { s.MaxPoolIndex(index[:23:23], 8, x, 8, []int{0}, 3, 8) },
			"MaxPoolGrad bytes":  func() { s.MaxPoolGrad(x, 8, x, index[:23:23], 8, []int{0}, 0, 3, 8) },
			"MaxPoolGrad dx":     func() { s.MaxPoolGrad(short, 8, x, index, 8, []int{0}, 0, 3, 8) },
			"AveragePool before": func() { s.AveragePool(x, 8, x, 8, []int{-1}, 1, 3, 8) },
			"AveragePoolGrad dy": func() { s.AveragePoolGrad(x, 8, short, 8, []int{0}, 1, 3, 8) },
		} {
			if panicOf(call) == nil {
				t.Errorf("%s: %s did not panic", s.Name, name)
			}
		}
	}
}
