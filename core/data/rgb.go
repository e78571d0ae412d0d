package data

import (
	"image"
	"image/color"
)

// RGB is a picture of 8-bit pixels.
//
//	Pix  H×W×3, red first, no padding
type RGB struct {
	W, H int
	Pix  []uint8
}

// NewRGB is a black picture.
func NewRGB(w, h int) *RGB {
	m := new(RGB)
	m.reshape(w, h)
	return m
}

// reshape gives m a size; what it shows afterwards is undefined. It takes new memory only when
// the old does not suffice.
func (m *RGB) reshape(w, h int) {
	m.W, m.H = w, h
	m.Pix = grow(m.Pix, w*h*3)
}

// row is line y of m.
func (m *RGB) row(y int) []uint8 { return m.Pix[y*m.W*3:][:m.W*3] }

func (m *RGB) size() (w, h int) { return m.W, m.H }

func (m *RGB) line(dst [][4]uint8, y int) {
	for i, p := 0, m.row(y); i < len(dst) && len(p) >= 3; i, p = i+1, p[3:] {
		dst[i] = [4]uint8{p[0], p[1], p[2]}
	}
}

// Clone is a copy that shares nothing.
func (m *RGB) Clone() *RGB {
	return &RGB{m.W, m.H, append([]uint8(nil), m.Pix...)}
}

// convertPlain fills dst with the pixels of m, alpha dropped and 16-bit samples cut to their
// high byte.
func convertPlain(dst *RGB, m image.Image) {
	b := m.Bounds()
	dst.reshape(b.Dx(), b.Dy())
	switch m := m.(type) {
	case *image.Gray:
		convertRows(dst, m.Pix, m.Stride, fromGray)
	case *image.Gray16:
		convertRows(dst, m.Pix, m.Stride, fromGray16)
	case *image.NRGBA:
		convertRows(dst, m.Pix, m.Stride, fromRGBX)
	case *image.NRGBA64:
		convertRows(dst, m.Pix, m.Stride, fromRGBX16)
	case *image.CMYK:
		convertRows(dst, m.Pix, m.Stride, fromCMYK)
	case *image.Paletted:
		convertRows(dst, m.Pix, m.Stride, fromPalette(m.Palette))
	case *image.RGBA:
		convertOpaque(dst, m, m.Opaque(), m.Pix, m.Stride, fromRGBX)
	case *image.RGBA64:
		convertOpaque(dst, m, m.Opaque(), m.Pix, m.Stride, fromRGBX16)
	default:
		convertAny(dst, m)
	}
}

// convertRows runs the loop of one pixel format over every line. Decoders give pictures whose
// first pixel is Pix[0].
func convertRows(dst *RGB, pix []uint8, stride int, line func(dst, src []uint8)) {
	for y := range dst.H {
		line(dst.row(y), pix[y*stride:])
	}
}

// convertOpaque takes premultiplied samples as they are where alpha is one everywhere.
func convertOpaque(dst *RGB, m image.Image, opaque bool, pix []uint8, stride int, line func(dst, src []uint8)) {
	if opaque {
		convertRows(dst, pix, stride, line)
		return
	}
	convertAny(dst, m)
}

// convertAny is right for every image and slow.
func convertAny(dst *RGB, m image.Image) {
	b := m.Bounds()
	for y := range dst.H {
		row := dst.row(y)
		for x := range dst.W {
			c := color.NRGBAModel.Convert(m.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			row[x*3], row[x*3+1], row[x*3+2] = c.R, c.G, c.B
		}
	}
}

func fromGray(dst, src []uint8) {
	for i := 0; i+2 < len(dst); i += 3 {
		v := src[i/3]
		dst[i], dst[i+1], dst[i+2] = v, v, v
	}
}

func fromGray16(dst, src []uint8) {
	for i := 0; i+2 < len(dst); i += 3 {
		v := src[i/3*2]
		dst[i], dst[i+1], dst[i+2] = v, v, v
	}
}

func fromRGBX(dst, src []uint8) {
	for i, j := 0, 0; i+2 < len(dst); i, j = i+3, j+4 {
		dst[i], dst[i+1], dst[i+2] = src[j], src[j+1], src[j+2]
	}
}

func fromRGBX16(dst, src []uint8) {
	for i, j := 0, 0; i+2 < len(dst); i, j = i+3, j+8 {
		dst[i], dst[i+1], dst[i+2] = src[j], src[j+2], src[j+4]
	}
}

// fromCMYK is (1-ink)(1-black), rounded.
func fromCMYK(dst, src []uint8) {
	for i, j := 0, 0; i+2 < len(dst); i, j = i+3, j+4 {
		white := 255 - uint32(src[j+3])
		for c := range 3 {
			dst[i+c] = uint8(((255-uint32(src[j+c]))*white + 127) / 255)
		}
	}
}

// fromPalette looks colours up in a table of all 256 indices: those past the palette's end are
// black, as in libpng.
func fromPalette(p color.Palette) func(dst, src []uint8) {
	var table [256][3]uint8
	for i, c := range p {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		table[i] = [3]uint8{n.R, n.G, n.B}
	}
	return func(dst, src []uint8) {
		for i := 0; i+2 < len(dst); i += 3 {
			c := &table[src[i/3]]
			dst[i], dst[i+1], dst[i+2] = c[0], c[1], c[2]
		}
	}
}

// Image is the picture as the standard library's type; it shares nothing.
func (m *RGB) Image() *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, m.W, m.H))
	for i, j := 0, 0; i < len(m.Pix); i, j = i+3, j+4 {
		copy(out.Pix[j:j+3], m.Pix[i:i+3])
		out.Pix[j+3] = 255
	}
	return out
}
