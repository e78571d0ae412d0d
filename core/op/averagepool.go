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

// Lower goes along the rows of outputs, all channels of a pixel at a time.
func (p AveragePool) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	w := poolPlane.must(p.plane(n.In[0].Shape))
	c := n.Shape.Channels()
	heights := p.divisor(w.h)
	runs := w.runs(c, p.divisor(w.w))
	return graph.Loop{Run: w.outputRows(e, n.Shape[0], c, func(image, oh, _ int) {
		x := perImage(m.In[0], image, n.Shape[0])
		y := m.Out[(image*w.h.out+oh)*w.w.out*c:]
		t := w.h.tapsWithin(oh, 0, w.h.in)
		for _, r := range runs {
			if taps := t.rows * r.taps; taps > 0 {
				e.Kernels.AveragePool(y[r.first*c:], c, x[(t.row*w.w.in+r.col)*c:], w.w.stride*c, r.off[:taps],
					1/(heights[oh]*r.size), r.n, c)
			}
		}
	})}
}

// divisor is the number of pixels that count along an axis, window by window.
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

// Lower splits the rows of dx, so that no two workers write to the same place.
func (p AveragePoolGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	w := poolPlane.must(p.Pool.plane(n.Shape))
	c := n.Shape.Channels()
	heights := p.Pool.divisor(w.h)
	runs := w.runs(c, p.Pool.divisor(w.w))
	row := func(dx, dy []float32, height float32, t poolTaps) {
		for _, r := range runs {
			if taps := t.rows * r.taps; taps > 0 {
				e.Kernels.AveragePoolGrad(dx[(t.row*w.w.in+r.col)*c:], w.w.stride*c, dy[r.first*c:], c, r.off[:taps],
					1/(height*r.size), r.n, c)
			}
		}
	}
	return graph.Loop{Run: w.inputRows(e, m, n, func(image, lo, hi int) {
		dx, dy := perImage(m.Out, image, n.Shape[0]), perImage(m.In[0], image, n.Shape[0])
		first, _ := w.h.windows(lo)
		_, last := w.h.windows(hi - 1)
		for oh := first; oh < last; oh++ {
			row(dx, dy[oh*w.w.out*c:], heights[oh], w.h.tapsWithin(oh, lo, hi))
		}
	})}
}
