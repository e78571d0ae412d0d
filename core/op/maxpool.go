package op

import (
	"fmt"
	"unsafe"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// MaxPool is the maximum over a window; padding never wins. A window that dilation leaves
// without any pixel is 0. Strides and dilations of 0 mean 1.
//
//	x  N×H×W×C
type MaxPool struct {
	Kernel, Stride, Dilation [2]int
	Pads                     [4]int // top, left, bottom, right
	Ceil                     bool   // count a last window that hangs over the end
}

// Kind is the ONNX name.
func (MaxPool) Kind() string { return "MaxPool" }

func (p MaxPool) plane(s tensor.Shape) (poolPlane, error) {
	return newPoolPlane(s, p.Kernel, p.Stride, p.Dilation, p.Pads, p.Ceil)
}

// Infer counts the windows.
func (p MaxPool) Infer(in []tensor.Shape) (tensor.Shape, error) { return inferPool(in, p.plane) }

// Lower goes along the rows of outputs, all channels of a pixel at a time.
func (p MaxPool) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return p.lowerWith(e, n, m, hooks{})
}

func (p MaxPool) begins(in []*graph.Node) bool { return poolBegins(p, in) }

func (p MaxPool) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	w := poolPlane.must(p.plane(n.In[0].Shape))
	c := n.Shape.Channels()
	runs, images := w.runs(c, nil), newPoolImages(e, n, m, w, h)
	return graph.Loop{Scratch: images.scratch(), Run: w.outputRows(e, n.Shape[0], c, func(image, oh, worker int) {
		y := m.Out[(image*w.h.out+oh)*w.w.out*c:]
		t := w.h.tapsWithin(oh, 0, w.h.in)
		x := images.rows(image, t, worker)
		for _, r := range runs {
			yr := y[r.first*c : (r.first+r.n)*c]
			if taps := t.rows * r.taps; taps > 0 {
				e.Kernels.MaxPool(yr, c, x[r.col*c:], w.w.stride*c, r.off[:taps], r.n, c)
			} else {
				clear(yr)
			}
		}
	})}
}

// Grad sends dy to the first maximum of each window. What it keeps of x is a byte for each
// window that says where that was; larger windows compare x with y.
func (p MaxPool) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	x := n.In[0]
	if poolPlane.must(p.plane(x.Shape)).taps() > kernels.MaxPoolTaps {
		return gradOfFirst(g, n, want, MaxPoolLargeGrad(p), dy, x, n)
	}
	if !want[0] {
		return []*graph.Node{nil}
	}
	op := MaxPoolGrad{Pool: p, Size: [2]int{x.Shape[1], x.Shape[2]}}
	return []*graph.Node{g.Add(n.Name+".dx", op, dy, p.index(g, n))}
}

// index is the node with the places of the maxima, which a second loss shares.
func (p MaxPool) index(g *graph.Graph, n *graph.Node) *graph.Node {
	for _, other := range g.Nodes {
		if other.Op == graph.Op(MaxPoolIndex(p)) && other.In[0] == n.In[0] {
			return other
		}
	}
	return g.Add(n.Name+".index", MaxPoolIndex(p), n.In[0])
}

// Ties passes channels through.
func (MaxPool) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// MaxPoolIndex is the place of the first maximum in each window of at most 256 taps on the
// image, counted row by row over those, as bytes in the memory of floats.
//
//	x  N×H×W×C
//	y  N×⌈OH·OW·C/4⌉
type MaxPoolIndex MaxPool

// Kind is MaxPoolIndex.
func (MaxPoolIndex) Kind() string { return "MaxPoolIndex" }

// Early is true: x need not outlive the forward pass for the sake of the gradient.
func (MaxPoolIndex) Early() bool { return true }

// Infer makes room for a byte for each output.
func (p MaxPoolIndex) Infer(in []tensor.Shape) (tensor.Shape, error) {
	y, err := MaxPool(p).Infer(in)
	if err != nil {
		return nil, err
	}
	if taps := poolPlane.must(MaxPool(p).plane(in[0])).taps(); taps > kernels.MaxPoolTaps {
		return nil, fmt.Errorf("windows of %d taps, want at most %d", taps, kernels.MaxPoolTaps)
	}
	return tensor.Shape{y[0], floatsOf(y)}, nil
}

// floatsOf is the number of floats with a byte for each element of an image of y.
func floatsOf(y tensor.Shape) int { return (y[1]*y[2]*y[3] + 3) / 4 }

// bytesOf is the memory of floats as bytes.
func bytesOf(v []float32) []uint8 {
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}

// Lower goes along the rows of outputs.
func (p MaxPoolIndex) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	return p.lowerWith(e, n, m, hooks{})
}

func (p MaxPoolIndex) begins(in []*graph.Node) bool { return poolBegins(MaxPool(p), in) }

func (p MaxPoolIndex) lowerWith(e *graph.Env, n *graph.Node, m *graph.Mem, h hooks) graph.Loop {
	w := poolPlane.must(MaxPool(p).plane(n.In[0].Shape))
	c := n.In[0].Shape.Channels()
	runs, images := w.runs(c, nil), newPoolImages(e, n, m, w, h)
	return graph.Loop{Scratch: images.scratch(), Run: w.outputRows(e, n.Shape[0], c, func(image, oh, worker int) {
		index := bytesOf(perImage(m.Out, image, n.Shape[0]))[oh*w.w.out*c:]
		t := w.h.tapsWithin(oh, 0, w.h.in)
		x := images.rows(image, t, worker)
		for _, r := range runs {
			b := index[r.first*c : (r.first+r.n)*c]
			if taps := t.rows * r.taps; taps > 0 {
				e.Kernels.MaxPoolIndex(b, c, x[r.col*c:], w.w.stride*c, r.off[:taps], r.n, c)
			} else {
				clear(b)
			}
		}
		if oh == w.h.out-1 {
			clear(index[w.w.out*c:]) // up to whole floats
		}
	})}
}

// MaxPoolGrad adds dy to dx at the first maximum of each window.
//
//	dy     N×OH×OW×C
//	index  N×⌈OH·OW·C/4⌉, of MaxPoolIndex
//	dx     N×H×W×C
type MaxPoolGrad struct {
	Pool MaxPool
	Size [2]int // H, W
}

// Kind is MaxPoolGrad.
func (MaxPoolGrad) Kind() string { return "MaxPoolGrad" }

// Infer is the shape of x.
func (p MaxPoolGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) != 4 {
		return nil, fmt.Errorf("inputs %v, want dy, N×OH×OW×C, and index", in)
	}
	x := tensor.Shape{in[0][0], p.Size[0], p.Size[1], in[0][3]}
	if err := x.Check(); err != nil {
		return nil, err
	}
	y, err := p.Pool.Infer([]tensor.Shape{x})
	if err != nil {
		return nil, err
	}
	if index := (tensor.Shape{y[0], floatsOf(y)}); !in[0].Equal(y) || !in[1].Equal(index) {
		return nil, fmt.Errorf("dy %v and index %v, want %v and %v", in[0], in[1], y, index)
	}
	return x, nil
}

// Lower splits the rows of dx: each piece takes the taps of all windows that fall into its rows,
// so that no two workers write to the same place and each element is added to in one order.
func (p MaxPoolGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	w := poolPlane.must(p.Pool.plane(n.Shape))
	c := n.Shape.Channels()
	runs := w.runs(c, nil)
	row := func(dx, dy []float32, index []uint8, t poolTaps) {
		for _, r := range runs {
			if taps := t.rows * r.taps; taps > 0 {
				e.Kernels.MaxPoolGrad(dx[(t.row*w.w.in+r.col)*c:], w.w.stride*c, dy[r.first*c:], index[r.first*c:], c,
					r.off[:taps], t.first*r.taps, r.n, c)
			}
		}
	}
	return graph.Loop{Run: w.inputRows(e, m, n, func(image, lo, hi int) {
		dx, dy := perImage(m.Out, image, n.Shape[0]), perImage(m.In[0], image, n.Shape[0])
		index := bytesOf(perImage(m.In[1], image, n.Shape[0]))
		first, _ := w.h.windows(lo)
		_, last := w.h.windows(hi - 1)
		for oh := first; oh < last; oh++ {
			row(dx, dy[oh*w.w.out*c:], index[oh*w.w.out*c:], w.h.tapsWithin(oh, lo, hi))
		}
	})}
}
