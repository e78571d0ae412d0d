package op

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// MapRankSide is the largest shorter side of a map that MapRank takes.
const MapRankSide = 14

// MapRank is the effective rank of each channel's map, exp(-Σ q·ln q) with q its singular values as shares of their
// sum (Roy & Vetterli 2007), 0 where the map is: a number from 1 to min(H, W) where the plain rank of small maps is
// nearly always full. Singular values are roots of the eigenvalues of the Gram matrix of the shorter side.
//
//	a  N×H×W×C, H or W at most MapRankSide, or N×C: maps of one pixel
//	y  N×C
type MapRank struct{}

// Kind is MapRank.
func (MapRank) Kind() string { return "MapRank" }

// Infer is N×C.
func (MapRank) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != 2 && len(in[0]) != 4 {
		return nil, fmt.Errorf("inputs %v, want one activation N×H×W×C or N×C", in)
	}
	if s := in[0]; len(s) == 4 && min(s[1], s[2]) > MapRankSide {
		return nil, fmt.Errorf("maps of %d×%d, want a side of at most %d: pool them first", s[1], s[2], MapRankSide)
	}
	return tensor.Shape{in[0][0], in[0].Channels()}, nil
}

// Lower goes image by image.
func (MapRank) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	images, c := n.Shape[0], n.Shape[1]
	h, w := 1, 1
	if s := n.In[0].Shape; len(s) == 4 {
		h, w = s[1], s[2]
	}
	size := h * w * c
	body := func(i, _ int) {
		a := m.In[0][i*size : (i+1)*size]
		for j := range c {
			m.Out[i*c+j] = float32(effectiveRank(a[j:], h, w, c))
		}
	}
	return graph.Loop{Run: func() { e.Pool.Run(images, body) }}
}

// effectiveRank is that of the h×w map of every c-th value of a.
func effectiveRank(a []float32, h, w, c int) float64 {
	var g symmetric
	n, long, down, along := h, w, w*c, c
	if w < h {
		n, long, down, along = w, h, c, w*c
	}
	var v [MapRankSide]float64
	for k := range long {
		for i := range n {
			v[i] = float64(a[k*along+i*down])
		}
		for i := range n {
			for j := range i + 1 {
				g[i][j] += v[i] * v[j]
			}
		}
	}
	return exponentOfEntropy(g.eigenvalues(n), n)
}

// exponentOfEntropy is exp(-Σ q·ln q) of the roots of d, n values, as shares of their sum.
func exponentOfEntropy(d [MapRankSide]float64, n int) float64 {
	sum, logs := 0.0, 0.0
	for _, x := range d[:n] {
		if x = math.Sqrt(max(x, 0)); x > 0 || math.IsNaN(x) {
			sum += x
			logs += x * math.Log(x)
		}
	}
	if sum == 0 {
		return 0
	}
	return math.Exp(math.Log(sum) - logs/sum)
}

// symmetric is a matrix of which the lower triangle counts.
type symmetric [MapRankSide][MapRankSide]float64

// eigenvalues are those of the first n rows and columns, in no order, exact to about 1e-15 of the largest; g is
// overwritten. Householder's reduction and implicit QR steps (Golub & Van Loan, §8.3).
func (g *symmetric) eigenvalues(n int) [MapRankSide]float64 {
	d, e := g.tridiagonal(n)
	size := 0.0
	for _, x := range d[:n] {
		size += math.Abs(x)
	}
	small := 1e-16 * size
	for hi, steps := n-1, 0; hi > 0 && steps < 40*n; {
		if math.Abs(e[hi-1]) <= small {
			hi--
			continue
		}
		lo := hi - 1
		for lo > 0 && math.Abs(e[lo-1]) > small {
			lo--
		}
		qrStep(&d, &e, lo, hi)
		steps++
	}
	return d
}

// tridiagonal is the diagonal and what lies beside it of a tridiagonal matrix with the same eigenvalues.
func (g *symmetric) tridiagonal(n int) (d, e [MapRankSide]float64) {
	for k := range n {
		d[k] = g[k][k]
		if k < n-1 {
			e[k] = g[k+1][k]
		}
		if k < n-2 {
			e[k] = g.reflect(k, n)
		}
	}
	return d, e
}

// reflect turns column k below the diagonal into one value, which it returns, by a reflection of the rows and columns
// behind k: with v the direction and b = 2/vᵀv, A becomes A - v·qᵀ - q·vᵀ, q = b·A·v - (b²/2·vᵀ·A·v)·v.
func (g *symmetric) reflect(k, n int) float64 {
	var v, q [MapRankSide]float64
	norm := 0.0
	for i := k + 1; i < n; i++ {
		v[i] = g[i][k]
		norm += v[i] * v[i]
	}
	if norm == v[k+1]*v[k+1] {
		return v[k+1]
	}
	end := -math.Copysign(math.Sqrt(norm), v[k+1])
	b := 1 / (norm - end*v[k+1])
	v[k+1] -= end
	inner := 0.0
	for i := k + 1; i < n; i++ {
		for j := k + 1; j <= i; j++ {
			q[i] += g[i][j] * v[j]
			if j < i {
				q[j] += g[i][j] * v[i]
			}
		}
	}
	for i := k + 1; i < n; i++ {
		q[i] *= b
		inner += q[i] * v[i]
	}
	for i := k + 1; i < n; i++ {
		q[i] -= b / 2 * inner * v[i]
		for j := k + 1; j <= i; j++ {
			g[i][j] -= v[i]*q[j] + q[i]*v[j]
		}
	}
	return end
}

// qrStep is one implicit QR step with Wilkinson's shift on rows lo to hi.
func qrStep(d, e *[MapRankSide]float64, lo, hi int) {
	half, last := (d[hi-1]-d[hi])/2, e[hi-1]
	shift := d[hi] - last*last/(half+math.Copysign(math.Sqrt(half*half+last*last), half))
	x, z := d[lo]-shift, e[lo]
	for k := lo; k < hi; k++ {
		r := math.Sqrt(x*x + z*z)
		c, s := 1.0, 0.0
		if r > 0 {
			c, s = x/r, z/r
		}
		if k > lo {
			e[k-1] = r
		}
		a, b, f := d[k], d[k+1], e[k]
		d[k], d[k+1], e[k] = c*c*a+2*c*s*f+s*s*b, s*s*a-2*c*s*f+c*c*b, c*s*(b-a)+(c*c-s*s)*f
		if k < hi-1 {
			x, z, e[k+1] = e[k], s*e[k+1], c*e[k+1]
		}
	}
}
