package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// AveragePool is the mean over a window. The divisor is the number of pixels on the image, or
// with CountPad on the padded image; what hangs over that with Ceil never counts, as in
// onnxruntime and PyTorch. Strides of 0 mean 1.
//
//	x  N×H×W×C
type AveragePool struct {
	Kernel, Stride [2]int
	Pads           [4]int // top, left, bottom, right
	Ceil, CountPad bool
}

// Kind is the ONNX name.
func (AveragePool) Kind() string { return "AveragePool" }

func (p AveragePool) plane(s tensor.Shape) (poolPlane, error) {
	return newPoolPlane(s, p.Kernel, p.Stride, [2]int{1, 1}, p.Pads, p.Ceil)
}

// Infer counts the windows.
func (p AveragePool) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferPool(in, p.plane) }

// Lower goes window by window, all channels of a pixel at a time.
func (p AveragePool) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	w := poolPlane.must(p.plane(n.In[0].Shape))
	c := n.Shape.Channels()
	h, v := p.divisors(w)
	return graph.Loop{Run: w.outputRows(e, n, func(image, oh int) {
		x := perImage(m.In[0], image, n.Shape[0])
		y := m.Out[(image*w.h.out+oh)*w.w.out*c:]
		for ow := range w.w.out {
			yo := y[ow*c : (ow+1)*c]
			w.total(e.Kernels.Add, yo, x, oh, ow, c)
			e.Kernels.Scale(yo, 1/(h[oh]*v[ow]), yo)
		}
	})}
}

// total is y = the sum over the taps of one window.
func (p poolPlane) total(add func(y, a, b []float32), y, x []float32, oh, ow, c int) {
	h0, h1 := p.h.taps(oh)
	w0, w1 := p.w.taps(ow)
	clear(y)
	for th := h0; th < h1; th++ {
		row := (p.h.start(oh) + th) * p.w.in
		for tw := w0; tw < w1; tw++ {
			at := (row + p.w.start(ow) + tw) * c
			add(y, y, x[at:at+c])
		}
	}
}

// divisors is the number of pixels that count along each axis, window by window.
func (p AveragePool) divisors(w poolPlane) (h, v []float32) {
	return p.divisor(w.h), p.divisor(w.w)
}

func (p AveragePool) divisor(a poolAxis) []float32 {
	d := make([]float32, a.out)
	for o := range d {
		lo, hi := a.taps(o)
		if p.CountPad {
			lo, hi = 0, min(a.kernel, a.in+a.after-a.start(o))
		}
		d[o] = float32(hi - lo)
	}
	return d
}

// Grad spreads dy over the windows.
func (p AveragePool) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	x := n.In[0].Shape
	return gradOfFirst(g, n, want, AveragePoolGrad{Pool: p, Size: [2]int{x[1], x[2]}}, dy)
}

// Ties passes channels through.
func (AveragePool) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// AveragePoolGrad is the sum over the windows that a pixel is in of dy, divided as the mean was.
//
//	dy  N×OH×OW×C
//	dx  N×H×W×C
type AveragePoolGrad struct {
	Pool AveragePool
	Size [2]int // H, W
}

// Kind is AveragePoolGrad.
func (AveragePoolGrad) Kind() string { return "AveragePoolGrad" }

// Infer is the shape of x.
func (p AveragePoolGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != 4 {
		return nil, fmt.Errorf("inputs %v, want dy, N×OH×OW×C", in)
	}
	x := tensor.Shape{in[0][0], p.Size[0], p.Size[1], in[0][3]}
	if err := x.Check(); err != nil {
		return nil, err
	}
	y, err := p.Pool.Infer([]tensor.Shape{x})
	if err == nil && !y.Equal(in[0]) {
		err = fmt.Errorf("dy %v, want %v", in[0], y)
	}
	return x, err
}

// Lower makes dx row by row, so that no two workers write to the same place.
func (p AveragePoolGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	w := poolPlane.must(p.Pool.plane(n.Shape))
	c := n.Shape.Channels()
	h, v := p.Pool.divisors(w)
	weight := w.w.in * c * max(1, w.taps()/(w.h.stride*w.w.stride))
	return graph.Loop{Run: inPieces(e, n.Shape[0]*w.h.in, weight, func(lo, hi int) {
		for r := lo; r < hi; r++ {
			dx := m.Out[r*w.w.in*c : (r+1)*w.w.in*c]
			clear(dx)
			dy := perImage(m.In[0], r/w.h.in, n.Shape[0])
			first, last := w.h.windows(r % w.h.in)
			for oh := first; oh < last; oh++ {
				w.w.spreadRow(e.Kernels.Axpy, dx, dy[oh*w.w.out*c:(oh+1)*w.w.out*c], h[oh], v, c)
			}
		}
	})}
}

// spreadRow adds to a row of dx the windows of a row of dy, over their divisors.
func (a poolAxis) spreadRow(axpy func(y []float32, s float32, x []float32), dx, dy []float32, h float32, v []float32, c int) {
	for o := range a.out {
		lo, hi := a.taps(o)
		for t := lo; t < hi; t++ {
			at := (a.start(o) + t) * c
			axpy(dx[at:at+c], 1/(h*v[o]), dy[o*c:(o+1)*c])
		}
	}
}
