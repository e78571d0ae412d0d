// Package ridge rebuilds channels from others: the least-squares fit on their second moments.
package ridge

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/internal/symmetric"
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
	return m, m.Check(f)
}

// Check refuses moments of another number of channels and such that are no numbers.
func (m Moments) Check(f int) error {
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

// Rebuild is removed channels as an affine function of the kept ones: a_R ≈ B·a_S + c.
type Rebuild struct {
	gone, kept []int
	b          *mat.Dense // len(gone)×len(kept), nil for none
	constant   []float64  // mean_R - B·mean_S
	Explained  float64    // share of the removed channels' variance that B accounts for
	Residual   []float64  // by removed channel, the share of its variance that B leaves; nil where nothing varies
}

// Fit solves (Cov_SS + λI)·Bᵀ = Cov_SR with λ = 0.01·trace(Cov)/F. Channels that never vary
// rebuild nothing but their mean.
func (m Moments) Fit(gone, kept []int) (*Rebuild, error) {
	r := &Rebuild{gone: gone, kept: kept, constant: make([]float64, len(gone))}
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

// Inverse is the upper triangle of (Cov + λI)⁻¹, F×F row-major, with the λ of Fit; nil where no channel varies.
func (m Moments) Inverse() ([]float64, error) {
	f := len(m.Mean)
	lambda := ridgeShare * m.trace() / float64(f)
	if lambda <= 0 {
		return nil, nil
	}
	a := make([]float64, f*f)
	symmetric.Mean(a, m.Cov, f)
	for i := range f {
		a[i*f+i] += lambda
	}
	if !symmetric.Inverse(a, f) {
		return nil, fmt.Errorf("covariance of %d channels is not positive definite with λ %.3g", f, lambda)
	}
	return a, nil
}

// finish takes the kept channels' part out of the constant and measures the fit.
func (r *Rebuild) finish(m Moments) {
	f := len(m.Mean)
	var total, explained float64
	r.Residual = make([]float64, len(r.gone))
	for i, g := range r.gone {
		own := 0.0
		for j, k := range r.kept {
			r.constant[i] -= r.b.At(i, j) * m.Mean[k]
			own += r.b.At(i, j) * m.Cov[g*f+k]
		}
		if v := m.Cov[g*f+g]; v > 0 {
			r.Residual[i] = 1 - own/v
		}
		total += m.Cov[g*f+g]
		explained += own
	}
	if total > 0 {
		r.Explained = explained / total
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

// Apply adds the removed columns to the kept ones and returns the constant of each output.
//
//	w  O×…×F, F the input channels
func (r *Rebuild) Apply(w []float32, s tensor.Shape) (repaired []float32, constant []float64) {
	f, outs := s.Channels(), s[0]
	taps := s.Rows() / outs
	repaired = tensor.Floats(len(w))
	copy(repaired, w)
	constant = make([]float64, outs)
	for row := range outs * taps {
		constant[row/taps] += r.row(repaired[row*f:(row+1)*f], w[row*f:(row+1)*f])
	}
	return repaired, constant
}

// row treats one tap of one output and returns its constant.
func (r *Rebuild) row(dst, src []float32) float64 {
	add := make([]float64, len(r.kept))
	var constant float64
	for i, g := range r.gone {
		w := float64(src[g])
		constant += w * r.constant[i]
		if r.b == nil || w == 0 {
			continue
		}
		for j, b := range r.b.RawRowView(i) {
			add[j] += w * b
		}
	}
	for j, k := range r.kept {
		dst[k] = float32(float64(src[k]) + add[j])
	}
	return constant
}
