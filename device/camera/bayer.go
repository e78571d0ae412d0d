package camera

import (
	"encoding/binary"
	"image"
)

// demosaic interpolates the two colours that each pixel of a mosaic lacks from its neighbours,
// bilinearly; beyond the border the picture is mirrored, which keeps the colours of the mosaic in
// their places. It gives linear ramps exactly.
func (c *Converter) demosaic(f *Frame, m bayer) image.Image {
	c.newRGB(f)
	c.mosaic = resize(c.mosaic, f.Width*f.Height)
	for y := range f.Height {
		samples(c.mosaic[y*f.Width:][:f.Width], f.Planes[0].Pix[y*f.Planes[0].Stride:], m.bits)
	}
	line := func(y int) []byte { return c.mosaic[mirror(y, f.Height)*f.Width:][:f.Width] }
	for y := range f.Height {
		demosaicLine(c.rgb.Pix[y*c.rgb.Stride:], line(y-1), line(y), line(y+1), m.redX, y%2 == m.redY)
	}
	return &c.rgb
}

// samples are those of one line as 8 bits.
func samples(dst, src []byte, bits int) {
	if bits == 8 {
		copy(dst, src)
		return
	}
	for i := range dst {
		dst[i] = byte(min(binary.LittleEndian.Uint16(src[2*i:])>>(bits-8), 255))
	}
}

// mirror is i inside 0 to n-1, reflected at the border's pixels.
func mirror(i, n int) int {
	if i < 0 {
		i = -i
	}
	if i >= n {
		i = 2*(n-1) - i
	}
	return max(i, 0)
}

// demosaicLine makes one line.
//
//	dst     W×4
//	up, at, down  W
//	redX    columns that are red in lines with red
//	red     this line has red; the others have blue
func demosaicLine(dst, up, at, down []byte, redX int, red bool) {
	w := len(at)
	own, other := 0, 2 // where this line's colour and the other go
	if !red {
		own, other, redX = 2, 0, 1-redX
	}
	for x := range w {
		l, r := mirror(x-1, w), mirror(x+1, w)
		p := dst[4*x:][:4]
		p[3] = 255
		if x%2 == redX {
			p[own] = at[x]
			p[1] = mean4(at[l], at[r], up[x], down[x])
			p[other] = mean4(up[l], up[r], down[l], down[r])
			continue
		}
		p[1] = at[x]
		p[own] = mean2(at[l], at[r])
		p[other] = mean2(up[x], down[x])
	}
}

func mean2(a, b byte) byte       { return byte((uint(a) + uint(b) + 1) / 2) }
func mean4(a, b, c, d byte) byte { return byte((uint(a) + uint(b) + uint(c) + uint(d) + 2) / 4) }
