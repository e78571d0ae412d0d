package camera

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
)

// Converter makes pictures of frames. It keeps its memory: a picture is good until the next call.
type Converter struct {
	ycbcr  image.YCbCr
	gray   image.Gray
	rgb    image.NRGBA
	mosaic []byte
	jpeg   []byte
}

// Image is the picture in f: a YCbCr as JFIF has it (full range, BT.601), a Gray, or an NRGBA. Errors
// of a frame's bytes match ErrDamaged.
func (c *Converter) Image(f *Frame) (image.Image, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if m, ok := mosaics[f.Pixel]; ok {
		return c.demosaic(f, m), nil
	}
	switch f.Pixel {
	case MJPEG:
		return c.decode(f.Planes[0].Pix)
	case Grey:
		return c.grey(f), nil
	case RGB:
		return c.colour(f), nil
	}
	c.components(f)
	if f.BT709 {
		return c.fromBT709(f), nil
	}
	if !f.Full {
		widen(c.ycbcr.Y, &lumaFull)
		widen(c.ycbcr.Cb, &chromaFull)
		widen(c.ycbcr.Cr, &chromaFull)
	}
	return &c.ycbcr, nil
}

// decode reads a JPEG, whose size is asked before its pixels are.
func (c *Converter) decode(b []byte) (m image.Image, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: the JPEG decoder panicked: %v", ErrDamaged, r)
		}
	}()
	c.jpeg = withTables(c.jpeg[:0], b)
	head, err := jpeg.DecodeConfig(bytes.NewReader(c.jpeg))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if head.Width < 1 || head.Height < 1 || head.Width*head.Height > maxPixels {
		return nil, fmt.Errorf("%w: a JPEG of %d×%d pixels, want 1 to %d in all", ErrDamaged, head.Width, head.Height, maxPixels)
	}
	if m, err = jpeg.Decode(bytes.NewReader(c.jpeg)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return m, nil
}

func (c *Converter) grey(f *Frame) image.Image {
	c.gray = image.Gray{Pix: resize(c.gray.Pix, f.Width*f.Height), Stride: f.Width, Rect: image.Rect(0, 0, f.Width, f.Height)}
	copyLines(c.gray.Pix, f.Width, f.Planes[0], f.Width, f.Height)
	return &c.gray
}

func (c *Converter) colour(f *Frame) image.Image {
	c.newRGB(f)
	for y := range f.Height {
		dst, src := c.rgb.Pix[y*c.rgb.Stride:][:4*f.Width], f.Planes[0].Pix[y*f.Planes[0].Stride:][:3*f.Width]
		for i, j := 0, 0; i < len(dst); i, j = i+4, j+3 {
			dst[i], dst[i+1], dst[i+2], dst[i+3] = src[j], src[j+1], src[j+2], 255
		}
	}
	return &c.rgb
}

func (c *Converter) newRGB(f *Frame) {
	c.rgb = image.NRGBA{Pix: resize(c.rgb.Pix, 4*f.Width*f.Height), Stride: 4 * f.Width, Rect: image.Rect(0, 0, f.Width, f.Height)}
}

// components fills ycbcr with the values of f as they are.
func (c *Converter) components(f *Frame) {
	w, h := f.Width, f.Height
	m := &c.ycbcr
	cw, ch := (w+1)/2, h
	m.SubsampleRatio = image.YCbCrSubsampleRatio422
	if f.Pixel == NV12 || f.Pixel == I420 {
		ch, m.SubsampleRatio = (h+1)/2, image.YCbCrSubsampleRatio420
	}
	m.Y, m.Cb, m.Cr = resize(m.Y, w*h), resize(m.Cb, cw*ch), resize(m.Cr, cw*ch)
	m.YStride, m.CStride, m.Rect = w, cw, image.Rect(0, 0, w, h)
	switch f.Pixel {
	case YUYV:
		c.packed(f, 0)
	case UYVY:
		c.packed(f, 1)
	case NV12:
		copyLines(m.Y, w, f.Planes[0], w, h)
		for y := range ch {
			pairs(m.Cb[y*cw:][:cw], m.Cr[y*cw:][:cw], f.Planes[1].Pix[y*f.Planes[1].Stride:])
		}
	case I420:
		copyLines(m.Y, w, f.Planes[0], w, h)
		copyLines(m.Cb, cw, f.Planes[1], cw, ch)
		copyLines(m.Cr, cw, f.Planes[2], cw, ch)
	}
}

// packed parts Y Cb Y Cr, or with luma at 1, Cb Y Cr Y.
func (c *Converter) packed(f *Frame, luma int) {
	m, cw := &c.ycbcr, c.ycbcr.CStride
	for y := range f.Height {
		src := f.Planes[0].Pix[y*f.Planes[0].Stride:][:4*cw]
		dst, cb, cr := m.Y[y*f.Width:][:f.Width], m.Cb[y*cw:][:cw], m.Cr[y*cw:][:cw]
		for i := range cb {
			q := src[4*i:][:4]
			cb[i], cr[i] = q[1-luma], q[3-luma]
			dst[2*i] = q[luma]
			if 2*i+1 < len(dst) {
				dst[2*i+1] = q[2+luma]
			}
		}
	}
}

func pairs(a, b, src []byte) {
	for i := range a {
		a[i], b[i] = src[2*i], src[2*i+1]
	}
}

// copyLines copies h lines of n bytes and drops their padding.
func copyLines(dst []byte, stride int, src Plane, n, h int) {
	for y := range h {
		copy(dst[y*stride:][:n], src.Pix[y*src.Stride:])
	}
}

// lumaFull and chromaFull bring limited range to full (BT.601-7 §2.5.3 to JFIF 1.02).
var lumaFull, chromaFull = rangeTable(16, 219, 0), rangeTable(128, 224, 128)

// rangeTable maps zero+span/255·(v-to) to v.
func rangeTable(zero, span, to int) (t [256]byte) {
	for i := range t {
		v := float64(i-zero)*255/float64(span) + float64(to)
		t[i] = byte(min(max(v+0.5, 0), 255))
	}
	return t
}

func widen(b []byte, t *[256]byte) {
	for i, v := range b {
		b[i] = t[v]
	}
}

// fromBT709 makes RGB of BT.709 components (BT.709-6 §3), colour repeated, not interpolated.
func (c *Converter) fromBT709(f *Frame) image.Image {
	c.newRGB(f)
	scaleY, scaleC, zero := 255.0/219, 255.0/224, 16.0
	if f.Full {
		scaleY, scaleC, zero = 1, 1, 0
	}
	for y := range f.Height {
		for x := range f.Width {
			i, j := c.ycbcr.YOffset(x, y), c.ycbcr.COffset(x, y)
			l := (float64(c.ycbcr.Y[i]) - zero) * scaleY
			b, r := (float64(c.ycbcr.Cb[j])-128)*scaleC, (float64(c.ycbcr.Cr[j])-128)*scaleC
			p := c.rgb.Pix[4*i:][:4]
			p[0], p[1], p[2], p[3] = round8(l+1.5748*r), round8(l-0.187324*b-0.468124*r), round8(l+1.8556*b), 255
		}
	}
	return &c.rgb
}

func round8(v float64) byte { return byte(min(max(v+0.5, 0), 255)) }

// resize is n bytes, contents undefined, in the memory of s where that suffices.
func resize(s []byte, n int) []byte {
	if cap(s) < n {
		return make([]byte, n)
	}
	return s[:n]
}
