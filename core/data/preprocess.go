package data

import (
	"fmt"
	"image"
	"math"
)

// Preprocess is what a model wants of a picture: its size, and y = (x-Mean)/Std for x from 0 to
// 255. Pictures are squashed to the size, or scaled in their proportions to fit it and framed in grey with
// Letterbox, as the model was trained. Mean and Std are in the order of the model's channels: blue first when
// BGR is set.
type Preprocess struct {
	Width, Height int
	Mean, Std     [3]float32
	BGR           bool
	Letterbox     bool
}

// Check refuses a size below one pixel and a normalisation that divides by zero.
func (p Preprocess) Check() error {
	if p.Width < 1 || p.Height < 1 || p.Width > MaxPixels/p.Height {
		return fmt.Errorf("input of %d×%d pixels, want 1 to %d in all", p.Width, p.Height, MaxPixels)
	}
	for c := range 3 {
		s := float64(p.Std[c])
		if s == 0 || math.IsNaN(s) || math.IsInf(s, 0) {
			return fmt.Errorf("std of channel %d is %v, want a finite number other than 0", c, s)
		}
		if m := float64(p.Mean[c]); math.IsNaN(m) || math.IsInf(m, 0) {
			return fmt.Errorf("mean of channel %d is %v, want a finite number", c, m)
		}
	}
	return nil
}

// Floats is the number of values of one prepared picture.
func (p Preprocess) Floats() int { return p.Width * p.Height * 3 }

// Prepare writes the whole of img as the model wants it.
//
//	dst  H×W×3  overwritten
func (p Preprocess) Prepare(dst []float32, img *RGB, r *Resizer) {
	if img.W != p.Width || img.H != p.Height {
		p.lines(dst, img, r)
		return
	}
	p.floats(dst, img)
}

// PrepareFile is Prepare of what Decode reads, with its errors, and the size of that picture. The picture of a JPEG
// is never there as a whole.
func (p Preprocess) PrepareFile(dst []float32, path string, r *Resizer) (size image.Point, err error) {
	d := decoder{lim: defaultLimits}
	src, err := d.lines(path)
	if err != nil {
		return size, unusable("%s: %w", path, err)
	}
	p.lines(dst, src, r)
	size.X, size.Y = src.size()
	return size, nil
}

// PrepareImage is Prepare of a camera's picture. A YCbCr is read as JFIF has it, full range and
// BT.601, and is never there as RGB as a whole. A picture without pixels, or of more than
// MaxPixels, is ErrUnusable.
func (p Preprocess) PrepareImage(dst []float32, m image.Image, r *Resizer) error {
	b := m.Bounds()
	if b.Dx() < 1 || b.Dy() < 1 || b.Dx() > MaxPixels/b.Dy() {
		return unusable("picture of %d×%d pixels, want 1 to %d in all", b.Dx(), b.Dy(), MaxPixels)
	}
	if y, ok := m.(*image.YCbCr); ok && b.Min == (image.Point{}) {
		src := new(planes)
		src.set(y)
		p.lines(dst, src, r)
		return nil
	}
	src := new(RGB)
	convertPlain(src, m)
	p.lines(dst, src, r)
	return nil
}

// lines scales and normalises a picture as it is read.
func (p Preprocess) lines(dst []float32, src lines, r *Resizer) {
	w, h := src.size()
	small := NewRGB(p.Width, p.Height)
	compose(small, p.fit(w, h), src, Rect{0, 0, float64(w), float64(h)}, r)
	p.floats(dst, small)
}

// floats writes the pixels as the model wants them.
//
//	dst  H×W×3  overwritten
func (p Preprocess) floats(dst []float32, img *RGB) {
	scale, shift := p.affine()
	row := 3 * p.Width
	table := make([]float32, 2*row)
	for i := range row {
		c := i % 3
		if p.BGR {
			c = 2 - c
		}
		table[i], table[row+i] = scale[c], shift[c]
	}
	for i := 0; i < len(img.Pix); i += row {
		loops().Floats(dst[i:][:row], img.Pix[i:], table, table[row:])
	}
	if p.BGR {
		for i := 0; i+2 < len(img.Pix); i += 3 {
			dst[i], dst[i+2] = dst[i+2], dst[i]
		}
	}
}

// affine is what a value from 0 to 255 of each of the model's channels is multiplied by, and what
// is added then.
func (p Preprocess) affine() (scale, shift [3]float32) {
	for c := range 3 {
		scale[c] = 1 / p.Std[c]
		shift[c] = -p.Mean[c] / p.Std[c]
	}
	return scale, shift
}

// normalise turns red, green, blue from 0 to 255 into the model's channels, in place.
//
//	x  N×H×W×3
func (p Preprocess) normalise(x []float32) {
	scale, shift := p.affine()
	first, last := 0, 2
	if p.BGR {
		first, last = 2, 0
	}
	for i := 0; i+2 < len(x); i += 3 {
		a, b, c := x[i+first], x[i+1], x[i+last]
		x[i] = a*scale[0] + shift[0]
		x[i+1] = b*scale[1] + shift[1]
		x[i+2] = c*scale[2] + shift[2]
	}
}

// toFloat copies pixels as numbers from 0 to 255.
func toFloat(dst []float32, img *RGB) {
	for i, v := range img.Pix {
		dst[i] = float32(v)
	}
}
