package criteria

import (
	"math"
	"math/cmplx"
)

// seriesEnd is where a Gaussian is cut off: exp(-5.3²) is 6e-13.
const seriesEnd = 5.3

// seriesOf is the period and the number of terms of the Fourier series of exp(-d²) and of its square on values that lie
// no further apart than that. The period is that much longer that the next copy of the kernel does not reach back.
func seriesOf(apart float64) (period float64, terms int) {
	period = apart + seriesEnd
	return period, 1 + int(math.Min(math.Ceil(period*seriesEnd*math.Sqrt2/math.Pi), math.MaxInt32))
}

// series sums the kernel exp(-(y_i-y_j)²) over pairs of images, in the order of byClass, without looking at pairs: with
//
//	exp(-d²) = Σ_m a_m cos(2πmd/period), a_m = √π/period·exp(-(πm/period)²), twice that for m > 0
//	Z_m = Σ_i exp(2πi·m·y_i/period)
//
// a sum over pairs is Σ_m a_m |Z_m|², to about 1e-12 a pair (Poisson's summation formula).
func (s *sample) series(y []float64, period float64, terms int) *pairSums {
	sum, own, images := newSeriesSum(period, terms), make([]complex128, terms), float64(len(y))
	for _, c := range s.count {
		clear(own)
		addWaves(own, y[:c], 2*math.Pi/period)
		sum.add(own, complex(float64(c)/images, 0))
		y = y[c:]
	}
	return sum.pairs(images)
}

// seriesTerm is one m.
type seriesTerm struct {
	of, ofSquare float64    // a_m of the kernel and of its square
	all          complex128 // Z_m
	shared       complex128 // Σ over classes of their own Z_m by their shares of the images
	same         float64    // Σ over classes of |Z_m|²
	by           complex128 // a_m·Z_m
}

type seriesSum []seriesTerm

func newSeriesSum(period float64, terms int) seriesSum {
	s := make(seriesSum, terms)
	for m := range s {
		s[m].of, s[m].ofSquare = coefficients(m, period)
	}
	return s
}

// coefficients are those of term m, of the kernel and of its square.
func coefficients(m int, period float64) (of, ofSquare float64) {
	x := math.Pi * float64(m) / period
	of, ofSquare = math.Exp(-x*x), math.Exp(-x*x/2)/math.Sqrt2
	scale := math.Sqrt(math.Pi) / period
	if m > 0 {
		scale *= 2
	}
	return scale * of, scale * ofSquare
}

// addWaves adds Σ_i exp(i·m·by·y_i) to each sum[m], two images at a time: a power waits for the one before.
func addWaves(sum []complex128, y []float64, by float64) {
	for ; len(y) > 1; y = y[2:] {
		a, b, stepA, stepB := complex128(1), complex128(1), wave(by*y[0]), wave(by*y[1])
		for m := range sum {
			sum[m] += a + b
			a, b = a*stepA, b*stepB
		}
	}
	for _, v := range y {
		a, step := complex128(1), wave(by*v)
		for m := range sum {
			sum[m] += a
			a *= step
		}
	}
}

// wave is exp(i·angle).
func wave(angle float64) complex128 {
	im, re := math.Sincos(angle)
	return complex(re, im)
}

// add takes the waves of a class that has this share of the images.
func (s seriesSum) add(class []complex128, share complex128) {
	for m, z := range class {
		t := &s[m]
		t.all += z
		t.shared += share * z
		t.same += squaredLength(z)
	}
}

func squaredLength(z complex128) float64 { return real(z)*real(z) + imag(z)*imag(z) }

func (s seriesSum) pairs(images float64) *pairSums {
	k := &pairSums{}
	for m := range s {
		t := &s[m]
		all := squaredLength(t.all)
		k.all, k.same = k.all+t.of*all, k.same+t.of*t.same
		k.allSquares, k.sameOfSquares = k.allSquares+t.ofSquare*all, k.sameOfSquares+t.ofSquare*t.same
		t.by = complex(t.of, 0) * t.all
		k.shared += real(t.by * cmplx.Conj(t.shared))
	}
	k.rowSquares = s.rowSquares() / images
	return k
}

// rowSquares is Σ_i r_i², r_i = Re Σ_m a_m Z_m·exp(-2πi·m·y_i/period) being the sum of row i: with Re u·Re v = Re(u·v + u·v̄)/2
//
//	½ Re Σ_{m,l} a_m Z_m (a_l Z_l·conj Z_{m+l} + conj(a_l Z_l·Z_{m-l}))
//
// where m+l ends with the series: behind it a_m·a_l is below 6e-13.
func (s seriesSum) rowSquares() (sum float64) {
	for m := range s {
		var with complex128
		for l := range min(m, len(s)-m) { // l and m change places: twice the half
			with += s[l].by*cmplx.Conj(s[m+l].all) + cmplx.Conj(s[l].by*s[m-l].all)
		}
		if 2*m < len(s) {
			with += 0.5 * (s[m].by*cmplx.Conj(s[2*m].all) + cmplx.Conj(s[m].by*s[0].all))
		}
		sum += real(s[m].by * with)
	}
	return sum
}
