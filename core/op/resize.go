package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// Resize samples an image at another size, as ONNX's operator of that name without antialiasing.
//
//	x  N×H×W×C
type Resize struct {
	Mode  string     // nearest, the default, or linear: bilinear
	Coord string     // coordinate_transformation_mode, by default half_pixel
	Round string     // nearest_mode, by default round_prefer_floor
	Size  [2]int     // height and width of the output, 0: from Scale, rounded down
	Scale [2]float32 // of height and width, 0: from Size
}

// The values that each attribute may have; an empty one means the first.
var (
	resizeModes  = []string{"nearest", "linear"}
	resizeCoords = []string{"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric", "tf_half_pixel_for_nn"}
	resizeRounds = []string{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}
)

// Kind is the ONNX name.
func (Resize) Kind() string { return "Resize" }

// Infer is the size asked for.
func (r Resize) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != 4 {
		return nil, fmt.Errorf("inputs %v, want one N×H×W×C", in)
	}
	for _, a := range []struct {
		name, value string
		known       []string
	}{{"mode", r.Mode, resizeModes}, {"coordinates", r.Coord, resizeCoords}, {"rounding", r.Round, resizeRounds}} {
		if a.value != "" && !slices.Contains(a.known, a.value) {
			return nil, fmt.Errorf("%s %q, want one of %v", a.name, a.value, a.known)
		}
	}
	out := in[0].Clone()
	for i := range 2 {
		size, err := r.length(i, in[0][1+i])
		if err != nil {
			return nil, err
		}
		out[1+i] = size
	}
	return out, nil
}

// length is the length of an axis of the output.
func (r Resize) length(axis, in int) (int, error) {
	size, scale := r.Size[axis], float64(r.Scale[axis])
	if !(scale >= 0) || size < 0 || size > tensor.MaxElems {
		return 0, fmt.Errorf("size %v and scale %v, want them positive", r.Size, r.Scale)
	}
	if size > 0 {
		return size, nil
	}
	size = int(min(math.Floor(float64(in)*scale), tensor.MaxElems))
	if size < 1 {
		return 0, fmt.Errorf("scale %g of %d pixels without a size, want at least one pixel", scale, in)
	}
	return size, nil
}

// tap is what one place of the output is made from: w0·x[i0] + w1·x[i1].
type tap struct {
	i0, i1 int
	w0, w1 float32
}

// taps is the table of an axis.
func (r Resize) taps(axis, in, out int) []tap {
	scale := r.Scale[axis]
	if scale == 0 {
		scale = float32(out) / float32(in)
	}
	t := make([]tap, out)
	for o := range t {
		x := onImage(r.source(float32(o), scale, in, out), in)
		if r.Mode == "linear" {
			t[o] = between(x, in)
		} else {
			t[o] = tap{i0: int(r.round(x)), w0: 1}
		}
		if t[o].w1 == 0 {
			t[o].i1 = t[o].i0
		}
	}
	return t
}

// source is the place in the input that place o of the output is taken from, in float32 as
// onnxruntime computes it.
func (r Resize) source(o, scale float32, in, out int) float32 {
	switch r.Coord {
	case "asymmetric":
		return o / scale
	case "align_corners":
		if out == 1 {
			return 0
		}
		return o * float32(in-1) / float32(out-1)
	case "pytorch_half_pixel":
		if out == 1 {
			return 0
		}
	case "half_pixel_symmetric":
		centre := float32(in) / 2
		return centre*(1-float32(out)/(scale*float32(in))) + (o+0.5)/scale - 0.5
	case "tf_half_pixel_for_nn":
		return (o + 0.5) / scale
	}
	return (o+0.5)/scale - 0.5
}

// round is the nearest pixel.
func (r Resize) round(x float32) float64 {
	v := float64(x)
	switch r.Round {
	case "floor":
		return math.Floor(v)
	case "ceil":
		return math.Ceil(v)
	case "round_prefer_ceil":
		return math.Floor(v + 0.5)
	}
	return math.Ceil(v - 0.5)
}

// onImage holds a place within the image. Rounding cannot lead out of it again.
func onImage(x float32, in int) float32 {
	if !(x > 0) { // NaN too, of absurd scales
		return 0
	}
	return min(x, float32(in-1))
}

// between is linear interpolation at x.
func between(x float32, in int) tap {
	i := min(int(x), in-1)
	w := x - float32(i)
	return tap{i, min(i+1, in-1), 1 - w, w}
}

// Lower blends two rows of x into scratch and two pixels of that into each pixel of y.
func (r Resize) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	x, y := n.In[0].Shape, n.Shape
	h, w := r.taps(0, x[1], y[1]), r.taps(1, x[2], y[2])
	c, row, out := x[3], x[2]*x[3], y[2]*y[3]
	return graph.Loop{Scratch: row * e.Pool.Threads(), Run: inWorkerPieces(e, y[0]*y[1], 4*out, func(lo, hi, worker int) {
		scratch := m.Scratch[worker*row : (worker+1)*row]
		for o := lo; o < hi; o++ {
			image := perImage(m.In[0], o/y[1], y[0])
			blendPixels(m.Out[o*out:(o+1)*out], blendRows(e, scratch, image, h[o%y[1]]), w, c)
		}
	})}
}

// blendRows is one row made from two: a row of x itself where the other has no weight.
func blendRows(e *graph.Env, scratch, x []float32, t tap) []float32 {
	k := len(scratch)
	x0, x1 := x[t.i0*k:(t.i0+1)*k], x[t.i1*k:(t.i1+1)*k]
	if t.w1 == 0 {
		return x0
	}
	e.Kernels.Scale(scratch, t.w0, x0)
	e.Kernels.Axpy(scratch, t.w1, x1)
	return scratch
}

// blendPixels makes each pixel of y from two of x.
func blendPixels(y, x []float32, taps []tap, c int) {
	for o, t := range taps {
		yo, x0, x1 := y[o*c:(o+1)*c], x[t.i0*c:(t.i0+1)*c], x[t.i1*c:(t.i1+1)*c]
		if t.w1 == 0 {
			copy(yo, x0)
			continue
		}
		for j, v := range x0 {
			yo[j] = t.w0*v + t.w1*x1[j]
		}
	}
}

// Grad gives the pixels their share of dy.
func (r Resize) Grad(g *graph.Graph, n, dy *graph.Node, want []bool) []*graph.Node {
	x := n.In[0].Shape
	return gradOfFirst(g, n, want, ResizeGrad{Resize: r, In: [2]int{x[1], x[2]}}, dy)
}

// Ties passes channels through.
func (Resize) Ties(n *graph.Node) graph.Ties { return channelTies(n) }

// ResizeGrad adds dy to the pixels that each output was made from, by their weights.
//
//	dy  N×OH×OW×C
//	dx  N×H×W×C
type ResizeGrad struct {
	Resize Resize
	In     [2]int // H, W
}

// Kind is ResizeGrad.
func (ResizeGrad) Kind() string { return "ResizeGrad" }

// Infer is the shape of x.
func (r ResizeGrad) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != 4 {
		return nil, fmt.Errorf("inputs %v, want dy, N×OH×OW×C", in)
	}
	x := tensor.Shape{in[0][0], r.In[0], r.In[1], in[0][3]}
	if err := x.Check(); err != nil {
		return nil, err
	}
	y, err := r.Resize.Infer([]tensor.Shape{x})
	if err == nil && !y.Equal(in[0]) {
		err = fmt.Errorf("dy %v, want %v", in[0], y)
	}
	return x, err
}

// Lower makes dx row by row, so that no two workers write to the same place.
func (r ResizeGrad) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	x, y := n.Shape, n.In[0].Shape
	h, w := r.Resize.taps(0, x[1], y[1]), r.Resize.taps(1, x[2], y[2])
	readers := readersOf(h, x[1])
	c, row, out := x[3], x[2]*x[3], y[2]*y[3]
	return graph.Loop{Run: inPieces(e, x[0]*x[1], 4*out*max(1, y[1]/x[1]), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			dx := m.Out[i*row : (i+1)*row]
			clear(dx)
			dy := perImage(m.In[0], i/x[1], x[0])
			for _, rd := range readers[i%x[1]] {
				spreadPixels(e, dx, dy[rd.o*out:(rd.o+1)*out], w, rd.w, c)
			}
		}
	})}
}

// reader is an output that a place of the input goes into, with its weight.
type reader struct {
	o int
	w float32
}

// readersOf turns a table around: for each place of the input, the outputs that read it.
func readersOf(taps []tap, in int) [][]reader {
	r := make([][]reader, in)
	for o, t := range taps {
		r[t.i0] = append(r[t.i0], reader{o, t.w0})
		if t.w1 != 0 {
			r[t.i1] = append(r[t.i1], reader{o, t.w1})
		}
	}
	return r
}

// spreadPixels adds a row of dy, times h, to the pixels that it was made from.
func spreadPixels(e *graph.Env, dx, dy []float32, taps []tap, h float32, c int) {
	for o, t := range taps {
		d := dy[o*c : (o+1)*c]
		e.Kernels.Axpy(dx[t.i0*c:(t.i0+1)*c], h*t.w0, d)
		if t.w1 != 0 {
			e.Kernels.Axpy(dx[t.i1*c:(t.i1+1)*c], h*t.w1, d)
		}
	}
}
