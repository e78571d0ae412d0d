package op

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// BSS is batch spectral shrinkage, Σ of the K smallest squared singular values of a batch's features: what
// transfers badly lies in the directions of small singular values (Chen et al., NeurIPS 2019).
//
//	features  N×D
//	weight    N, images with weight 0 are padding and do not count
//	y         1
type BSS struct{ K int }

// Kind is BSS.
func (BSS) Kind() string { return "BSS" }

// Infer is one element.
func (b BSS) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) != 2 || !in[1].Equal(in[0][:1]) {
		return nil, fmt.Errorf("inputs %v, want features N×D and one weight a row", in)
	}
	if b.K < 1 {
		return nil, fmt.Errorf("%d singular values, want at least 1", b.K)
	}
	return tensor.Shape{1}, nil
}

// Lower works in float64 on the features' inner products: a batch is smaller than its features are long.
func (b BSS) Lower(_ *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	s := newSpectrum(n.In[0].Shape)
	return graph.Loop{Run: func() {
		sum := 0.0
		if !s.solve(m.In[0], m.In[1]) {
			sum = math.NaN()
		}
		for _, v := range s.smallest(b.K) {
			sum += math.Max(s.values[v], 0)
		}
		m.Out[0] = float32(sum)
	}}
}

// Grad flows to the features only.
func (b BSS) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	grads := make([]*graph.Node, 2)
	if want[0] {
		grads[0] = g.Add(n.Name+".dx", BSSGrad(b), n.In[0], n.In[1], dy)
	}
	return grads
}

// BSSGrad is the gradient for the features, 2·dy·Σ v·(vᵀF) over the left singular vectors v of the K smallest
// singular values.
//
//	dx, features  N×D
//	weight        N
//	dy            1
type BSSGrad struct{ K int }

// Kind is BSSGrad.
func (BSSGrad) Kind() string { return "BSSGrad" }

// Infer is the shape of the features.
func (b BSSGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 3 || !in[2].Equal(tensor.Shape{1}) {
		return nil, fmt.Errorf("inputs %v, want features, weight and dy of one element", in)
	}
	if _, err := BSS(b).Infer(in[:2]); err != nil {
		return nil, err
	}
	return in[0].Clone(), nil
}

// Lower solves again: the batch's spectrum is small beside a step.
func (b BSSGrad) Lower(_ *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	s := newSpectrum(n.In[0].Shape)
	along := make([]float64, s.d)
	return graph.Loop{Run: func() {
		clear(m.Out)
		if !s.solve(m.In[0], m.In[1]) {
			return // the loss is NaN and ends the training
		}
		for _, v := range s.smallest(b.K) {
			s.project(along, m.In[0], v)
			for r, i := range s.rows {
				by := 2 * float64(m.In[2][0]) * s.vector(r, v)
				for j, a := range along {
					m.Out[i*s.d+j] += float32(by * a)
				}
			}
		}
	}}
}

// spectrum is the eigenvalues of F·Fᵀ over the rows that count, ascending, and their vectors.
type spectrum struct {
	n, d                int
	rows                []int // that count
	values, gram, space []float64
	order               []int
}

func newSpectrum(f tensor.Shape) *spectrum {
	s := &spectrum{n: f[0], d: f[1]}
	s.rows, s.order = make([]int, 0, s.n), make([]int, s.n)
	for i := range s.order {
		s.order[i] = i
	}
	s.values, s.gram = make([]float64, s.n), make([]float64, s.n*s.n)
	s.space = make([]float64, max(1, 34*s.n)) // n·(block + 2) of Dsyev with blocks of 32
	return s
}

// solve returns false where the features are no numbers.
func (s *spectrum) solve(f, weight []float32) bool {
	s.rows = s.rows[:0]
	for i, w := range weight {
		if w != 0 {
			s.rows = append(s.rows, i)
		}
	}
	k, trace := len(s.rows), 0.0
	for a, i := range s.rows {
		for b, j := range s.rows[:a+1] {
			sum := 0.0
			for t, v := range f[i*s.d : (i+1)*s.d] {
				sum += float64(v) * float64(f[j*s.d+t])
			}
			s.gram[b*k+a] = sum
		}
		trace += s.gram[a*k+a]
	}
	if k == 0 || math.IsNaN(trace) || math.IsInf(trace, 0) {
		return k == 0
	}
	return lapack64.Syev(lapack.EVCompute, blas64.Symmetric{N: k, Stride: k, Data: s.gram[:k*k], Uplo: blas.Upper}, s.values[:k], s.space, len(s.space))
}

// smallest are the places of the k smallest of the min(N, D) singular values.
func (s *spectrum) smallest(k int) []int {
	n := len(s.rows)
	first := max(0, n-s.d)
	return s.order[first:min(first+k, n)]
}

// vector is component r of eigenvector v.
func (s *spectrum) vector(r, v int) float64 { return s.gram[r*len(s.rows)+v] }

// project is vᵀF.
func (s *spectrum) project(along []float64, f []float32, v int) {
	clear(along)
	for r, i := range s.rows {
		by := s.vector(r, v)
		for j, x := range f[i*s.d : (i+1)*s.d] {
			along[j] += by * float64(x)
		}
	}
}
