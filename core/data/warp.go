package data

import "math"

// rotate turns a picture about its centre, counterclockwise for positive angles, by bilinear
// interpolation; what comes from outside repeats the border.
//
//	dst  h×w×3  overwritten
//	src  h×w×3
func rotate(dst, src []float32, w, h int, radians float64) {
	sin, cos := math.Sincos(radians)
	cx, cy := float64(w-1)/2, float64(h-1)/2
	for y := range h {
		for x := range w {
			dx, dy := float64(x)-cx, float64(y)-cy
			sample(dst[(y*w+x)*3:][:3], src, w, h, cx+dx*cos-dy*sin, cy+dx*sin+dy*cos)
		}
	}
}

// sample interpolates the pixel of src at x, y, where pixel centres are whole numbers.
func sample(dst, src []float32, w, h int, x, y float64) {
	x, y = min(max(x, 0), float64(w-1)), min(max(y, 0), float64(h-1))
	x0, y0 := int(x), int(y)
	x1, y1 := min(x0+1, w-1), min(y0+1, h-1)
	fx, fy := float32(x-float64(x0)), float32(y-float64(y0))
	a, b := src[(y0*w+x0)*3:], src[(y0*w+x1)*3:]
	c, d := src[(y1*w+x0)*3:], src[(y1*w+x1)*3:]
	for i := range dst {
		top := a[i] + (b[i]-a[i])*fx
		low := c[i] + (d[i]-c[i])*fx
		dst[i] = top + (low-top)*fy
	}
}

// gaussian appends one half of a normalised Gaussian kernel, its middle first, cut at 3 sigma.
func gaussian(k []float32, sigma float64) []float32 {
	radius := int(math.Ceil(3 * sigma))
	sum := 0.0
	for i := range radius + 1 {
		v := math.Exp(-float64(i*i) / (2 * sigma * sigma))
		k = append(k, float32(v))
		sum += v
		if i > 0 {
			sum += v
		}
	}
	for i := range k {
		k[i] /= float32(sum)
	}
	return k
}

// blur convolves rows, then columns; the border repeats.
//
//	x    h×w×3  in place
//	tmp  h×w×3  overwritten
func blur(x, tmp []float32, w, h int, kernel []float32) {
	for y := range h {
		blurLine(tmp[y*w*3:], x[y*w*3:], w, 3, kernel)
	}
	for c := range w {
		blurLine(x[c*3:], tmp[c*3:], h, w*3, kernel)
	}
}

// blurLine convolves n pixels that lie stride floats apart.
func blurLine(dst, src []float32, n, stride int, kernel []float32) {
	for i := range n {
		p := src[i*stride:]
		r, g, b := p[0]*kernel[0], p[1]*kernel[0], p[2]*kernel[0]
		for k := 1; k < len(kernel); k++ {
			lo, hi := src[max(i-k, 0)*stride:], src[min(i+k, n-1)*stride:]
			r += (lo[0] + hi[0]) * kernel[k]
			g += (lo[1] + hi[1]) * kernel[k]
			b += (lo[2] + hi[2]) * kernel[k]
		}
		q := dst[i*stride:]
		q[0], q[1], q[2] = r, g, b
	}
}
