package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// mapped is an activation, or a gradient for dy = 1, as a function of one number.
type mapped struct {
	name string
	call func(s Set, y, x []float32)
	want func(x float64) float64
	ulps float64 // error allowed, in units in the last place of the result
	near float64 // and this much beside, where terms cancel
}

func logistic64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// withOnes calls a gradient with dy = 1.
func withOnes(f func(dx, dy, x []float32), y, x []float32) {
	dy := make([]float32, len(x))
	fill(dy, 1)
	f(y, dy, x)
}

var mappeds = []mapped{
	{"Exp", func(s Set, y, x []float32) { s.Exp(y, x, 0) }, math.Exp, 2, 0},
	{"Sigmoid", func(s Set, y, x []float32) { s.Sigmoid(y, x) }, logistic64, 4, 1e-38},
	{"Tanh", func(s Set, y, x []float32) { s.Tanh(y, x) }, math.Tanh, 4, 0},
	{"Silu", func(s Set, y, x []float32) { s.Silu(y, x) }, func(x float64) float64 { return x * logistic64(x) }, 4, 1e-36},
	{"SiluGrad", func(s Set, y, x []float32) { withOnes(s.SiluGrad, y, x) }, func(x float64) float64 {
		return logistic64(x) * (1 + x*(1-logistic64(x)))
	}, 8, 1.1e-6},
	{"HardSwish", func(s Set, y, x []float32) { s.HardSwish(y, x) }, func(x float64) float64 {
		return x * min(max(x/6+0.5, 0), 1)
	}, 2, 3e-7},
	{"HardSwishGrad", func(s Set, y, x []float32) { withOnes(s.HardSwishGrad, y, x) }, func(x float64) float64 {
		switch {
		case x <= -3:
			return 0
		case x >= 3:
			return 1
		}
		return x/3 + 0.5
	}, 2, 3e-7},
	{"HardSigmoid", func(s Set, y, x []float32) { s.HardSigmoid(y, x, 0.25, 0.5) }, func(x float64) float64 {
		return min(max(x/4+0.5, 0), 1)
	}, 2, 1e-7},
	{"HardSigmoidGrad", func(s Set, y, x []float32) {
		withOnes(func(dx, dy, y []float32) { s.HardSigmoidGrad(dx, dy, y, 0.25) }, y, x)
	}, func(y float64) float64 {
		if y <= 0 || y >= 1 {
			return 0
		}
		return 0.25
	}, 0, 0},
	{"SigmoidGrad", func(s Set, y, x []float32) { withOnes(s.SigmoidGrad, y, x) }, func(y float64) float64 { return y * (1 - y) }, 4, 0},
	{"TanhGrad", func(s Set, y, x []float32) { withOnes(s.TanhGrad, y, x) }, func(y float64) float64 { return 1 - y*y }, 4, 2e-7},
	{"Leaky", func(s Set, y, x []float32) { s.Leaky(y, x, x, 0.1) }, func(x float64) float64 {
		if x <= 0 {
			return x * float64(float32(0.1))
		}
		return x
	}, 1, 0},
}

// arguments go through all magnitudes of both signs, and densely through the middle.
func arguments() (x []float32) {
	for v := float32(-104.5); v < 90; v += 1. / 128 {
		x = append(x, v)
	}
	for v := float32(1e-38); v < 1e38; v *= 1.7 {
		x = append(x, v, -v)
	}
	return append(x, 0, float32(math.Copysign(0, -1)), 3, -3, 0.625, -0.625)
}

// ulp is the distance to the next float32 above |v|.
func ulp(v float64) float64 {
	f := float32(math.Abs(v))
	return float64(math.Nextafter32(f, math.MaxFloat32)) - float64(f)
}

func TestActivations(t *testing.T) {
	for _, s := range Available() {
		for _, m := range mappeds {
			x := fencedCopy(arguments())
			y := fenced(len(x.x))
			m.call(s, y.x, x.x)
			y.checkFence(t, s.Name+" "+m.name)
			worst := 0.0
			for i, v := range y.x {
				want := m.want(float64(x.x[i]))
				if math.Abs(want) > math.MaxFloat32 {
					want = math.Copysign(math.Inf(1), want)
				}
				if float64(v) == want || math.Abs(float64(v)-want) <= m.near {
					continue
				}
				e := math.Abs(float64(v)-want) / ulp(want)
				if !(e <= m.ulps) {
					t.Fatalf("%s %s(%g) is %g, want %g: %.2f units in the last place", s.Name, m.name, x.x[i], v, want, e)
				}
				worst = max(worst, e)
			}
			t.Logf("%s %s: error of at most %.2f units in the last place", s.Name, m.name, worst)
		}
	}
}

// TestActivationLengths: an element has the same bits anywhere in a vector, in place or not, and a
// NaN stays and stays alone.
func TestActivationLengths(t *testing.T) {
	for _, s := range Available() {
		for _, m := range mappeds {
			for _, n := range lengths()[:66] {
				x := values(rand.New(rand.NewPCG(5, uint64(n))), n)
				if n > 0 {
					x[n/2] = float32(math.NaN())
				}
				y, one, in := fenced(n), make([]float32, 1), slices.Clone(x)
				m.call(s, y.x, x)
				y.checkFence(t, fmt.Sprintf("%s %s of %d", s.Name, m.name, n))
				for i, v := range x {
					m.call(s, one, x[i:i+1])
					nan := m.name != "HardSigmoidGrad" && v != v
					if math.Float32bits(one[0]) != math.Float32bits(y.x[i]) && !nan || (y.x[i] != y.x[i]) != nan {
						t.Fatalf("%s %s of %d: element %d of %v is %v, alone %v", s.Name, m.name, n, i, v, y.x[i], one[0])
					}
				}
				if m.call(s, in, in); n > 0 {
					in[n/2], y.x[n/2] = 0, 0
				}
				checkSame(t, s.Name+" "+m.name+" in place", in, y.x)
			}
		}
	}
}

func TestActivationLimits(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, s := range Available() {
		for _, c := range []struct {
			name       string
			call       func(y, x []float32)
			at0, below float32
			above      float32
		}{
			{"Exp", func(y, x []float32) { s.Exp(y, x, 0) }, 1, 0, inf},
			{"Sigmoid", s.Sigmoid, 0.5, 0, 1},
			{"Tanh", s.Tanh, 0, -1, 1},
			{"Silu", s.Silu, 0, 0, inf},
			{"SiluGrad", func(y, x []float32) { withOnes(s.SiluGrad, y, x) }, 0.5, 0, 1},
		} {
			x, y := []float32{0, -inf, inf}, make([]float32, 3)
			if c.call(y, x); !slices.Equal(y, []float32{c.at0, c.below, c.above}) {
				t.Errorf("%s %s of 0, -Inf and Inf is %v, want %v, %v and %v", s.Name, c.name, y, c.at0, c.below, c.above)
			}
		}
	}
}

func TestLeakyRow(t *testing.T) {
	for _, s := range Available() {
		r := rand.New(rand.NewPCG(5, 2))
		for _, d := range rowSizes() {
			rows, c := d[0], d[1]
			x, v, slope, y := fencedCopy(values(r, rows*c)), fencedCopy(values(r, rows*c)), fencedCopy(values(r, c)), fenced(rows*c)
			s.LeakyRow(y.x, x.x, v.x, slope.x)
			y.checkFence(t, s.Name+" LeakyRow")
			for i, got := range y.x {
				want := x.x[i]
				if v.x[i] <= 0 {
					want *= slope.x[i%c]
				}
				if got != want {
					t.Fatalf("%s LeakyRow of %d×%d: element %d is %v, want %v", s.Name, rows, c, i, got, want)
				}
			}
		}
	}
}

// TestSoftmaxParts: the maximum, the sum of exponentials and the gradient of rows.
func TestSoftmaxParts(t *testing.T) {
	for _, s := range Available() {
		r := rand.New(rand.NewPCG(5, 3))
		for _, n := range lengths() {
			x, dy, dx := fencedCopy(values(r, n)), fencedCopy(values(r, n)), fenced(n)
			top, sum := math.Inf(-1), 0.0
			for _, v := range x.x {
				top = max(top, float64(v))
			}
			for _, v := range x.x {
				sum += math.Exp(float64(v - float32(top)))
			}
			if got := s.Max(x.x); float64(got) != top {
				t.Fatalf("%s Max of %d is %v, want %v", s.Name, n, got, top)
			}
			if got := s.SumExp(x.x, float32(top)); math.Abs(got-sum) > 2e-7*sum {
				t.Fatalf("%s SumExp of %d is %v, want %v", s.Name, n, got, sum)
			}
			s.SoftmaxGrad(dx.x, dy.x, x.x, 0.5)
			dx.checkFence(t, s.Name+" SoftmaxGrad")
			for i, v := range dx.x {
				if want := float64(x.x[i]) * (float64(dy.x[i]) - 0.5); far(v, want, 2e-7*(1+math.Abs(want))) {
					t.Fatalf("%s SoftmaxGrad of %d: element %d is %v, want %v", s.Name, n, i, v, want)
				}
			}
			if n > 0 {
				if x.x[n/2] = float32(math.NaN()); s.Max(x.x) == s.Max(x.x) {
					t.Fatalf("%s Max of %d hides a NaN", s.Name, n)
				}
			}
		}
	}
}
