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
func (s *sample) series(y []float64, period float64, terms int, room []float64) *pairSums {
	n := len(y)
	k := &pairSums{rows: make([]float64, n)}
	re, im, stepRe, stepIm := room[:n], room[n:2*n], room[2*n:3*n], room[3*n:4*n]
	for i, v := range y {
		stepIm[i], stepRe[i] = math.Sincos(2 * math.Pi / period * v)
		re[i], im[i] = 1, 0
	}
	sum := s.still()
	for m := range terms {
		of, ofSquare := coefficients(m, period)
		all := sum.re*sum.re + sum.im*sum.im
		k.all, k.same = k.all+of*all, k.same+of*sum.same
		k.allSquares, k.sameOfSquares = k.allSquares+ofSquare*all, k.sameOfSquares+ofSquare*sum.same
		sum = s.turn(k.rows, re, im, stepRe, stepIm, of*sum.re, of*sum.im)
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

// waves is the sum of exp(2πi·m·y/period) over all images, and the sum over classes of the squared length of each one's own sum.
type waves struct{ re, im, same float64 }

func (w *waves) add(re, im float64) {
	w.re, w.im, w.same = w.re+re, w.im+im, w.same+re*re+im*im
}

// still is the waves of term 0.
func (s *sample) still() (w waves) {
	for _, c := range s.count {
		w.add(float64(c), 0)
	}
	return w
}

// turn adds a term to the sums of rows and goes on to the next one, of which it returns the waves.
func (s *sample) turn(rows, re, im, stepRe, stepIm []float64, byRe, byIm float64) (w waves) {
	for _, c := range s.count {
		w.add(turnClass(rows[:c], re, im, stepRe, stepIm, byRe, byIm))
		rows, re, im, stepRe, stepIm = rows[c:], re[c:], im[c:], stepRe[c:], stepIm[c:]
	}
	return w
}

// turnClass is turn for the images of a class.
func turnClass(rows, re, im, stepRe, stepIm []float64, byRe, byIm float64) (sumRe, sumIm float64) {
	re, im, stepRe, stepIm = re[:len(rows)], im[:len(rows)], stepRe[:len(rows)], stepIm[:len(rows)]
	for i := range rows {
		a, b := re[i], im[i]
		rows[i] += byRe*a + byIm*b
		a, b = a*stepRe[i]-b*stepIm[i], a*stepIm[i]+b*stepRe[i]
		re[i], im[i] = a, b
		sumRe += a
		sumIm += b
	}
	return sumRe, sumIm
}
