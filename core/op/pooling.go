package op

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// What MaxPool and AveragePool share: where their windows lie.

// poolAxis is a window that slides along one axis. Window o has its taps at
// o·stride - before + t·dilation for t = 0..kernel-1.
type poolAxis struct {
	in, out                  int
	kernel, stride, dilation int
	before, after            int
}

// newPoolAxis works out the number of windows as onnxruntime and PyTorch do: with ceil, a last
// window that hangs over the end counts if it begins before the padding behind the image.
// A stride or dilation of 0 means 1.
func newPoolAxis(in, kernel, stride, dilation, before, after int, ceil bool) (poolAxis, error) {
	a := poolAxis{in: in, kernel: kernel, stride: max(stride, 1), dilation: max(dilation, 1), before: before, after: after}
	for _, v := range []int{stride, dilation, before, after, kernel - 1} {
		if v < 0 || v > tensor.MaxElems {
			return a, fmt.Errorf("kernel %d, stride %d, dilation %d, pads %d and %d: want a kernel of 1 or more, the others not negative, all below %d",
				kernel, stride, dilation, before, after, tensor.MaxElems)
		}
	}
	size := a.size()
	if before >= size || after >= size {
		return a, fmt.Errorf("pads %d and %d, want less than the window's %d: a window would see padding only", before, after, size)
	}
	room := in + before + after - size
	if room < 0 {
		return a, fmt.Errorf("window %d over %d with pads %d and %d, want one that fits", size, in, before, after)
	}
	a.out = room/a.stride + 1
	if ceil && room%a.stride != 0 && a.out*a.stride < in+before {
		a.out++
	}
	return a, nil
}

// size is the length from the first tap to the last.
func (a poolAxis) size() int { return (a.kernel-1)*a.dilation + 1 }

// start is the place of the first tap of window o, negative within the padding.
func (a poolAxis) start(o int) int { return o*a.stride - a.before }

// taps is the range of taps of window o that lie on the image.
func (a poolAxis) taps(o int) (lo, hi int) {
	s := a.start(o)
	if s < 0 {
		lo = (-s + a.dilation - 1) / a.dilation
	}
	hi = min(a.kernel, max(0, (a.in-s+a.dilation-1)/a.dilation))
	return lo, max(lo, hi)
}

// windows is the range of windows that may have a tap on place i of the image.
func (a poolAxis) windows(i int) (lo, hi int) {
	first := i + a.before - a.size() + 1
	lo = max(0, (first+a.stride-1)/a.stride)
	if first < 0 {
		lo = 0
	}
	return lo, min(a.out, (i+a.before)/a.stride+1)
}

// poolPlane is the windows over an image.
type poolPlane struct{ h, w poolAxis }

// newPoolPlane is the windows of a pooling over N×H×W×C.
func newPoolPlane(s tensor.Shape, kernel, stride, dilation [2]int, pads [4]int, ceil bool) (p poolPlane, err error) {
	if len(s) != 4 {
		return p, fmt.Errorf("input %v, want N×H×W×C", s)
	}
	if p.h, err = newPoolAxis(s[1], kernel[0], stride[0], dilation[0], pads[0], pads[2], ceil); err != nil {
		return p, fmt.Errorf("height of input %v: %w", s, err)
	}
	if p.w, err = newPoolAxis(s[2], kernel[1], stride[1], dilation[1], pads[1], pads[3], ceil); err != nil {
		return p, fmt.Errorf("width of input %v: %w", s, err)
	}
	return p, nil
}

// infer is the shape of the output.
func (p poolPlane) infer(s tensor.Shape) tensor.Shape {
	return tensor.Shape{s[0], p.h.out, p.w.out, s[3]}
}

// must is the plane of a node whose shape rule has passed.
func (p poolPlane) must(err error) poolPlane {
	if err != nil {
		panic(err)
	}
	return p
}

// taps bounds the number of taps of a window on the image.
func (p poolPlane) taps() int { return min(p.h.kernel, p.h.in) * min(p.w.kernel, p.w.in) }

// inferPool is the shape rule of a pooling whose windows are given.
func inferPool(in []tensor.Shape, plane func(tensor.Shape) (poolPlane, error)) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("%d inputs, want x", len(in))
	}
	p, err := plane(in[0])
	if err != nil {
		return nil, err
	}
	return p.infer(in[0]), nil
}

// outputRows runs body for each row of outputs: image and height.
func (p poolPlane) outputRows(e *graph.Env, n *graph.Node, body func(image, oh int)) func() {
	c := n.Shape.Channels()
	return inPieces(e, n.Shape[0]*p.h.out, p.w.out*c*p.taps(), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			body(r/p.h.out, r%p.h.out)
		}
	})
}
