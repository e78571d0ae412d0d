package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// What layer-wise relevance propagation (Bach et al., PLoS ONE 10(7), 2015) needs beside the ops of forward and
// backward passes. A layer z = Σ x·w hands the relevance r of its outputs on to its inputs in two steps: s = Quotient(z, r)
// and, with c = wᵀs, Portion(c, x) = c·x.

// leastZ stands for smaller sums of shares, so that no quotient of a relevance of at most 1 overflows. What is too large
// by it is multiplied with shares that are too small by as much.
const leastZ = 1e-30

// Quotient is relevance per unit of what it is shared by: s = r/z for z ≥ 0, or with Eps s = r/(z + Eps·sign z), the sign
// of 0 being 1.
//
// With Floor a z of less than Floor times the mean z of its image gives 0: what a fast convolution leaves of a sum of
// zeros is not exactly zero, and must not be divided by.
//
//	z, r, s  N×…
type Quotient struct{ Eps, Floor float32 }

// Kind is Quotient.
func (Quotient) Kind() string { return "Quotient" }

// Infer keeps the shape.
func (q Quotient) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if !(q.Eps >= 0) || !(q.Floor >= 0) || q.Eps > 0 && q.Floor > 0 {
		return nil, fmt.Errorf("eps %g and floor %g, want one of them above 0 at most", q.Eps, q.Floor)
	}
	return inferUnaryGrad(in)
}

// InPlace may overwrite z.
func (Quotient) InPlace() []int { return []int{0} }

// Lower divides piece by piece, with a floor image by image.
func (q Quotient) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	if f := q.zip(e.Kernels); f != nil {
		return zipLoop(e, n, m, 1, f)
	}
	images := n.Shape[0]
	body := func(i, _ int) {
		z := perImage(m.In[0], i, images)
		quotientsAbove(perImage(m.Out, i, images), z, perImage(m.In[1], i, images), q.Floor*float32(e.Kernels.Sum(z)/float64(len(z))))
	}
	return graph.Loop{Run: func() { e.Pool.Run(images, body) }}
}

// zip is the loop over any elements, nil with a floor.
func (q Quotient) zip(k kernels.Set) func(s, z, r []float32) {
	switch {
	case q.Floor > 0:
		return nil
	case q.Eps > 0:
		return func(s, z, r []float32) { quotientsSigned(s, z, r, q.Eps) }
	}
	return func(s, z, r []float32) { k.DivClip(s, r, z, leastZ, infinity) }
}

// quotientsAbove is r/z where z is at least that large, else 0.
func quotientsAbove(s, z, r []float32, least float32) {
	least = max(least, leastZ)
	for i, v := range z {
		if v >= least {
			s[i] = r[i] / v
		} else {
			s[i] = 0
		}
	}
}

// quotientsSigned is r/(z + eps·sign z).
func quotientsSigned(s, z, r []float32, eps float32) {
	for i, v := range z {
		if v < 0 {
			s[i] = r[i] / (v - eps)
		} else {
			s[i] = r[i] / (v + eps)
		}
	}
}

// Portion is what an input gets: r = c·x, or with bounds r = c·min(max(x, Min), Max).
//
//	c, x, r  of one shape
type Portion struct{ Min, Max float32 } // both 0: none

// Kind is Portion.
func (Portion) Kind() string { return "Portion" }

// Infer keeps the shape.
func (Portion) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferUnaryGrad(in) }

// InPlace may overwrite either.
func (Portion) InPlace() []int { return []int{0, 1} }

// Lower multiplies piece by piece.
func (p Portion) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return zipLoop(e, n, m, 1, p.zip(e.Kernels))
}

func (p Portion) zip(k kernels.Set) func(r, c, x []float32) {
	if p == (Portion{}) {
		return k.Mul
	}
	return func(r, c, x []float32) { k.MulClip(r, c, x, p.Min, p.Max) }
}

// Signs takes positive and negative values apart: max(x, 0), then min(x, 0).
//
//	x  …×C
//	y  …×2C
type Signs struct{}

// Kind is Signs.
func (Signs) Kind() string { return "Signs" }

// Infer doubles the channels.
func (Signs) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) == 0 {
		return nil, fmt.Errorf("inputs %v, want one with channels", in)
	}
	y := in[0].Clone()
	y[len(y)-1] *= 2
	return y, nil
}

// Lower goes pixel by pixel.
func (Signs) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c := n.In[0].Shape.Channels()
	return graph.Loop{Run: inPieces(e, n.Shape.Rows(), 2*c, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			x, y := m.In[0][r*c:(r+1)*c], m.Out[2*r*c:2*(r+1)*c]
			e.Kernels.Clip(y[:c], x, 0, infinity)
			e.Kernels.Clip(y[c:], x, -infinity, 0)
		}
	})}
}

// SignedPortion is Portion for what went through Signs: r = c⁺·x where x > 0, else c⁻·x.
//
//	c     …×2C, c⁺ then c⁻
//	x, r  …×C
type SignedPortion struct{}

// Kind is SignedPortion.
func (SignedPortion) Kind() string { return "SignedPortion" }

// Infer is the shape of x.
func (SignedPortion) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 {
		return nil, fmt.Errorf("%d inputs, want c and x", len(in))
	}
	if c, err := (Signs{}).Infer(in[1:]); err != nil || !c.Equal(in[0]) {
		return nil, fmt.Errorf("c %v for x %v, want twice the channels", in[0], in[1])
	}
	return in[1].Clone(), nil
}

// Lower goes pixel by pixel.
func (SignedPortion) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	c := n.Shape.Channels()
	return graph.Loop{Run: inPieces(e, n.Shape.Rows(), 3*c, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			of := m.In[0][2*r*c : 2*(r+1)*c]
			e.Kernels.MulSigned(m.Out[r*c:(r+1)*c], of[:c], of[c:], m.In[1][r*c:])
		}
	})}
}

// How Shares divides.
const (
	SharePositive = iota // by what is positive
	ShareSize            // by magnitude
	ShareSigned          // by value, over the sum + Eps·sign of the sum
)

// Shares is the relevance that input Of of a sum gets of r, in proportion to its value beside the others'. Where nobody has
// a share, nobody gets anything.
//
//	r, x1, x2, …, y  of one shape
type Shares struct {
	Of, By int
	Eps    float32 // of ShareSigned, above 0
}

// Kind is Shares.
func (Shares) Kind() string { return "Shares" }

// Infer keeps the shape.
func (s Shares) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if s.Of < 0 || s.Of+1 >= len(in) || s.By < SharePositive || s.By > ShareSigned || !(s.Eps >= 0) || (s.By == ShareSigned) != (s.Eps > 0) {
		return nil, fmt.Errorf("share %d by rule %d and eps %g with %d inputs, want r and those that it is divided among", s.Of, s.By, s.Eps, len(in))
	}
	return (AddN{}).Infer(in)
}

// sharesChunk is the number of elements that Shares works on at a time: its sums stay in the cache.
const sharesChunk = 1024

// Lower divides chunk by chunk.
func (s Shares) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	claim, quotient := s.claim(e.Kernels), Quotient{Eps: s.Eps}.zip(e.Kernels)
	run := inWorkerPieces(e, n.Shape.Elems(), 2*len(n.In), func(lo, hi, worker int) {
		work := m.Scratch[2*worker*sharesChunk:][:2*sharesChunk]
		for ; lo < hi; lo += sharesChunk {
			size := min(sharesChunk, hi-lo)
			sum, one := work[:size], work[sharesChunk:][:size]
			claim(sum, m.In[1][lo:lo+size])
			for _, x := range m.In[2:] {
				claim(one, x[lo:lo+size])
				e.Kernels.Add(sum, sum, one)
			}
			quotient(sum, sum, m.In[0][lo:lo+size])
			claim(one, m.In[1+s.Of][lo:lo+size])
			e.Kernels.Mul(m.Out[lo:lo+size], sum, one)
		}
	})
	return graph.Loop{Scratch: 2 * e.Pool.Threads() * sharesChunk, Run: run}
}

// claim is what an input's values x count.
func (s Shares) claim(k kernels.Set) func(y, x []float32) {
	switch s.By {
	case SharePositive:
		return func(y, x []float32) { k.Clip(y, x, 0, infinity) }
	case ShareSize:
		return k.Abs
	}
	return func(y, x []float32) { copy(y, x) }
}
