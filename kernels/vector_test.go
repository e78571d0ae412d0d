package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// lengths are every size past twice the longest unrolling, and some that take several calls.
func lengths() (n []int) {
	for i := range 70 {
		n = append(n, i)
	}
	return append(n, 127, 1000, 16*1024, 2*16*1024+11)
}

// values are n normal numbers.
func values(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// elementwise is a kernel as a function of one element's operands: y before, a and b. size is
// the sum of the magnitudes that were added, which bounds the rounding.
type elementwise struct {
	name string
	call func(s Set, y, a, b []float32)
	want func(y, a, b float64) (v, size float64)
}

var elementwises = []elementwise{
	{"Fill", func(s Set, y, _, _ []float32) { s.Fill(y, 1.5) }, func(_, _, _ float64) (float64, float64) { return 1.5, 0 }},
	{"Add", func(s Set, y, a, b []float32) { s.Add(y, a, b) }, func(_, a, b float64) (float64, float64) { return a + b, math.Abs(a + b) }},
	{"Sub", func(s Set, y, a, b []float32) { s.Sub(y, a, b) }, func(_, a, b float64) (float64, float64) { return a - b, math.Abs(a - b) }},
	{"Mul", func(s Set, y, a, b []float32) { s.Mul(y, a, b) }, func(_, a, b float64) (float64, float64) { return a * b, math.Abs(a * b) }},
	{"Div", func(s Set, y, a, b []float32) { s.Div(y, a, b) }, func(_, a, b float64) (float64, float64) { return a / b, math.Abs(a / b) }},
	{"Scale", func(s Set, y, a, _ []float32) { s.Scale(y, -0.75, a) }, func(_, a, _ float64) (float64, float64) { return -0.75 * a, math.Abs(a) }},
	{"Axpy", func(s Set, y, a, _ []float32) { s.Axpy(y, 1.3, a) }, func(y, a, _ float64) (float64, float64) {
		return y + float64(float32(1.3))*a, math.Abs(y) + 2*math.Abs(a)
	}},
	{"MulAdd", func(s Set, y, a, b []float32) { s.MulAdd(y, a, b) }, func(y, a, b float64) (float64, float64) { return y + a*b, math.Abs(y) + 2*math.Abs(a*b) }},
	{"Clip", func(s Set, y, a, _ []float32) { s.Clip(y, a, -0.5, 0.75) }, func(_, a, _ float64) (float64, float64) { return min(max(a, -0.5), 0.75), 0 }},
	{"Clip relu", func(s Set, y, a, _ []float32) { s.Clip(y, a, 0, float32(math.Inf(1))) }, func(_, a, _ float64) (float64, float64) { return max(a, 0), 0 }},
	{"ClipGrad", func(s Set, y, a, b []float32) { s.ClipGrad(y, a, b, -0.5, 0.75) }, func(_, a, b float64) (float64, float64) {
		if b > -0.5 && b < 0.75 {
			return a, 0
		}
		return 0, 0
	}},
	{"MulClip", func(s Set, y, a, b []float32) { s.MulClip(y, a, b, -0.5, 0.75) }, func(_, a, b float64) (float64, float64) {
		v := a * min(max(b, -0.5), 0.75)
		return v, math.Abs(v)
	}},
	{"DivClip", func(s Set, y, a, b []float32) { s.DivClip(y, a, b, 0.5, 0.75) }, func(_, a, b float64) (float64, float64) {
		v := a / min(max(b, 0.5), 0.75)
		return v, math.Abs(v)
	}},
	{"Abs", func(s Set, y, a, _ []float32) { s.Abs(y, a) }, func(_, a, _ float64) (float64, float64) { return math.Abs(a), 0 }},
	{"MulSigned", func(s Set, y, a, b []float32) { s.MulSigned(y, y, a, b) }, func(y, a, b float64) (float64, float64) {
		v := y*max(b, 0) + a*min(b, 0)
		return v, math.Abs(v)
	}},
}

func TestElementwise(t *testing.T) {
	for _, s := range Available() {
		for _, e := range elementwises {
			t.Run(s.Name+"/"+e.name, func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, 2))
				for _, n := range lengths() {
					a, b, before := fencedCopy(values(r, n)), fencedCopy(values(r, n)), values(r, n)
					y := fencedCopy(before)
					e.call(s, y.x, a.x, b.x)
					y.checkFence(t, fmt.Sprintf("%s of %d", e.name, n))
					for i, v := range y.x {
						if want, size := e.want(float64(before[i]), float64(a.x[i]), float64(b.x[i])); far(v, want, 0x1p-23*size) {
							t.Fatalf("%s of %d, element %d is %v, want %v", e.name, n, i, v, want)
						}
					}
				}
			})
		}
	}
}

// far reports that got is not within bound of want, or not a number.
func far(got float32, want, bound float64) bool { return !(math.Abs(float64(got)-want) <= bound) }

// TestElementwiseInPlace lets the output be an input, as ops that work in place do.
func TestElementwiseInPlace(t *testing.T) {
	for _, s := range Available() {
		for n := range 70 {
			x, dy := values(rand.New(rand.NewPCG(1, 3)), n), values(rand.New(rand.NewPCG(1, 4)), n)
			want := make([]float32, n)
			s.Clip(want, x, 0, 6)
			y := append([]float32(nil), x...)
			s.Clip(y, y, 0, 6)
			checkSame(t, s.Name+" Clip in place", y, want)
			s.ClipGrad(want, dy, x, 0, 6)
			dx := append([]float32(nil), dy...)
			s.ClipGrad(dx, dx, x, 0, 6)
			checkSame(t, s.Name+" ClipGrad in place", dx, want)
		}
	}
}

func checkSame(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i, v := range got {
		if math.Float32bits(v) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d of %d is %v, want %v", name, i, len(got), v, want[i])
		}
	}
}

// TestNaN: what is not a number stays visible, at any place in a vector, whatever else is there.
func TestNaN(t *testing.T) {
	nan := float32(math.NaN())
	for _, s := range Available() {
		for _, n := range []int{1, 7, 8, 9, 33, 64} {
			for at := range n {
				x, y, ones := make([]float32, n), make([]float32, n), make([]float32, n)
				s.Fill(ones, 1)
				x[at] = nan
				for name, call := range map[string]func(){
					"Clip":       func() { s.Clip(y, x, 0, 6) },
					"relu":       func() { s.Clip(y, x, 0, float32(math.Inf(1))) },
					"ClipGrad":   func() { s.ClipGrad(y, x, ones, 0, 6) },
					"Add":        func() { s.Add(y, ones, x) },
					"Mul":        func() { s.Mul(y, ones, x) },
					"MulClip":    func() { s.MulClip(y, ones, x, 1, 1) },
					"DivClip":    func() { s.DivClip(y, ones, x, 1, 1) },
					"Abs":        func() { s.Abs(y, x) },
					"MulSigned":  func() { s.MulSigned(y, ones, ones, x) },
					"ScaleShift": func() { s.ScaleShift(y, x, ones, ones) },
				} {
					call()
					for i, v := range y {
						if (v != v) != (i == at) {
							t.Fatalf("%s %s of %d with NaN at %d: element %d is %v", s.Name, name, n, at, i, v)
						}
					}
				}
				// A gradient passes where x is NaN.
				s.ClipGrad(y, ones, x, -1, 1)
				if y[at] != 1 {
					t.Fatalf("%s ClipGrad at a NaN is %v, want dy", s.Name, y[at])
				}
			}
		}
	}
}

// TestClipGradAtBounds: the gradient is zero on the bounds themselves.
func TestClipGradAtBounds(t *testing.T) {
	inf := float32(math.Inf(1))
	x := []float32{0, 6, 1, -1, 7, float32(math.Copysign(0, -1)), inf, -inf, 5.999}
	dy := []float32{1, 1, 1, 1, 1, 1, 1, 1, 1}
	for _, s := range Available() {
		dx := make([]float32, len(x))
		s.ClipGrad(dx, dy, x, 0, 6)
		checkSame(t, s.Name+" relu6", dx, []float32{0, 0, 1, 0, 0, 0, 0, 0, 1})
		s.ClipGrad(dx, dy, x, 0, inf)
		checkSame(t, s.Name+" relu", dx, []float32{0, 1, 1, 0, 1, 0, 0, 0, 1})
	}
}

// rowSizes are rows and channels around vectors and calls.
func rowSizes() (d [][2]int) {
	for c := range 40 {
		for rows := range 11 {
			d = append(d, [2]int{rows, c})
		}
	}
	return append(d, [2]int{700, 24}, [2]int{5, 1100}, [2]int{2, 16*1024 + 5}, [2]int{300, 513})
}

func TestRows(t *testing.T) {
	for _, s := range Available() {
		r := rand.New(rand.NewPCG(1, 5))
		for _, d := range rowSizes() {
			rows, c := d[0], d[1]
			x, a, b := fencedCopy(values(r, rows*c)), fencedCopy(values(r, c)), fencedCopy(values(r, c))
			y := fenced(rows * c)
			check := func(name string, want func(x, a, b float64) (v, size float64)) {
				t.Helper()
				name = fmt.Sprintf("%s %s of %d×%d", s.Name, name, rows, c)
				y.checkFence(t, name)
				for i, v := range y.x {
					if w, size := want(float64(x.x[i]), float64(a.x[i%c]), float64(b.x[i%c])); far(v, w, 0x1p-23*size) {
						t.Fatalf("%s, element %d is %v, want %v", name, i, v, w)
					}
				}
			}
			s.ScaleShift(y.x, x.x, a.x, b.x)
			check("ScaleShift", func(x, a, b float64) (float64, float64) { return x*a + b, 2*math.Abs(x*a) + math.Abs(b) })
			s.AddRow(y.x, x.x, b.x)
			check("AddRow", func(x, _, b float64) (float64, float64) { return x + b, math.Abs(x + b) })
			s.MulRow(y.x, x.x, b.x)
			check("MulRow", func(x, _, b float64) (float64, float64) { return x * b, math.Abs(x * b) })
			s.Abs(y.x, x.x)
			s.Fill(b.x, 1)
			s.ShareRow(y.x, x.x, x.x, a.x, b.x, 0.25)
			check("ShareRow", func(x, a, _ float64) (float64, float64) {
				z := max(math.Abs(x)+x+a, 0.25*math.Abs(x)+1)
				return x / z, math.Abs(x) / z * (2 + (2*math.Abs(x)+math.Abs(a))/z)
			})
		}
	}
}

func TestColumnSums(t *testing.T) {
	for _, s := range Available() {
		r := rand.New(rand.NewPCG(1, 6))
		for _, d := range rowSizes() {
			rows, c := d[0], d[1]
			x, y, before := fencedCopy(values(r, rows*c)), fencedCopy(values(r, rows*c)), values(r, c)
			sum, dot := fencedCopy(before), fencedCopy(before)
			s.ColSum(sum.x, x.x)
			s.ColDot(dot.x, x.x, y.x)
			name := fmt.Sprintf("%s of %d×%d", s.Name, rows, c)
			sum.checkFence(t, "ColSum "+name)
			dot.checkFence(t, "ColDot "+name)
			for j, v := range before {
				wantSum, wantDot := float64(v), float64(v)
				absSum, absDot := math.Abs(wantSum), math.Abs(wantDot)
				for i := j; i < rows*c; i += c {
					a, b := float64(x.x[i]), float64(y.x[i])
					wantSum, absSum = wantSum+a, absSum+math.Abs(a)
					wantDot, absDot = wantDot+a*b, absDot+math.Abs(a*b)
				}
				bound := float64(rows+2) * 0x1p-24
				if far(sum.x[j], wantSum, bound*absSum) || far(dot.x[j], wantDot, bound*absDot) {
					t.Fatalf("%s, column %d: ColSum %v and ColDot %v, want %v and %v", name, j, sum.x[j], dot.x[j], wantSum, wantDot)
				}
			}
		}
	}
}

// TestSums wants what float64 sums have in any order.
func TestSums(t *testing.T) {
	for _, s := range Available() {
		r := rand.New(rand.NewPCG(1, 7))
		for _, n := range lengths() {
			x, y := fencedCopy(values(r, n)), fencedCopy(values(r, n))
			var sum, sq, dot float64
			for i, v := range x.x {
				sum, sq, dot = sum+float64(v), sq+float64(v)*float64(v), dot+float64(v)*float64(y.x[i])
			}
			for name, v := range map[string][2]float64{"Sum": {s.Sum(x.x), sum}, "SumSq": {s.SumSq(x.x), sq}, "Dot": {s.Dot(x.x, y.x), dot}} {
				if bound := float64(n) * 1e-13; !(math.Abs(v[0]-v[1]) <= bound) {
					t.Fatalf("%s %s of %d is %v, want %v", s.Name, name, n, v[0], v[1])
				}
			}
		}
	}
}

func TestSGD(t *testing.T) {
	const lr, momentum, decay, scale = 0.1, 0.9, 0.01, 0.5
	for _, s := range Available() {
		r := rand.New(rand.NewPCG(1, 8))
		for _, n := range lengths() {
			w0, m0 := values(r, n), values(r, n)
			w, g, m := fencedCopy(w0), fencedCopy(values(r, n)), fencedCopy(m0)
			s.SGD(w.x, g.x, m.x, lr, momentum, decay, scale)
			w.checkFence(t, "SGD")
			m.checkFence(t, "SGD")
			for i := range n {
				m1 := momentum*float64(m0[i]) + scale*float64(g.x[i]) + decay*float64(w0[i])
				w1 := float64(w0[i]) - lr*m1
				if far(m.x[i], m1, 1e-6) || far(w.x[i], w1, 1e-6) {
					t.Fatalf("%s SGD of %d, weight %d: m %v and w %v, want %v and %v", s.Name, n, i, m.x[i], w.x[i], m1, w1)
				}
			}
		}
	}
}

func TestAdamW(t *testing.T) {
	const lr, beta1, beta2, eps, decay, scale = 0.01, 0.9, 0.999, 1e-8, 0.05, 0.5
	const c1, c2 = 1 - beta1*beta1*beta1, 1 - beta2*beta2*beta2
	for _, s := range Available() {
		r := rand.New(rand.NewPCG(1, 9))
		for _, n := range lengths() {
			w0, m0, v0 := values(r, n), values(r, n), values(r, n)
			for i := range v0 {
				v0[i] *= v0[i]
			}
			w, g, m, v := fencedCopy(w0), fencedCopy(values(r, n)), fencedCopy(m0), fencedCopy(v0)
			s.AdamW(w.x, g.x, m.x, v.x, lr, beta1, beta2, eps, decay, c1, c2, scale)
			for _, f := range []fence{w, m, v} {
				f.checkFence(t, "AdamW")
			}
			for i := range n {
				gi := scale * float64(g.x[i])
				m1, v1 := beta1*float64(m0[i])+(1-beta1)*gi, beta2*float64(v0[i])+(1-beta2)*gi*gi
				step := m1/c1/(math.Sqrt(v1/c2)+eps) + decay*float64(w0[i])
				w1 := float64(w0[i]) - lr*step
				if far(m.x[i], m1, 1e-6) || far(v.x[i], v1, 1e-6*(1+v1)) || far(w.x[i], w1, 1e-5*(1+lr*math.Abs(step))) {
					t.Fatalf("%s AdamW of %d, weight %d: m %v, v %v, w %v, want %v, %v, %v", s.Name, n, i, m.x[i], v.x[i], w.x[i], m1, v1, w1)
				}
			}
		}
	}
}
