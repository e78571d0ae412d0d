package op

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// PixelShares is the relevance of what a convolution of single pixels reads, by z⁺: Quotient and Portion and the two
// products between them as one loop, block of pixels by block, so that neither the sums of shares nor the quotients, both as
// large as the output, are ever stored.
//
// Signed is for x that may be negative: x⁺·w⁺ + x⁻·w⁻ = (x·w + |x|·|w|)/2 then needs one product beside the layer's own
// output y. Where the two cancel, what is left of |x|·|w| is rounding once it is smaller than marginal, and counts as that
// much: no output hands out more than it has.
//
//	x  N×H×W×I
//	w  O×1×1×I
//	r  N×H×W×O, the relevance of the output
//	y  N×H×W×O, the output x·w + b, only if Signed
//	b  O, only if Signed, optional
//	   N×H×W×I, the result
type PixelShares struct{ Signed bool }

// marginal and, of a bias, marginalBias are some ten times what rounding leaves of a sum of a thousand terms that cancel.
const (
	marginal     = 1e-5
	marginalBias = 1e-6
)

// Kind is PixelShares.
func (PixelShares) Kind() string { return "PixelShares" }

// SinglePixels reports whether each output pixel of a convolution by weights of shape w reads one pixel, at its own place.
func (c Conv) SinglePixels(w tensor.Shape) bool {
	win := c.window([2]int{w[1], w[2]})
	return w[1] == 1 && w[2] == 1 && c.groups() == 1 && win.stride == [2]int{1, 1} && c.Pads == [4]int{}
}

// Infer is the shape of x.
func (p PixelShares) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) < 2 {
		return nil, fmt.Errorf("%d inputs, want x, w and r", len(in))
	}
	y, err := Conv{}.Infer(in[:2])
	switch most := 3; {
	case err != nil:
		return nil, err
	case !(Conv{}).SinglePixels(in[1]):
		return nil, fmt.Errorf("weight %v, want one of single pixels", in[1])
	case p.Signed:
		most = 5
		fallthrough
	default:
		if len(in) > most {
			return nil, fmt.Errorf("%d inputs, want %d at most", len(in), most)
		}
	}
	for _, s := range in[2:min(len(in), 4)] {
		if !s.Equal(y) {
			return nil, fmt.Errorf("%v beside input %v and weight %v, want %v", s, in[0], in[1], y)
		}
	}
	if len(in) == 5 && !in[4].Equal(y[3:]) {
		return nil, fmt.Errorf("bias %v, want %v", in[4], y[3:])
	}
	return in[0].Clone(), nil
}

// MACs are those of its products.
func (p PixelShares) MACs(n *graph.Node) int64 {
	one := int64(n.Shape.Elems()) * int64(n.In[2].Shape.Channels())
	if p.Signed {
		return 3 * one
	}
	return 2 * one
}

// Lower goes block by block.
func (p PixelShares) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return p.lowerWith(e, n, m, hooks{})
}

func (p PixelShares) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	return lowerUnpacked(p, e, n, m, h)
}

func (p PixelShares) lowering(e *graph.Env, n *graph.Node, _ bool) lowering {
	w := n.In[1].Shape
	l := &pixelSharesLoop{e: e, signed: p.Signed, bias: len(n.In) > 4, rows: n.Shape.Rows(), in: w[3], out: w[0]}
	l.sums = l.panels(l.in, l.out)
	l.back[0] = l.panels(l.out, l.in)
	if p.Signed {
		l.back[1] = l.panels(l.out, l.in)
	}
	return l
}

// pixelSharesLoop works on blocks of pixels that stay in the second-level cache.
type pixelSharesLoop struct {
	e             *graph.Env
	m             *graph.Mem
	signed, bias  bool
	rows, in, out int
	sums          packedPanels    // |w|, or w⁺, for the sums of shares
	back          [2]packedPanels // w⁺ and, if signed, w⁻, both twice: the sums are twice what they should be
	floats        int             // of all panels
	block, parts  int
	shift, least  []float32 // O, if signed: -b, and what of the sum of shares rounding may be at least
	hooks
}

// packedPanels is where a k×n matrix lies that is packed in blocks of columns.
type packedPanels struct{ k, n, at, size int }

func (l *pixelSharesLoop) panels(k, n int) packedPanels {
	p := packedPanels{k, n, l.floats, (l.e.Kernels.PackSize(k, convCols) + 15) / 16 * 16}
	l.floats += (n + convCols - 1) / convCols * p.size
	return p
}

// each calls f for each block of columns with what is packed of it.
func (p packedPanels) each(packed []float32, f func(lo, hi int, panel []float32)) {
	for lo, at := 0, p.at; lo < p.n; lo, at = lo+convCols, at+p.size {
		f(lo, min(lo+convCols, p.n), packed[at:at+p.size])
	}
}

// times is C = A·B.
//
//	c  rows×n
//	a  rows×k
func (p packedPanels) times(k *kernels.Set, c, a, packed []float32, rows int) {
	for lo, at := 0, p.at; lo < p.n; lo, at = lo+convCols, at+p.size {
		k.Gemm(c[lo:], p.n, a, p.k, packed[at:], rows, min(convCols, p.n-lo), p.k, false)
	}
}

func (l *pixelSharesLoop) packed() int { return l.floats }

// pack makes the parts of the weights, one after the other in its scratch.
func (l *pixelSharesLoop) pack(m *graph.Mem) graph.Loop {
	raised := func(v float32) float32 { return max(v, 0) }
	sums, back := raised, [2]func(float32) float32{raised, nil}
	if l.signed {
		sums = func(v float32) float32 { return float32(math.Abs(float64(v))) }
		back = [2]func(float32) float32{func(v float32) float32 { return 2 * max(v, 0) }, func(v float32) float32 { return 2 * min(v, 0) }}
	}
	return graph.Loop{Scratch: l.in * l.out, Run: func() {
		w, k := m.Scratch[:l.in*l.out], l.e.Kernels
		part := func(of func(float32) float32) {
			for i, v := range m.In[0][:len(w)] {
				w[i] = of(v)
			}
		}
		part(sums)
		l.sums.each(m.Out, func(lo, hi int, panel []float32) { k.PackBT(panel, w[lo*l.in:], l.in, l.in, hi-lo) })
		for i, of := range back {
			if of != nil {
				part(of)
				l.back[i].each(m.Out, func(lo, hi int, panel []float32) { k.PackB(panel, w[lo:], l.in, l.out, hi-lo) })
			}
		}
	}}
}

// run divides the pixels.
func (l *pixelSharesLoop) run(m *graph.Mem, h hooks) graph.Loop {
	l.m, l.hooks, l.parts = m, h, max(1, min(l.rows/48, maxParts))
	perRow := l.out
	if l.signed {
		perRow += 2 * l.in
	}
	_, part := im2rowChunk(l.rows, l.parts, 0)
	l.block = min(im2rowBlock(perRow), part+8)
	perWork, biases := l.block*perRow, 2*l.out
	body := func(part, worker int) {
		lo, hi := im2rowChunk(l.rows, l.parts, part)
		for ; lo < hi; lo += l.block {
			l.some(part, lo, min(lo+l.block, hi), m.Scratch[biases+worker*perWork:][:perWork])
		}
	}
	return graph.Loop{Scratch: biases + l.e.Pool.Threads()*perWork, Run: func() {
		l.shift, l.least = m.Scratch[:l.out], m.Scratch[l.out:biases]
		clear(l.shift)
		if l.bias {
			l.e.Kernels.Scale(l.shift, -1, m.In[4][:l.out])
		}
		for i, v := range l.shift {
			l.least[i] = leastZ + marginalBias*float32(math.Abs(float64(v)))
		}
		l.e.Pool.Run(l.parts, body)
	}}
}

// some is rows lo to hi.
func (l *pixelSharesLoop) some(part, lo, hi int, work []float32) {
	k, rows := &l.e.Kernels, hi-lo
	x, y := l.m.In[0][lo*l.in:hi*l.in], l.m.Out[lo*l.in:hi*l.in]
	s, work := work[:rows*l.out], work[rows*l.out:]
	if l.signed {
		size, rest := work[:len(x)], work[len(x):2*len(x)]
		k.Abs(size, x)
		l.sums.times(k, s, size, l.m.In[1], rows)
		k.ShareRow(s, l.m.In[3][lo*l.out:hi*l.out], l.m.In[2][lo*l.out:], l.shift, l.least, marginal)
		l.back[0].times(k, y, s, l.m.In[1], rows)
		l.back[1].times(k, rest, s, l.m.In[1], rows)
		k.MulSigned(y, y, rest, x)
	} else {
		l.sums.times(k, s, x, l.m.In[1], rows)
		Quotient{}.zip(*k)(s, s, l.m.In[2][lo*l.out:hi*l.out])
		l.back[0].times(k, y, s, l.m.In[1], rows)
		k.Mul(y, y, x)
	}
	if l.end != nil {
		l.end(part, lo*l.in, hi*l.in)
	}
}
