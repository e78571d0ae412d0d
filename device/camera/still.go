package camera

import "image"

// Still is a copy of a converter's picture, as an encoder of PNG takes it fast: it would take each pixel of a YCbCr
// through an interface.
func Still(m image.Image) image.Image {
	b := m.Bounds()
	if g, ok := m.(*image.Gray); ok {
		out := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
		for v := range b.Dy() {
			copy(out.Pix[v*out.Stride:][:b.Dx()], g.Pix[g.PixOffset(b.Min.X, b.Min.Y+v):])
		}
		return out
	}
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	y, isYCbCr := m.(*image.YCbCr)
	for v := range b.Dy() {
		for u := range b.Dx() {
			p := out.Pix[out.PixOffset(u, v):][:4]
			if isYCbCr {
				r, g, b, _ := y.YCbCrAt(b.Min.X+u, b.Min.Y+v).RGBA()
				p[0], p[1], p[2], p[3] = byte(r>>8), byte(g>>8), byte(b>>8), 255
				continue
			}
			r, g, b, _ := m.At(b.Min.X+u, b.Min.Y+v).RGBA()
			p[0], p[1], p[2], p[3] = byte(r>>8), byte(g>>8), byte(b>>8), 255
		}
	}
	return out
}
