package data

import (
	"fmt"
	"math"
)

// Box is a part of a picture in pixels, borders included: a pixel is one unit wide, so the whole
// of a W×H picture is {0, 0, W, H}.
type Box struct{ X0, Y0, X1, Y1 float64 }

// Full is the box of the whole picture.
func (m *RGB) Full() Box { return Box{0, 0, float64(m.W), float64(m.H)} }

// Resizer scales pictures by antialiased bilinear interpolation. It keeps its buffers between
// calls; it is for one goroutine at a time.
type Resizer struct {
	horizontal, vertical taps
	mid                  RGB
}

// Resize fills dst, whose size is wanted, with the part of src inside box. It gives the bytes of
// Pillow's Image.resize(size, BILINEAR, box): a triangle filter as wide as the scale, applied to
// rows, then to columns, weights in 22-bit fixed point, 8 bits between the two
// (https://pillow.readthedocs.io/en/stable/handbook/concepts.html#filters). From version 13 Pillow
// scales the columns of some shapes first: samples there differ by one. A box that is empty or
// leaves src is a mistake of the caller.
func (r *Resizer) Resize(dst, src *RGB, box Box) {
	box = box.single()
	checkBox(box, src)
	r.vertical.set(src.H, box.Y0, box.Y1, dst.H)
	first, end := r.vertical.rows()
	rows := &RGB{src.W, end - first, src.Pix[first*src.W*3 : end*src.W*3]}
	if box.X0 != 0 || box.X1 != float64(src.W) || dst.W != src.W {
		r.horizontal.set(src.W, box.X0, box.X1, dst.W)
		r.mid.reshape(dst.W, rows.H)
		r.horizontal.acrossRows(&r.mid, rows)
		rows = &r.mid
	}
	if box.Y0 == 0 && box.Y1 == float64(src.H) && dst.H == src.H {
		copy(dst.Pix, rows.Pix)
		return
	}
	r.vertical.downColumns(dst, rows, first)
}

// single is b as Pillow understands it, which reads boxes in single precision.
func (b Box) single() Box {
	f := func(v float64) float64 { return float64(float32(v)) }
	return Box{f(b.X0), f(b.Y0), f(b.X1), f(b.Y1)}
}

func checkBox(b Box, src *RGB) {
	inside := 0 <= b.X0 && b.X0 < b.X1 && b.X1 <= float64(src.W) &&
		0 <= b.Y0 && b.Y0 < b.Y1 && b.Y1 <= float64(src.H)
	if !inside {
		panic(fmt.Sprintf("data: box %v of a picture of %d×%d", b, src.W, src.H))
	}
}

const weightBits = 22 // of the fixed point: 8 bits of pixel, 2 to spare in 32

// taps are the weights of one axis: output i is the sum over weight[i*width+k]*input[first[i]+k]
// for k below count[i].
type taps struct {
	width        int
	first, count []int
	weight       []int32
	row          []float64 // one output's weights before rounding
	sum          []int32   // one output row before rounding
}

// set computes the weights that bring the part from lo to hi of n pixels to out pixels. Products
// are rounded before they are added, so that no CPU fuses the two and every CPU gives the same.
func (t *taps) set(n int, lo, hi float64, out int) {
	scale := (hi - lo) / float64(out)
	support := max(scale, 1)
	t.width = int(math.Ceil(support))*2 + 1
	t.grow(out)
	for i := range out {
		center := lo + float64((float64(i)+0.5)*scale)
		t.first[i] = max(int(center-support+0.5), 0)
		t.count[i] = min(int(center+support+0.5), n) - t.first[i]
		t.triangle(i, center, support)
	}
}

func (t *taps) grow(out int) {
	t.first, t.count = grow(t.first, out), grow(t.count, out)
	t.weight = grow(t.weight, out*t.width)
	t.row = grow(t.row, t.width)
}

// triangle sets the weights of output i, which sum to one before they are rounded.
func (t *taps) triangle(i int, center, support float64) {
	row := t.row[:t.count[i]]
	inv, sum := 1/support, 0.0
	for k := range row {
		d := math.Abs(float64((float64(t.first[i]+k) - center + 0.5) * inv))
		row[k] = max(1-d, 0)
		sum += row[k]
	}
	norm := 1.0
	if sum != 0 {
		norm = 1 / sum
	}
	for k, v := range row {
		t.weight[i*t.width+k] = int32(0.5 + float64(v*norm*(1<<weightBits)))
	}
}

// rows is the range of inputs that any output reads.
func (t *taps) rows() (first, end int) {
	last := len(t.first) - 1
	return t.first[0], t.first[last] + t.count[last]
}

// acrossRows scales every row.
//
//	dst  H×W'×3
//	src  H×W×3
func (t *taps) acrossRows(dst, src *RGB) {
	for y := range src.H {
		in, out := src.row(y), dst.row(y)
		for x, first := range t.first {
			w := t.weight[x*t.width:][:t.count[x]]
			p := in[first*3:][:len(w)*3]
			var r, g, b int32 = half, half, half
			for k, v := range w {
				q := p[k*3 : k*3+3 : k*3+3]
				r += v * int32(q[0])
				g += v * int32(q[1])
				b += v * int32(q[2])
			}
			out[x*3], out[x*3+1], out[x*3+2] = fixed8(r), fixed8(g), fixed8(b)
		}
	}
}

// downColumns scales every column. Row 0 of src is input row skip.
//
//	dst  H'×W×3
//	src  H×W×3
func (t *taps) downColumns(dst, src *RGB, skip int) {
	stride := src.W * 3
	t.sum = grow(t.sum, stride)
	for y, first := range t.first {
		p := src.Pix[(first-skip)*stride:]
		for x := range t.sum {
			t.sum[x] = half
		}
		for k, v := range t.weight[y*t.width:][:t.count[y]] {
			addScaled(t.sum, p[k*stride:][:stride], v)
		}
		for x, v := range t.sum {
			dst.Pix[y*stride+x] = fixed8(v)
		}
	}
}

func addScaled(sum []int32, p []uint8, v int32) {
	for x, q := range p[:len(sum)] {
		sum[x] += v * int32(q)
	}
}

// grow is a slice of n elements, contents undefined, in the memory of s where that suffices.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

const half = 1 << (weightBits - 1)

func fixed8(v int32) uint8 { return clip8(v >> weightBits) }
