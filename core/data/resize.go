package data

import (
	"fmt"
	"image"
	"math"
	"sync"
	"unsafe"

	"github.com/secateur/secateur/kernels"
)

// Rect is a part of a picture in pixels, borders included: a pixel is one unit wide, so the whole
// of a W×H picture is {0, 0, W, H}.
type Rect struct{ X0, Y0, X1, Y1 float64 }

// Full is the box of the whole picture.
func (m *RGB) Full() Rect { return Rect{0, 0, float64(m.W), float64(m.H)} }

// Resizer scales pictures by antialiased bilinear interpolation. It keeps its buffers between
// calls; it is for one goroutine at a time.
type Resizer struct {
	horizontal, vertical taps
	line                 [][4]uint8 // W
	mid                  [][4]uint8 // H×W', scaled across
	sum                  []int32    // W'×4, one output row before rounding
	out                  []uint8    // W'×4
}

// lines is a picture that is read line by line, from the first on.
type lines interface {
	size() (w, h int)
	line(dst [][4]uint8, y int) // red, green, blue and anything
}

// Resize fills dst, whose size is wanted, with the part of src inside box. It gives the bytes of
// Pillow's Image.resize(size, BILINEAR, box): a triangle filter as wide as the scale, applied to
// rows, then to columns, weights in 22-bit fixed point, 8 bits between the two
// (https://pillow.readthedocs.io/en/stable/handbook/concepts.html#filters). From version 13 Pillow
// scales the columns of some shapes first: samples there differ by one. A box that is empty or
// leaves src is a mistake of the caller.
func (r *Resizer) Resize(dst, src *RGB, box Rect) { r.scale(dst, src, box) }

// Scaled is the whole of m, alpha dropped, as w×h pixels.
func Scaled(m image.Image, w, h int) *image.NRGBA {
	src, dst := new(RGB), NewRGB(w, h)
	convertPlain(src, m)
	new(Resizer).Resize(dst, src, src.Full())
	return dst.Image()
}

// scale is Resize of any picture. A line is scaled across as soon as it is read, so that src is
// never there as a whole.
func (r *Resizer) scale(dst *RGB, src lines, box Rect) {
	w, h := src.size()
	box = box.single()
	checkBox(box, w, h)
	r.vertical.set(h, box.Y0, box.Y1, dst.H)
	r.horizontal.set(w, box.X0, box.X1, dst.W)
	first, end := r.vertical.rows()
	r.line, r.mid = grow(r.line, w), grow(r.mid, (end-first)*dst.W)
	same := box.X0 == 0 && box.X1 == float64(w) && dst.W == w
	for y := first; y < end; y++ {
		mid := r.mid[(y-first)*dst.W:][:dst.W]
		if same {
			src.line(mid, y)
			continue
		}
		src.line(r.line, y)
		loops().Across(mid, r.line, r.horizontal.first, r.horizontal.weight)
	}
	r.downColumns(dst, first, box.Y0 == 0 && box.Y1 == float64(h) && dst.H == h)
}

// downColumns scales every column of mid, whose row 0 is input row skip, or copies them.
func (r *Resizer) downColumns(dst *RGB, skip int, same bool) {
	t, stride, mid := &r.vertical, 4*dst.W, flat(r.mid)
	r.sum, r.out = grow(r.sum, stride), grow(r.out, stride)
	for y, first := range t.first {
		if same {
			pack(dst.row(y), mid[y*stride:])
			continue
		}
		for i := range r.sum {
			r.sum[i] = 1 << (weightBits - 1)
		}
		for k, w := range t.weight[y*t.width:][:t.width] {
			loops().AddScaled(r.sum, mid[(int(first)-skip+k)*stride:], w)
		}
		loops().Rounded(r.out, r.sum)
		pack(dst.row(y), r.out)
	}
}

// loops is those over pictures of the set of kernels in use.
var loops = sync.OnceValue(func() *kernels.Pixels {
	s, err := kernels.Default()
	if err != nil {
		s = kernels.Best() // whoever runs networks says what is wrong
	}
	return &s.Pixels
})

// flat is the bytes of pixels.
func flat(p [][4]uint8) []uint8 { return unsafe.Slice(&p[0][0], 4*len(p)) }

// pack drops every fourth byte.
//
//	dst  W×3
//	src  W×4
func pack(dst, src []uint8) {
	for i, j := 0, 0; i+2 < len(dst) && j+3 < len(src); i, j = i+3, j+4 {
		dst[i], dst[i+1], dst[i+2] = src[j], src[j+1], src[j+2]
	}
}

// single is b as Pillow understands it, which reads boxes in single precision.
func (b Rect) single() Rect {
	f := func(v float64) float64 { return float64(float32(v)) }
	return Rect{f(b.X0), f(b.Y0), f(b.X1), f(b.Y1)}
}

func checkBox(b Rect, w, h int) {
	inside := 0 <= b.X0 && b.X0 < b.X1 && b.X1 <= float64(w) &&
		0 <= b.Y0 && b.Y0 < b.Y1 && b.Y1 <= float64(h)
	if !inside {
		panic(fmt.Sprintf("data: box %v of a picture of %d×%d", b, w, h))
	}
}

const weightBits = 22 // of the fixed point: 8 bits of pixel, 2 to spare in 32

// taps are the weights of one axis: output i is the sum over weight[i*width+k]*input[first[i]+k].
type taps struct {
	width  int
	first  []int32
	weight []int32
	row    []float64 // one output's weights before rounding
}

// set computes the weights that bring the part from lo to hi of n pixels to out pixels. Products
// are rounded before they are added, so that no CPU fuses the two and every CPU gives the same.
func (t *taps) set(n int, lo, hi float64, out int) {
	scale := (hi - lo) / float64(out)
	support := max(scale, 1)
	reach := func(i int) (center float64, from, to int) {
		center = lo + float64((float64(i)+0.5)*scale)
		return center, max(int(center-support+0.5), 0), min(int(center+support+0.5), n)
	}
	t.width = 0
	for i := range out {
		_, from, to := reach(i)
		t.width = max(t.width, to-from)
	}
	t.first, t.weight = grow(t.first, out), grow(t.weight, out*t.width)
	clear(t.weight)
	for i := range out {
		center, from, to := reach(i)
		first := min(from, n-t.width)
		t.first[i] = int32(first)
		t.triangle(t.weight[i*t.width+from-first:][:to-from], from, center, support)
	}
}

// triangle sets the weights of one output, which sum to one before they are rounded.
func (t *taps) triangle(weight []int32, from int, center, support float64) {
	t.row = grow(t.row, len(weight))
	inv, sum := 1/support, 0.0
	for k := range t.row {
		d := math.Abs(float64((float64(from+k) - center + 0.5) * inv))
		t.row[k] = max(1-d, 0)
		sum += t.row[k]
	}
	norm := 1.0
	if sum != 0 {
		norm = 1 / sum
	}
	for k, v := range t.row {
		weight[k] = int32(0.5 + float64(v*norm*(1<<weightBits)))
	}
}

// rows is the range of inputs that any output reads.
func (t *taps) rows() (first, end int) {
	last := len(t.first) - 1
	return int(t.first[0]), int(t.first[last]) + t.width
}

// grow is a slice of n elements, contents undefined, in the memory of s where that suffices.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
