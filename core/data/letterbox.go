package data

import (
	"image"
	"math"
)

// LetterboxGrey is the value of red, green and blue around a letterboxed picture.
const LetterboxGrey = 114

// fit is where in the input a w×h picture lies: all of it, or with Letterbox the largest part in the picture's
// proportions, centred, in whole pixels.
func (p Preprocess) fit(w, h int) image.Rectangle {
	if !p.Letterbox {
		return image.Rect(0, 0, p.Width, p.Height)
	}
	fw, fh := p.within(w, h, 1)
	at := image.Pt((p.Width-fw)/2, (p.Height-fh)/2)
	return image.Rectangle{at, at.Add(image.Pt(fw, fh))}
}

// within is a w×h picture's size when it is scaled to fit the input's size times over, one pixel at least.
func (p Preprocess) within(w, h int, over float64) (int, int) {
	s := over * min(float64(p.Width)/float64(w), float64(p.Height)/float64(h))
	side := func(n, most int) int {
		return min(max(int(math.Round(s*float64(n))), 1), int(over*float64(most)))
	}
	return side(w, p.Width), side(h, p.Height)
}

// ToInput maps pixels of a w×h picture to pixels of the input; its Inverse maps back what the model found.
func (p Preprocess) ToInput(w, h int) Affine {
	return between(Rect{0, 0, float64(w), float64(h)}, p.fit(w, h))
}

// between maps a part of a picture to where it is drawn.
func between(from Rect, to image.Rectangle) Affine {
	sx, sy := float64(to.Dx())/(from.X1-from.X0), float64(to.Dy())/(from.Y1-from.Y0)
	return Affine{sx, sy, float64(to.Min.X) - from.X0*sx, float64(to.Min.Y) - from.Y0*sy}
}

// compose draws part of src into a place of dst, and leaves grey around it.
func compose(dst *RGB, into image.Rectangle, src lines, part Rect, r *Resizer) {
	if into == image.Rect(0, 0, dst.W, dst.H) {
		r.scale(dst, src, part)
		return
	}
	for i := range dst.Pix {
		dst.Pix[i] = LetterboxGrey
	}
	small := NewRGB(into.Dx(), into.Dy())
	r.scale(small, src, part)
	small.drawOn(dst, into.Min)
}

// drawOn copies m onto dst, which has room for it at a point.
func (m *RGB) drawOn(dst *RGB, at image.Point) {
	for y := range m.H {
		copy(dst.row(at.Y + y)[3*at.X:], m.row(y))
	}
}
