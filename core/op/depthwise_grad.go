package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// DepthwiseGradInput is the gradient of Depthwise for x. InSize is the height and width of x,
// Multiplier the number of filters of a channel.
//
//	dx  N×H×W×C
//	dy  N×OH×OW×(C·m)
//	w   (C·m)×KH×KW×1
type DepthwiseGradInput struct {
	Stride, Dilation [2]int
	Pads             [4]int
	InSize           [2]int
	Multiplier       int
}

// Kind is DepthwiseGradInput.
func (DepthwiseGradInput) Kind() string { return "DepthwiseGradInput" }

func (d DepthwiseGradInput) forward() Depthwise { return Depthwise{d.Stride, d.Dilation, d.Pads} }

// Infer wants dy as Depthwise would make it from dx.
func (d DepthwiseGradInput) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) != 4 || len(in[1]) != 4 || d.Multiplier < 1 || in[1][0]%d.Multiplier != 0 {
		return nil, fmt.Errorf("inputs %v, want dy and w of four axes with %d filters for a channel", in, d.Multiplier)
	}
	dx := tensor.Shape{in[0][0], d.InSize[0], d.InSize[1], in[1][0] / d.Multiplier}
	dy, err := d.forward().Infer([]tensor.Shape{dx, in[1]})
	if err != nil {
		return nil, err
	}
	if !dy.Equal(in[0]) {
		return nil, fmt.Errorf("dy is %v, input %v and weight %v make %v", in[0], dx, in[1], dy)
	}
	return dx, nil
}

// Lower goes row by row over dx.
func (d DepthwiseGradInput) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return d.lowerWith(e, n, m, hooks{})
}

func (d DepthwiseGradInput) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	return lowerUnpacked(d, e, n, m, h)
}

// lowering is a depthwise convolution of dy with the taps turned round, one for each phase of the
// stride.
func (d DepthwiseGradInput) lowering(e *graph.Env, n *graph.Node, _ bool) lowering {
	dy, w := n.In[0].Shape, n.In[1].Shape
	win := d.forward().window([2]int{w[1], w[2]})
	l := &depthwiseLoop{e: e, c: n.Shape[3], filters: w[0], taps: w[1] * w[2], size: d.InSize}
	l.row = e.Kernels.DepthwiseRow
	if d.Multiplier > 1 {
		l.row = depthwiseCollect(d.Multiplier)
	}
	for py := range min(win.stride[0], d.InSize[0]) {
		for px := range min(win.stride[1], d.InSize[1]) {
			p := depthwisePass{images: dy[0], size: [2]int{dy[1], dy[2]}, channels: dy[3],
				step: [2]int{1, 1}, from: [2]int{py, px}, outStep: win.stride}
			p.grid = [2]int{(d.InSize[0]-py-1)/win.stride[0] + 1, (d.InSize[1]-px-1)/win.stride[1] + 1}
			var ky, kx []int
			p.ty, ky = win.phase(0, py)
			p.tx, kx = win.phase(1, px)
			for _, a := range ky {
				for _, b := range kx {
					p.kernel = append(p.kernel, a*w[2]+b)
				}
			}
			l.passes = append(l.passes, p)
		}
	}
	return l.prepare()
}

// DepthwiseGradWeight is the gradient of Depthwise for w. Kernel is the height and width of w.
//
//	dw  (C·m)×KH×KW×1
//	dy  N×OH×OW×(C·m)
//	x   N×H×W×C
type DepthwiseGradWeight struct {
	Stride, Dilation [2]int
	Pads             [4]int
	Kernel           [2]int
}

// Kind is DepthwiseGradWeight.
func (DepthwiseGradWeight) Kind() string { return "DepthwiseGradWeight" }

func (d DepthwiseGradWeight) forward() Depthwise { return Depthwise{d.Stride, d.Dilation, d.Pads} }

// Infer wants dy as Depthwise would make it from x.
func (d DepthwiseGradWeight) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) != 4 || len(in[1]) != 4 {
		return nil, fmt.Errorf("inputs %v, want dy and x of four axes each", in)
	}
	dw := tensor.Shape{in[0][3], d.Kernel[0], d.Kernel[1], 1}
	if err := dw.Check(); err != nil {
		return nil, err
	}
	dy, err := d.forward().Infer([]tensor.Shape{in[1], dw})
	if err != nil {
		return nil, err
	}
	if !dy.Equal(in[0]) {
		return nil, fmt.Errorf("dy is %v, input %v and weight %v make %v", in[0], in[1], dw, dy)
	}
	return dw, nil
}

// depthwiseChunks is the number of chunks of rows that have a dw of their own.
const depthwiseChunks = 8

// Lower sums over fixed chunks of output rows, taps×channels each, and adds the chunks in order.
func (d DepthwiseGradWeight) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return d.lowerWith(e, n, m, hooks{})
}

// begins always; x is input 1.
func (DepthwiseGradWeight) begins([]*graph.Node) bool { return true }

func (d DepthwiseGradWeight) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	dy, x, c := n.In[0].Shape, n.In[1].Shape, n.Shape[0]
	win := d.forward().window(d.Kernel)
	p := &depthwisePass{images: x[0], grid: [2]int{dy[1], dy[2]}, size: [2]int{x[1], x[2]}, channels: x[3],
		step: win.stride, ty: win.taps(0), tx: win.taps(1)}
	p.prepare()
	grad := e.Kernels.DepthwiseGrad
	if mult := c / x[3]; mult > 1 {
		grad = depthwiseSpreadGrad(mult)
	}
	elems, rows := n.Shape.Elems(), dy[0]*dy[1]
	chunks := min(depthwiseChunks, rows)
	line, xs := dy[2]*c, win.stride[1]*x[3]
	band := newDepthwiseBand(p, h.begin)
	perWork := band.floats(p)
	body := func(part, worker int) {
		lo, hi := kernels.Chunk(rows, chunks, part)
		dw, work := m.Scratch[part*elems:(part+1)*elems], m.Scratch[chunks*elems+worker*perWork:][:perWork]
		clear(dw)
		band.each(p, m.In[1], work, lo, hi, func(r int, x []float32, base int) {
			fetchAhead(e, m.In[0], (r+1)*line, line)
			p.each(r/dy[1], r%dy[1], func(s *depthwiseSpan, src, tap, taps int, _ bool) {
				if taps > 0 {
					grad(dw[tap*c:], m.In[0][r*line+s.lo*c:], c, x[src-base:], xs, p.off[:taps], s.hi-s.lo, c)
				}
			})
		})
	}
	return graph.Loop{Scratch: chunks*elems + e.Pool.Threads()*perWork, Run: func() {
		e.Pool.Run(chunks, body)
		depthwiseReduce(m.Out, m.Scratch[:chunks*elems], c)
	}}
}

// depthwiseReduce adds chunks of taps×c and turns the sum into c×taps.
func depthwiseReduce(dw, chunks []float32, c int) {
	elems := len(dw)
	taps := elems / c
	for t := range taps {
		for j := range c {
			sum := 0.0
			for i := t*c + j; i < len(chunks); i += elems {
				sum += float64(chunks[i])
			}
			dw[j*taps+t] = float32(sum)
		}
	}
}

// depthwiseSpread is DepthwiseRow where each channel of x feeds m channels of y.
func depthwiseSpread(m int) depthwiseRow {
	return func(y []float32, ys int, x []float32, xs int, w []float32, off []int, n, c int, acc bool) {
		for p := range n {
			yp := y[p*ys:][:c]
			if !acc {
				clear(yp)
			}
			for t, o := range off {
				xp, wt := x[p*xs+o:], w[t*c:][:c]
				for j := range yp {
					yp[j] += xp[j/m] * wt[j]
				}
			}
		}
	}
}

// depthwiseCollect is DepthwiseRow where m channels of x feed each channel of y.
func depthwiseCollect(m int) depthwiseRow {
	return func(y []float32, ys int, x []float32, xs int, w []float32, off []int, n, c int, acc bool) {
		for p := range n {
			yp := y[p*ys:][:c]
			if !acc {
				clear(yp)
			}
			for t, o := range off {
				xp, wt := x[p*xs+o:][:c*m], w[t*c*m:][:c*m]
				for j, v := range xp {
					yp[j/m] += v * wt[j]
				}
			}
		}
	}
}

// depthwiseSpreadGrad is DepthwiseGrad where each channel of x feeds m channels of y.
func depthwiseSpreadGrad(m int) func(dw, dy []float32, ys int, x []float32, xs int, off []int, n, c int) {
	return func(dw, dy []float32, ys int, x []float32, xs int, off []int, n, c int) {
		for p := range n {
			dyp := dy[p*ys:][:c]
			for t, o := range off {
				xp, dt := x[p*xs+o:], dw[t*c:][:c]
				for j, v := range dyp {
					dt[j] += v * xp[j/m]
				}
			}
		}
	}
}
