package line

import (
	"image"
	"math"
	"math/rand/v2"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// stencil is how much ink lies where, h×w, 0 to 1.
type stencil struct {
	w, h int
	ink  []float64
}

// at is the ink at u, v in stencil pixels, between pixels linearly, none outside.
func (s *stencil) at(u, v float64) float64 {
	fu, fv := math.Floor(u-0.5), math.Floor(v-0.5)
	i, j, a, b := int(fv), int(fu), u-0.5-fu, v-0.5-fv
	top := s.pixel(i, j)*(1-a) + s.pixel(i, j+1)*a
	low := s.pixel(i+1, j)*(1-a) + s.pixel(i+1, j+1)*a
	return top*(1-b) + low*b
}

func (s *stencil) pixel(i, j int) float64 {
	if uint(i) >= uint(s.h) || uint(j) >= uint(s.w) {
		return 0
	}
	return s.ink[i*s.w+j]
}

func newStencil(w, h int) *stencil { return &stencil{w, h, make([]float64, w*h)} }

func (s *stencil) fill(x0, y0, x1, y1 int) {
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			s.ink[y*s.w+x] = 1
		}
	}
}

// capTop and capHeight are the rows that capitals and digits fill in basicfont.Face7x13.
const (
	glyphWidth = 7
	capTop     = 2
	capHeight  = 9
)

// bold is the ink to the right of every stroke: basicfont's are one pixel wide.
const bold = 0.6

// write sets text with the upper left corner of its capitals at x, y.
func (s *stencil) write(text string, x, y int) {
	img := image.NewAlpha(image.Rect(0, 0, s.w, s.h))
	d := font.Drawer{Dst: img, Src: image.Opaque, Face: basicfont.Face7x13,
		Dot: fixed.P(x, y+capHeight)}
	d.DrawString(text)
	for i, a := range img.Pix {
		if a > 0 {
			s.ink[i] = 1
			s.ink[min(i+1, len(s.ink)-1)] = max(s.ink[min(i+1, len(s.ink)-1)], bold)
		}
	}
}

// lettering is a stencil of text alone.
func lettering(text string) *stencil {
	s := newStencil(glyphWidth*len(text), capHeight+2)
	s.write(text, 0, 1)
	return s
}

// serial is a letter and digits, n characters.
func serial(rng *rand.Rand, n int) string {
	text := []byte{"ABCDEFHKLMNPRSTX"[rng.IntN(16)]}
	for len(text) < n {
		text = append(text, byte('0'+rng.IntN(10)))
	}
	return string(text)
}

// marking is a stencil printed into a box of the part.
type marking struct {
	at      point // middle of the box, part units
	w, h    float64
	stencil *stencil
	ink     Colour
	fault   misprint
}

// mark draws a marking and, for a misprinted specimen, what went wrong with it.
func (d *draft) mark(s *stencil, at point, w, h float64) marking {
	m := marking{at: at, w: w, h: h, stencil: s, ink: pick(d.Rand, d.product.Inks)}
	m.fault = d.misprint()
	return m
}

// cover is the share of ink at p.
func (m *marking) cover(p point) float64 {
	x, y := p.x-m.at.x, p.y-m.at.y
	if m.fault.kind == wellPrinted {
		return m.sample(x, y)
	}
	return m.fault.cover(m, x, y)
}

// sample is the ink at x, y part units from the middle of a good print.
func (m *marking) sample(x, y float64) float64 {
	u, v := x/m.w+0.5, y/m.h+0.5
	if u < -0.05 || u > 1.05 || v < -0.1 || v > 1.1 {
		return 0
	}
	return m.stencil.at(u*float64(m.stencil.w), v*float64(m.stencil.h))
}

// print inks a texel: ink hides grain and takes the gloss.
func (m *marking) print(t *texel, p point) {
	if a := m.cover(p); a > 0 {
		*t = t.over(texel{t.z, m.ink, 0.12, point{}}, 0.92*a)
	}
}
