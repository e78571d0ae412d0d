package data

import "image"

// JPEG and WebP keep colour at a fraction of the picture's size. The decoders return the planes
// as stored; here they are brought to full size with the triangle filter that libjpeg calls
// fancy upsampling (weights 3/4 and 1/4 an axis), because that is what Pillow shows, and the
// models were trained on what Pillow shows.

// convertJPEG fills dst from a decoded JPEG: full-range BT.601 as JFIF has it.
func convertJPEG(dst *RGB, m image.Image) {
	if m, ok := m.(*image.YCbCr); ok {
		convertYCbCr(dst, m, jfifLine)
		return
	}
	convertPlain(dst, m)
}

// planes is a decoded JPEG as stored. Its lines are made when they are read.
type planes struct {
	*image.YCbCr
	up     *upsampler
	cb, cr []uint8 // a line of the picture
}

func (p *planes) set(m *image.YCbCr) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	p.YCbCr, p.up = m, newUpsampler(m.SubsampleRatio, w, h)
	p.cb, p.cr = grow(p.cb, w+4), grow(p.cr, w+4)
}

func (p *planes) size() (w, h int) { return p.Rect.Dx(), p.Rect.Dy() }

func (p *planes) line(dst [][4]uint8, y int) {
	p.up.row(p.cb, p.Cb, p.CStride, y)
	p.up.row(p.cr, p.Cr, p.CStride, y)
	loops().JFIF(dst, p.Y[y*p.YStride:], p.cb, p.cr)
}

// convertWebP fills dst from a decoded WebP: lossy ones hold studio-range BT.601, whatever
// image.YCbCr promises.
func convertWebP(dst *RGB, m image.Image) {
	switch m := m.(type) {
	case *image.YCbCr:
		convertYCbCr(dst, m, studioLine)
	case *image.NYCbCrA:
		convertYCbCr(dst, &m.YCbCr, studioLine)
	default:
		convertPlain(dst, m)
	}
}

// convertYCbCr runs line over every row with both colour rows at full width.
func convertYCbCr(dst *RGB, m *image.YCbCr, line func(dst, y, cb, cr []uint8)) {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	dst.reshape(w, h)
	up := newUpsampler(m.SubsampleRatio, w, h)
	cb, cr := make([]uint8, w+4), make([]uint8, w+4)
	for y := range h {
		up.row(cb, m.Cb, m.CStride, y)
		up.row(cr, m.Cr, m.CStride, y)
		line(dst.row(y), m.Y[y*m.YStride:], cb, cr)
	}
}

// jfifLine is the conversion of JFIF 1.02, p. 3, in 16-bit fixed point.
func jfifLine(dst, y, cb, cr []uint8) {
	for i, j := 0, 0; i+2 < len(dst); i, j = i+3, j+1 {
		l, b, r := int32(y[j])<<16+1<<15, int32(cb[j])-128, int32(cr[j])-128
		dst[i] = clip8((l + 91881*r) >> 16)
		dst[i+1] = clip8((l - 22554*b - 46802*r) >> 16)
		dst[i+2] = clip8((l + 116130*b) >> 16)
	}
}

// studioLine is BT.601 with luma 16 to 235 and colour 16 to 240, in 14-bit fixed point:
// 1.164(Y-16) + 1.596(V-128) and so on (WebP container specification, RFC 9649; RFC 6386 §9.2).
func studioLine(dst, y, cb, cr []uint8) {
	for i, j := 0, 0; i+2 < len(dst); i, j = i+3, j+1 {
		l, b, r := (int32(y[j])-16)*19077+1<<13, int32(cb[j])-128, int32(cr[j])-128
		dst[i] = clip8((l + 26149*r) >> 14)
		dst[i+1] = clip8((l - 6419*b - 13320*r) >> 14)
		dst[i+2] = clip8((l + 33050*b) >> 14)
	}
}

func clip8(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

// upsampler brings lines of a colour plane to the size of the picture.
type upsampler struct {
	sx, sy int      // picture pixels a colour sample, each way
	w, h   int      // colour plane in samples
	smooth bool     // triangle filter; repeated samples otherwise
	sum    []uint16 // w: one line, or 3/4 and 1/4 of two lines times 4
}

func newUpsampler(r image.YCbCrSubsampleRatio, w, h int) *upsampler {
	u := &upsampler{sx: 1, sy: 1}
	switch r {
	case image.YCbCrSubsampleRatio422:
		u.sx = 2
	case image.YCbCrSubsampleRatio420:
		u.sx, u.sy = 2, 2
	case image.YCbCrSubsampleRatio440:
		u.sy = 2
	case image.YCbCrSubsampleRatio411:
		u.sx = 4
	case image.YCbCrSubsampleRatio410:
		u.sx, u.sy = 4, 2
	}
	u.w, u.h = (w+u.sx-1)/u.sx, (h+u.sy-1)/u.sy
	u.smooth = u.sx == 1 || u.sx == 2 && u.w > 2 // libjpeg repeats in the narrowest pictures
	u.sum = make([]uint16, u.w)
	return u
}

// row writes line y of the picture from plane.
//
//	dst    at least sx*w
//	plane  h×stride
func (u *upsampler) row(dst, plane []uint8, stride, y int) {
	near := plane[y/u.sy*stride:][:u.w]
	switch {
	case !u.smooth:
		repeat(dst, near, u.sx)
	case u.sy == 1 && u.sx == 1:
		copy(dst, near)
	case u.sy == 1:
		u.widen(near)
		spread(dst, u.sum, 2, 1, 2)
	case u.sx == 1:
		u.mix(near, u.other(plane, stride, y))
		round4(dst, u.sum, uint16(1+y%2))
	default:
		u.mix(near, u.other(plane, stride, y))
		spread(dst, u.sum, 4, 8, 7)
	}
}

// other is the colour line that lies on the other side of picture line y than its own, or its
// own at the border.
func (u *upsampler) other(plane []uint8, stride, y int) []uint8 {
	line := y/2 - 1 + y%2*2
	return plane[min(max(line, 0), u.h-1)*stride:][:u.w]
}

// widen fills sum with one line.
func (u *upsampler) widen(near []uint8) {
	for i, v := range near {
		u.sum[i] = uint16(v)
	}
}

// mix fills sum with 3 near + far.
func (u *upsampler) mix(near, far []uint8) {
	for i, v := range near {
		u.sum[i] = 3*uint16(v) + uint16(far[i])
	}
}

// spread doubles a line: each output is 3 of its own sample and 1 of the nearer neighbour. The
// rounding differs between even and odd columns, as in libjpeg, so that none of it accumulates.
//
//	dst  2×len(sum)
func spread(dst []uint8, sum []uint16, shift uint, even, odd uint16) {
	left, v := sum[0], sum[0]
	d := dst[:2*len(sum)]
	for _, right := range sum[1:] {
		d[0] = uint8((3*v + left + even) >> (shift & 15))
		d[1] = uint8((3*v + right + odd) >> (shift & 15))
		left, v, d = v, right, d[2:]
	}
	d[0] = uint8((3*v + left + even) >> shift)
	d[1] = uint8((4*v + odd) >> shift)
}

func round4(dst []uint8, sum []uint16, bias uint16) {
	for i, v := range sum {
		dst[i] = uint8((v + bias) >> 2)
	}
}

func repeat(dst, src []uint8, n int) {
	for i, v := range src {
		for j := range n {
			dst[i*n+j] = v
		}
	}
}
