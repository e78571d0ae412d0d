package train

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// headFeatures is what the frozen part of a network makes of images, a row of width numbers an image: as
// float32 or, packed, as int8 with a scale each, near a quarter of the memory. A packed number is off by
// at most 1/254 of the largest of its row.
type headFeatures struct {
	env   graph.Env
	width int
	x     []float32
	q     []int8
	scale []float32
}

func newHeadFeatures(e graph.Env, images, width int, packed bool) *headFeatures {
	f := &headFeatures{env: e, width: width}
	if packed {
		f.q, f.scale = make([]int8, images*width), make([]float32, images)
	} else {
		f.x = tensor.Floats(images * width)
	}
	return f
}

// put keeps the rows of images from at on.
func (f *headFeatures) put(at int, rows []float32) {
	if f.q == nil {
		copy(f.x[at*f.width:], rows)
		return
	}
	n := len(rows) / f.width
	f.env.Kernels.Quantize(f.q[at*f.width:][:len(rows)], f.scale[at:][:n], rows, f.width)
}

// get is the row of an image.
func (f *headFeatures) get(dst []float32, image int) {
	if f.q == nil {
		copy(dst, f.x[image*f.width:][:f.width])
		return
	}
	f.env.Kernels.Dequantize(dst[:f.width], f.q[image*f.width:], f.scale[image:image+1], f.width)
}

// bytes is the memory that the rows take.
func (f *headFeatures) bytes() int64 { return int64(4*len(f.x) + len(f.q) + 4*len(f.scale)) }
