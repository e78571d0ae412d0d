package symmetric

import (
	"math"

	"github.com/secateur/secateur/core/tensor"
)

// Inverse replaces the upper triangle of a positive definite A by that of its inverse; below it A is undefined afterwards. It
// reports false, A being lost, where A is not positive definite.
//
// It sweeps block after block (Goodnight, The American Statistician 33(3), 1979): with rows and columns P of the block, R
// the others, A_PP = L·Lᵀ and X = A_RP·L⁻ᵀ,
//
//	A_RR -= X·Xᵀ,  A_RP = X·L⁻¹,  A_PP = -L⁻ᵀ·L⁻¹
//
// after which all blocks swept are -A⁻¹.
func Inverse(a []float64, n int) bool {
	s := sweeper{n: n, a: a, v: make([]float64, n*block), x: make([]float64, n*block)}
	for lo := 0; lo < n; lo += block {
		if !s.sweep(lo, min(block, n-lo)) {
			return false
		}
	}
	for i := range n {
		for j, x := range a[i*n+i : (i+1)*n] {
			a[i*n+i+j] = -x
		}
	}
	return true
}

// sweeper has room for a block.
type sweeper struct {
	n    int
	a    []float64 // n×n
	v, x []float64 // n×w
	l    [block * block]float64
}

// sweep takes the block of w rows from lo on.
func (s *sweeper) sweep(lo, w int) bool {
	n, v, x, l := s.n, s.v[:s.n*w], s.x[:s.n*w], s.l[:w*w]
	s.take(v, lo, w)
	copy(l, v[lo*w:])
	if !invertFactor(l, w) {
		return false
	}
	for q := 0; q < w; q += panel { // in rows q to end L⁻¹ is zero behind end
		end := min(q+panel, w)
		tensor.Products(x[q:], w, v, w, l[q*w:], w, n, end-q, end, false)
	}
	for i, value := range x {
		v[i] = -value
	}
	Add(s.a, v, x, n, w)
	transpose(l, w)
	for q := 0; q < w; q += panel { // and L⁻ᵀ before q
		tensor.Products(v[q:], w, x[q:], w, l[q*w+q:], w, n, min(panel, w-q), w-q, false)
	}
	tensor.Products(v[lo*w:], w, l, w, l, w, w, w, w, false)
	s.put(v, lo, w)
	return true
}

// take copies columns from lo on to v, n×w.
func (s *sweeper) take(v []float64, lo, w int) {
	for i := range lo + w {
		copy(v[i*w:(i+1)*w], s.a[i*s.n+lo:])
	}
	for p := range w {
		for i, value := range s.a[(lo+p)*s.n+lo+p : (lo+p+1)*s.n] {
			v[(lo+p+i)*w+p] = value
		}
	}
}

// put stores v, n×w, where rows and columns from lo on are in the upper triangle, -v where these meet.
func (s *sweeper) put(v []float64, lo, w int) {
	for i := range lo {
		copy(s.a[i*s.n+lo:], v[i*w:(i+1)*w])
	}
	for p := range w {
		to := s.a[(lo+p)*s.n:]
		for i := lo; i < s.n; i++ {
			to[i] = v[i*w+p]
		}
		for i := lo; i < lo+w; i++ {
			to[i] = -to[i]
		}
	}
}

// invertFactor makes of a small D its L⁻¹, where D = L·Lᵀ, with zeros above the diagonal.
func invertFactor(d []float64, w int) bool {
	for i := range w {
		own := d[i*w : i*w+i+1]
		for j := range i {
			own[j] = (own[j] - dot(own[:j], d[j*w:])) / d[j*w+j]
		}
		if own[i] -= dot(own[:i], own); !(own[i] > 0) {
			return false
		}
		own[i] = math.Sqrt(own[i])
		clear(d[i*w+i+1 : (i+1)*w])
	}
	for i := range w { // row i of L⁻¹: (e_i - Σ_{k<i} l_ik·row k)/l_ii
		own, row := d[i*w:(i+1)*w], make([]float64, w)
		row[i] = 1
		for k, l := range own[:i] {
			for j, x := range d[k*w : k*w+k+1] {
				row[j] -= l * x
			}
		}
		for j, x := range row {
			row[j] = x / own[i]
		}
		copy(own, row)
	}
	return true
}

// dot is Σ x·y over the length of x.
func dot(x, y []float64) (sum float64) {
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}

func transpose(l []float64, w int) {
	for i := range w {
		for j := range i {
			l[i*w+j], l[j*w+i] = l[j*w+i], l[i*w+j]
		}
	}
}
