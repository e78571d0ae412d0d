package pruning

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Moments is the first two moments of a tensor's channels over images and positions.
type Moments struct {
	Mean []float64 // F
	// Cov is the centred covariance, F×F row-major; nil where only the constant is to be folded.
	Cov []float64
}

// MomentsOf centres sums over rows: gram is Σ a·aᵀ, F×F, with Σ a as one more row below.
func MomentsOf(gram []float64, f, rows int) (Moments, error) {
	if len(gram) != (f+1)*f || rows < 1 {
		return Moments{}, fmt.Errorf("channel gram: %d sums over %d rows for %d channels", len(gram), rows, f)
	}
	m := Moments{Mean: make([]float64, f), Cov: make([]float64, f*f)}
	n := float64(rows)
	for i := range f {
		m.Mean[i] = gram[f*f+i] / n
	}
	for i := range f {
		for j := range f {
			m.Cov[i*f+j] = gram[i*f+j]/n - m.Mean[i]*m.Mean[j]
		}
	}
	return m, m.check(f)
}

func (m Moments) check(f int) error {
	if len(m.Mean) != f || m.Cov != nil && len(m.Cov) != f*f {
		return fmt.Errorf("moments of %d channels with %d covariances, want %d", len(m.Mean), len(m.Cov), f)
	}
	for _, v := range [][]float64{m.Mean, m.Cov} {
		for _, x := range v {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("moments hold %v", x)
			}
		}
	}
	return nil
}

// ridgeShare is λ as a share of the mean variance (reference: layer OBS, 1705.07565).
const ridgeShare = 0.01

// rebuild is removed channels as an affine function of the kept ones: a_R ≈ B·a_S + c.
type rebuild struct {
	gone, kept []int
	b          *mat.Dense // len(gone)×len(kept), nil for none
	constant   []float64  // mean_R - B·mean_S
	explained  float64    // share of the removed channels' variance that B accounts for
}

// fit solves (Cov_SS + λI)·Bᵀ = Cov_SR with λ = 0.01·trace(Cov)/F. Channels that never vary
// rebuild nothing but their mean.
func (m Moments) fit(gone, kept []int) (*rebuild, error) {
	r := &rebuild{gone: gone, kept: kept, constant: make([]float64, len(gone))}
	for i, c := range gone {
		r.constant[i] = m.Mean[c]
	}
	f := len(m.Mean)
	lambda := ridgeShare * m.trace() / float64(f)
	if m.Cov == nil || lambda <= 0 {
		return r, nil
	}
	var chol mat.Cholesky
	if !chol.Factorize(m.block(kept, lambda)) {
		return nil, fmt.Errorf("covariance of %d channels is not positive definite with λ %.3g", len(kept), lambda)
	}
	var bt mat.Dense
	if err := chol.SolveTo(&bt, m.cross(kept, gone)); err != nil {
		return nil, fmt.Errorf("ridge over %d channels: %w", len(kept), err)
	}
	r.b = mat.DenseCopyOf(bt.T())
	r.finish(m)
	return r, nil
}

// finish takes the kept channels' part out of the constant and measures the fit.
func (r *rebuild) finish(m Moments) {
	f := len(m.Mean)
	var total, explained float64
	for i, g := range r.gone {
		total += m.Cov[g*f+g]
		for j, k := range r.kept {
			r.constant[i] -= r.b.At(i, j) * m.Mean[k]
			explained += r.b.At(i, j) * m.Cov[g*f+k]
		}
	}
	if total > 0 {
		r.explained = explained / total
	}
}

func (m Moments) trace() float64 {
	if m.Cov == nil {
		return 0
	}
	f, t := len(m.Mean), 0.0
	for i := range f {
		t += m.Cov[i*f+i]
	}
	return t
}

func (m Moments) block(at []int, lambda float64) *mat.SymDense {
	f := len(m.Mean)
	s := mat.NewSymDense(len(at), nil)
	for i, a := range at {
		for j := i; j < len(at); j++ {
			s.SetSym(i, j, (m.Cov[a*f+at[j]]+m.Cov[at[j]*f+a])/2)
		}
		s.SetSym(i, i, s.At(i, i)+lambda)
	}
	return s
}

func (m Moments) cross(rows, cols []int) *mat.Dense {
	f := len(m.Mean)
	d := mat.NewDense(len(rows), len(cols), nil)
	for i, a := range rows {
		for j, b := range cols {
			d.Set(i, j, m.Cov[a*f+b])
		}
	}
	return d
}
