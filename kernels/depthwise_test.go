package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// row is one row of a depthwise convolution: n pixels of c channels, a stride of x and of y, and
// offsets of taps in any order, some of them the same.
type row struct {
	n, c, ys, xs int
	off          []int
}

func (w row) String() string {
	return fmt.Sprintf("%d pixels, %d channels, strides %d and %d, offsets %v", w.n, w.c, w.ys, w.xs, w.off)
}

func depthwiseRows() (all []row) {
	r := rand.New(rand.NewPCG(2, 1))
	for c := 1; c <= 35; c++ {
		for taps := range 27 {
			w := row{n: 1 + (taps+c)%6, c: c, ys: c + c%3, xs: c + 2*(c%2)}
			for range taps {
				w.off = append(w.off, r.IntN(3*w.xs))
			}
			all = append(all, w)
		}
	}
	for _, stride := range []int{1, 2} {
		for kh := 1; kh <= 5; kh++ {
			for kw := 1; kw <= 6; kw++ {
				w := row{n: 3 + (kh*5+kw)%11, c: 8 * (1 + kw%3), ys: 40, xs: 24 * stride}
				for t := range kh * kw {
					w.off = append(w.off, t/kw*1000+t%kw*24)
				}
				all = append(all, w)
			}
		}
	}
	for n := 1; n <= 13; n++ { // windows of three taps a row, strips and turns of all lengths
		for stride := 1; stride <= 2; stride++ {
			for c := 31; c <= 41; c += 5 {
				all = append(all, row{n: n, c: c, ys: c + 3, xs: c * stride, off: []int{5, 5 + c, 5 + 2*c, 1000, 1000 + c, 1000 + 2*c}},
					row{n: n, c: c, ys: c, xs: c * stride, off: []int{0, c, 2 * c, 700, 700 + c, 700 + 2*c, 1500, 1500 + c, 1500 + 2*c}})
			}
		}
	}
	return append(all,
		row{n: 56, c: 144, ys: 144, xs: 144, off: []int{0, 144, 288, 8352, 8496, 8640, 16704, 16848, 16992}},
		row{n: 28, c: 40, ys: 40, xs: 80, off: []int{0, 40, 80, 5000, 5040, 5080, 10000, 10040, 10080}},
		row{n: 5000, c: 17, ys: 17, xs: 17, off: []int{0, 17}},
		row{n: 2, c: 66000, ys: 66000, xs: 66000, off: []int{66000}},
		row{n: 0, c: 8, ys: 8, xs: 8, off: []int{0}})
}

// input is the x of a row: all of it that the taps reach.
func (w row) input(r *rand.Rand) fence {
	n := 0
	for _, o := range w.off {
		n = max(n, (w.n-1)*w.xs+o+w.c)
	}
	return fencedCopy(values(r, n))
}

func TestDepthwiseRow(t *testing.T) {
	for _, s := range Available() {
		r := rand.New(rand.NewPCG(2, 2))
		for _, w := range depthwiseRows() {
			for _, acc := range []bool{false, true} {
				checkDepthwiseRow(t, r, s, w, acc)
			}
		}
	}
}

func checkDepthwiseRow(t *testing.T, r *rand.Rand, s Set, w row, acc bool) {
	t.Helper()
	x, weights := w.input(r), fencedCopy(values(r, len(w.off)*w.c))
	before := randomMatrix(r, w.n, w.c, w.ys-w.c)
	y := before.clone()
	s.DepthwiseRow(y.x, w.ys, x.x, w.xs, weights.x, w.off, w.n, w.c, acc)
	var want, bound []float64
	for p := range w.n {
		for j := range w.c {
			var sum, abs float64
			if acc {
				sum = before.at(p, j)
			}
			for t, o := range w.off {
				v := float64(x.x[p*w.xs+o+j]) * float64(weights.x[t*w.c+j])
				sum, abs = sum+v, abs+math.Abs(v)
			}
			want, bound = append(want, sum), append(bound, float64(len(w.off)+2)*0x1p-24*(abs+math.Abs(before.at(p, j))))
		}
	}
	y.check(t, fmt.Sprintf("%s DepthwiseRow acc %v: %v", s.Name, acc, w), want, bound)
}

func TestDepthwiseGrad(t *testing.T) {
	for _, s := range Available() {
		r := rand.New(rand.NewPCG(2, 3))
		for _, w := range depthwiseRows() {
			checkDepthwiseGrad(t, r, s, w)
		}
	}
}

func checkDepthwiseGrad(t *testing.T, r *rand.Rand, s Set, w row) {
	t.Helper()
	x, dy := w.input(r), randomMatrix(r, w.n, w.c, w.ys-w.c)
	before := randomMatrix(r, len(w.off), w.c, 0)
	dw := before.clone()
	s.DepthwiseGrad(dw.x, dy.x, w.ys, x.x, w.xs, w.off, w.n, w.c)
	var want, bound []float64
	for t, o := range w.off {
		for j := range w.c {
			sum := before.at(t, j)
			abs := math.Abs(sum)
			for p := range w.n {
				v := dy.at(p, j) * float64(x.x[p*w.xs+o+j])
				sum, abs = sum+v, abs+math.Abs(v)
			}
			want, bound = append(want, sum), append(bound, float64(w.n+2)*0x1p-24*abs)
		}
	}
	dw.check(t, fmt.Sprintf("%s DepthwiseGrad: %v", s.Name, w), want, bound)
}
