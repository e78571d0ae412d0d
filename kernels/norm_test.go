package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// normCase is rows of channels with all that a batch normalization takes, fenced. Bounds lie where
// some of z pass and some do not; the first channel is far from zero.
type normCase struct {
	rows, c                         int
	x, dy, r                        fence
	mean, scale, beta, slope, shift fence
	lo, hi                          float32
}

func newNormCase(rows, c int, seed uint64) *normCase {
	g := rand.New(rand.NewPCG(4, seed))
	n := &normCase{rows: rows, c: c, lo: -0.5, hi: 0.75}
	n.x, n.dy, n.r = fencedCopy(values(g, rows*c)), fencedCopy(values(g, rows*c)), fencedCopy(values(g, rows*c))
	n.mean, n.scale, n.beta = fencedCopy(values(g, c)), fencedCopy(values(g, c)), fencedCopy(values(g, c))
	n.slope, n.shift = fencedCopy(values(g, c)), fencedCopy(values(g, c))
	for i := 0; i < rows*c; i += c {
		n.x.x[i] += 1000
	}
	if c > 0 {
		n.mean.x[0] += 1000
	}
	return n
}

// at is element i in float64: x-mean, z, and the sum of magnitudes in z.
func (n *normCase) at(i int) (centred, z, size float64) {
	j := i % n.c
	centred = float64(n.x.x[i] - n.mean.x[j])
	z = centred*float64(n.scale.x[j]) + float64(n.beta.x[j])
	return centred, z, math.Abs(centred*float64(n.scale.x[j])) + math.Abs(float64(n.beta.x[j]))
}

// dz is the masked gradient of element i. near says that rounding decides about the mask.
func (n *normCase) dz(i int) (dz float64, near bool) {
	_, z, size := n.at(i)
	lo, hi := float64(n.lo), float64(n.hi)
	near = math.Abs(z-lo) < 0x1p-22*size || math.Abs(z-hi) < 0x1p-22*size
	if z > lo && z < hi {
		dz = float64(n.dy.x[i])
	}
	return dz, near
}

func TestNormalize(t *testing.T) {
	for _, s := range Available() {
		for _, d := range rowSizes() {
			n := newNormCase(d[0], d[1], 1)
			y, sum := fenced(len(n.x.x)), fenced(len(n.x.x))
			s.Normalize(y.x, n.x.x, n.mean.x, n.scale.x, n.beta.x, n.lo, n.hi)
			s.NormalizeAdd(sum.x, n.x.x, n.r.x, n.mean.x, n.scale.x, n.beta.x, n.lo, n.hi)
			name := fmt.Sprintf("%s of %d×%d", s.Name, n.rows, n.c)
			y.checkFence(t, name)
			sum.checkFence(t, name)
			for i := range y.x {
				_, z, size := n.at(i)
				r := float64(n.r.x[i])
				if want := clip64(z, n); far(y.x[i], want, 0x1p-22*size) {
					t.Fatalf("%s: Normalize has %v at %d, want %v", name, y.x[i], i, want)
				}
				if want := clip64(z+r, n); far(sum.x[i], want, 0x1p-22*(size+math.Abs(r))) {
					t.Fatalf("%s: NormalizeAdd has %v at %d, want %v", name, sum.x[i], i, want)
				}
			}
		}
	}
}

func clip64(z float64, n *normCase) float64 { return min(max(z, float64(n.lo)), float64(n.hi)) }

func TestNormalizeGrad(t *testing.T) {
	for _, s := range Available() {
		for _, d := range rowSizes() {
			n := newNormCase(d[0], d[1], 2)
			dx := fenced(len(n.x.x))
			s.NormalizeGrad(dx.x, n.dy.x, n.x.x, n.mean.x, n.scale.x, n.beta.x, n.slope.x, n.shift.x, n.lo, n.hi)
			name := fmt.Sprintf("%s NormalizeGrad of %d×%d", s.Name, n.rows, n.c)
			dx.checkFence(t, name)
			for i, v := range dx.x {
				j := i % n.c
				centred, _, _ := n.at(i)
				dz, near := n.dz(i)
				a, b, c := dz*float64(n.scale.x[j]), centred*float64(n.slope.x[j]), float64(n.shift.x[j])
				if !near && far(v, a+b+c, 0x1p-22*(math.Abs(a)+math.Abs(b)+math.Abs(c))) {
					t.Fatalf("%s: %v at %d, want %v", name, v, i, a+b+c)
				}
			}
		}
	}
}

// TestNormSums adds to what is there, within the bound of the other column sums.
func TestNormSums(t *testing.T) {
	for _, s := range Available() {
		for _, d := range rowSizes() {
			n := newNormCase(d[0], d[1], 3)
			before := values(rand.New(rand.NewPCG(4, 9)), n.c)
			var sums [4]fence
			for k := range sums {
				sums[k] = fencedCopy(before)
			}
			s.NormalizeSums(sums[0].x, sums[1].x, n.dy.x, n.x.x, n.mean.x, n.scale.x, n.beta.x, n.lo, n.hi)
			s.ColMoments(sums[2].x, sums[3].x, n.x.x, n.mean.x)
			for k, what := range []string{"dbeta", "dgamma", "sum", "sq"} {
				name := fmt.Sprintf("%s %s of %d×%d", s.Name, what, n.rows, n.c)
				sums[k].checkFence(t, name)
				for j, v := range before {
					want, size, unsure := n.column(k, j)
					size, want = size+math.Abs(float64(v)), want+float64(v)
					if bound := float64(n.rows+4)*0x1p-24*size + unsure; far(sums[k].x[j], want, bound) {
						t.Fatalf("%s: %v in column %d, want %v", name, sums[k].x[j], j, want)
					}
				}
			}
		}
	}
}

// column is sum k of column j, that of magnitudes, and what rounding decides about.
func (n *normCase) column(k, j int) (sum, size, unsure float64) {
	for i := j; i < n.rows*n.c; i += n.c {
		centred, _, _ := n.at(i)
		dz, near := n.dz(i)
		v := [4]float64{dz, dz * centred, centred, centred * centred}[k]
		sum, size = sum+v, size+math.Abs(v)
		if dy := float64(n.dy.x[i]); near {
			unsure += [4]float64{math.Abs(dy), math.Abs(dy * centred)}[k]
		}
	}
	return sum, size, unsure
}

// TestNormInPlace: the output may be any matrix that is read.
func TestNormInPlace(t *testing.T) {
	for _, s := range Available() {
		for c := range 35 {
			n := newNormCase(3, c, 4)
			want := make([]float32, 3*c)
			for name, call := range map[string]func(y, x, dy, r []float32){
				"Normalize": func(y, x, _, _ []float32) { s.Normalize(y, x, n.mean.x, n.scale.x, n.beta.x, 0, 6) },
				"NormalizeAdd": func(y, x, _, r []float32) {
					s.NormalizeAdd(y, x, r, n.mean.x, n.scale.x, n.beta.x, 0, 6)
				},
				"NormalizeGrad": func(y, x, dy, _ []float32) {
					s.NormalizeGrad(y, dy, x, n.mean.x, n.scale.x, n.beta.x, n.slope.x, n.shift.x, 0, 6)
				},
			} {
				call(want, n.x.x, n.dy.x, n.r.x)
				for k := range 3 {
					in := [3][]float32{clone(n.x.x), clone(n.dy.x), clone(n.r.x)}
					call(in[k], in[0], in[1], in[2])
					checkSame(t, fmt.Sprintf("%s %s over operand %d", s.Name, name, k), in[k], want)
				}
			}
		}
	}
}

func clone(x []float32) []float32 { return append([]float32{}, x...) }

// TestNormMask: backward sees the activation as forward left it, bit for bit at the bounds too,
// and dy passes where z is NaN.
func TestNormMask(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, s := range Available() {
		for _, bounds := range [][2]float32{{0, 6}, {0, inf}, {-inf, inf}} {
			lo, hi := bounds[0], bounds[1]
			n := newNormCase(50, 21, 5)
			n.x.x[5], n.x.x[33] = float32(math.NaN()), n.mean.x[33%21]
			n.beta.x[33%21] = 0 // z is exactly 0
			size := len(n.x.x)
			y, zeros, ones, want := make([]float32, size), make([]float32, 21), make([]float32, size), make([]float32, size)
			s.Fill(ones, 1)
			s.Normalize(y, n.x.x, n.mean.x, n.scale.x, n.beta.x, lo, hi)
			s.ClipGrad(want, ones, y, lo, hi)
			dbeta, dgamma := make([]float32, 21), make([]float32, 21)
			s.NormalizeSums(dbeta, dgamma, ones, n.x.x, n.mean.x, n.scale.x, n.beta.x, lo, hi)
			sums := make([]float32, 21)
			s.ColSum(sums, want)
			checkSame(t, s.Name+" sums of the mask", dbeta, sums)
			dx := make([]float32, size)
			s.NormalizeGrad(dx, ones, n.x.x, n.mean.x, n.scale.x, n.beta.x, zeros, zeros, lo, hi)
			s.MulRow(want, want, n.scale.x)
			for i := range dx {
				if i != 5 && dx[i] != want[i] || i == 5 && dx[i] == dx[i] {
					t.Fatalf("%s: bounds %v, gradient %v at %d, want %v", s.Name, bounds, dx[i], i, want[i])
				}
			}
		}
	}
}

func TestNormShortSlices(t *testing.T) {
	const c, rows = 9, 7
	full, v := make([]float32, rows*c), make([]float32, c)
	for _, s := range Available() {
		for k := range 9 {
			cut := func(i int, x []float32) []float32 {
				if i == k {
					return x[: len(x)-1 : len(x)-1]
				}
				return x
			}
			for name, call := range map[string]func(){
				"Normalize":     func() { s.Normalize(cut(0, full), full, v, cut(1, v), cut(2, v), 0, 1) },
				"NormalizeAdd":  func() { s.NormalizeAdd(cut(0, full), full, cut(1, full), v, cut(2, v), v, 0, 1) },
				"NormalizeGrad": func() { s.NormalizeGrad(cut(0, full), cut(1, full), full, v, cut(2, v), v, v, v, 0, 1) },
			} {
				if p := panicOf(call); (p != nil) != (k < 3) {
					t.Errorf("%s %s with operand %d too short: panic %v", s.Name, name, k, p)
				}
			}
		}
	}
}

func TestNormAllocatesNothing(t *testing.T) {
	n := newNormCase(300, 33, 6)
	a, b := make([]float32, 33), make([]float32, 33)
	for _, s := range Available() {
		if allocs := testing.AllocsPerRun(5, func() {
			s.Normalize(n.r.x, n.x.x, n.mean.x, n.scale.x, n.beta.x, 0, 6)
			s.NormalizeSums(a, b, n.dy.x, n.x.x, n.mean.x, n.scale.x, n.beta.x, 0, 6)
			s.ColMoments(a, b, n.x.x, n.mean.x)
		}); allocs != 0 {
			t.Errorf("%s allocates %v times", s.Name, allocs)
		}
	}
}
