package criteria

import "math"

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
//
// a sum over pairs is Σ_m a_m |Σ_i exp(2πi·m·y_i/period)|², to about 1e-12 a pair (Poisson's summation formula).
func (s *sample) series(y []float64, period float64, terms int) *pairSums {
	n := len(y)
	k := &pairSums{rows: make([]float64, n)}
	re, im, stepRe, stepIm := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i, v := range y {
		stepIm[i], stepRe[i] = math.Sincos(2 * math.Pi / period * v)
		re[i] = 1
	}
	for m := range terms {
		of, ofSquare := coefficients(m, period)
		sumRe, sumIm, same := s.waves(re, im)
		all := sumRe*sumRe + sumIm*sumIm
		k.all, k.same = k.all+of*all, k.same+of*same
		k.allSquares, k.sameOfSquares = k.allSquares+ofSquare*all, k.sameOfSquares+ofSquare*same
		turn(k.rows, re, im, stepRe, stepIm, of*sumRe, of*sumIm)
	}
	return k
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

// waves are the sums over all images, and the sum over classes of the squared length of each one's own sum.
func (s *sample) waves(re, im []float64) (sumRe, sumIm, same float64) {
	at := 0
	for _, c := range s.count {
		classRe, classIm := 0.0, 0.0
		for i, v := range re[at : at+c] {
			classRe += v
			classIm += im[at+i]
		}
		same += classRe*classRe + classIm*classIm
		sumRe, sumIm, at = sumRe+classRe, sumIm+classIm, at+c
	}
	return sumRe, sumIm, same
}

// turn adds a term to the sums of rows and goes on to the next one.
func turn(rows, re, im, stepRe, stepIm []float64, byRe, byIm float64) {
	re, im, stepRe, stepIm = re[:len(rows)], im[:len(rows)], stepRe[:len(rows)], stepIm[:len(rows)]
	for i := range rows {
		a, b := re[i], im[i]
		rows[i] += byRe*a + byIm*b
		re[i], im[i] = a*stepRe[i]-b*stepIm[i], a*stepIm[i]+b*stepRe[i]
	}
}
