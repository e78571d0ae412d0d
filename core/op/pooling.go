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

// outputRows runs body for each row of outputs over c channels: image and height, and the worker that does.
func (p poolPlane) outputRows(e *graph.Env, images, c int, body func(image, oh, worker int)) func() {
	return inWorkerPieces(e, images*p.h.out, max(1, p.w.out*c*p.taps()/poolLanes), func(lo, hi, worker int) {
		for r := lo; r < hi; r++ {
			body(r/p.h.out, r%p.h.out, worker)
		}
	})
}

// poolLanes is the number of taps that cost as much as a float added elsewhere: the kernels work
// on vectors from the first-level cache.
const poolLanes = 4

// poolRun is neighbouring windows of a row of outputs that have the same taps on the image.
type poolRun struct {
	first, n int     // windows
	col      int     // of the first tap of the first window
	taps     int     // in a row of the window
	size     float32 // what counts along the row
	off      []int   // the taps of all rows of the window from its first one, in floats
}

// runs cuts a row of outputs over c channels into runs. Windows of one run have the same size,
// where sizes are given.
func (p poolPlane) runs(c int, sizes []float32) (runs []poolRun) {
	last := -1
	for o := range p.w.out {
		lo, hi := p.w.taps(o)
		size := float32(1)
		if sizes != nil {
			size = sizes[o]
		}
		if k := len(runs) - 1; k >= 0 && lo == last && hi-lo == runs[k].taps && size == runs[k].size {
			runs[k].n++
			continue
		}
		last = lo
		runs = append(runs, poolRun{first: o, n: 1, col: p.w.start(o) + lo*p.w.dilation, taps: hi - lo, size: size,
			off: p.offsets(hi-lo, c)})
	}
	return runs
}

// offsets are the places of taps in a row, and of the rows below that a window may have.
func (p poolPlane) offsets(taps, c int) []int {
	rows := min(p.h.kernel, p.h.in)
	off := make([]int, 0, rows*taps)
	for th := range rows {
		for tw := range taps {
			off = append(off, (th*p.h.dilation*p.w.in+tw*p.w.dilation)*c)
		}
	}
	return off
}

// inputRows runs body for pieces of the rows of gradients, which it clears: image, and rows
// lo..hi-1 of that.
func (p poolPlane) inputRows(e *graph.Env, m *graph.Mem, n *graph.Node, body func(image, lo, hi int)) func() {
	width := p.w.in * n.Shape.Channels()
	weight := max(1, width*max(1, p.taps()/(p.h.stride*p.w.stride))/poolLanes)
	return inPieces(e, n.Shape[0]*p.h.in, weight, func(lo, hi int) {
		clear(m.Out[lo*width : hi*width])
		for lo < hi {
			image, first := lo/p.h.in, lo%p.h.in
			end := min(p.h.in, first+hi-lo)
			body(image, first, end)
			lo += end - first
		}
	})
}

// poolTaps is the taps of a row of windows that lie on some rows of the image.
type poolTaps struct {
	first int // the first one, counted from the first on the image
	rows  int
	row   int // of the image, where the first one lies
}

// tapsWithin is the taps of row oh of the windows on rows lo..hi-1 of the image.
func (a poolAxis) tapsWithin(oh, lo, hi int) poolTaps {
	t0, t1 := a.taps(oh)
	first, end := t0, t1
	for first < end && a.start(oh)+first*a.dilation < lo {
		first++
	}
	for end > first && a.start(oh)+(end-1)*a.dilation >= hi {
		end--
	}
	return poolTaps{first - t0, end - first, a.start(oh) + first*a.dilation}
}

// perImage is the part of one image in v.
func perImage(v []float32, image, images int) []float32 {
	size := len(v) / images
	return v[image*size : (image+1)*size]
}
