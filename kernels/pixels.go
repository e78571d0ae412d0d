package kernels

import "math"

// Pixels is the kernels between bytes and numbers: what quantises features that are kept, and what
// brings a decoded JPEG to the size and range that a model wants. The kernels of pictures compute
// with integers, so that all sets give the same bytes, those of libjpeg and Pillow.
type Pixels struct {
	// Quantize is q = x/scale to the nearest integer, ties to even, row by row of c numbers, with
	// scale = max|x|/127 of the row, len(scale) rows. |x - q·scale| is at most scale/2, but for
	// the rounding of the product, where max|x| is above 1e-36. A row that has a NaN or Inf has
	// a scale that is not finite: all of it is NaN again.
	Quantize func(q []int8, scale, x []float32, c int)
	// Dequantize is x = q·scale, row by row of c numbers.
	Dequantize func(x []float32, q []int8, scale []float32, c int)

	// JFIF is red, green, blue and 0 of luma and two colour differences of the same width, by
	// full-range BT.601 (JFIF 1.02, p. 3) in 16-bit fixed point, n = len(rgbx).
	JFIF func(rgbx [][4]uint8, y, cb, cr []uint8)
	// Across scales a row: dst[i] = Σ_k weight[i·taps+k]·src[first[i]+k], rounded, taps =
	// len(weight)/len(dst). Weights count 2⁻²², are not negative and sum to 1 up to rounding.
	Across func(dst, src [][4]uint8, first, weight []int32)
	// AddScaled is sum += w·x, Rounded is y = sum/2²²: Across for columns.
	AddScaled func(sum []int32, x []uint8, w int32)
	Rounded   func(y []uint8, sum []int32)
	// Floats is y = x·scale + shift.
	Floats func(y []float32, x []uint8, scale, shift []float32)
}

func genericPixels() Pixels {
	return Pixels{
		Quantize:   func(q []int8, scale, x []float32, c int) { quantizeRows(q, scale, x, c, maxAbs, quantize) },
		Dequantize: func(x []float32, q []int8, scale []float32, c int) { dequantizeRows(x, q, scale, c, dequantize) },
		JFIF:       jfif, Across: across, AddScaled: addScaled, Rounded: rounded, Floats: floats,
	}
}

// quantizeRows is Quantize by the loops of a set.
func quantizeRows(q []int8, scale, x []float32, c int, top func([]float32) float32, row func(q []int8, x []float32, scale float32)) {
	for i := range scale {
		xr, qr := x[i*c:][:c], q[i*c:][:c]
		s := top(xr) / 127
		if scale[i] = s; s > 0 && s <= math.MaxFloat32 {
			row(qr, xr, s)
		} else {
			clear(qr)
		}
	}
}

func dequantizeRows(x []float32, q []int8, scale []float32, c int, row func(x []float32, q []int8, scale float32)) {
	for i, s := range scale {
		row(x[i*c:][:c], q[i*c:][:c], s)
	}
}

// maxAbs is the largest magnitude, NaN if there is one, 0 of none.
func maxAbs(x []float32) (top float32) {
	for _, v := range x {
		top = max(top, v, -v)
	}
	return top
}

func quantize(q []int8, x []float32, scale float32) {
	x = x[:len(q)]
	for i, v := range x {
		q[i] = int8(math.RoundToEven(float64(v / scale)))
	}
}

func dequantize(x []float32, q []int8, scale float32) {
	q = q[:len(x)]
	for i, v := range q {
		x[i] = float32(v) * scale
	}
}

func jfif(rgbx [][4]uint8, y, cb, cr []uint8) {
	y, cb, cr = y[:len(rgbx)], cb[:len(rgbx)], cr[:len(rgbx)]
	for i := range rgbx {
		l, b, r := int32(y[i])<<16+1<<15, int32(cb[i])-128, int32(cr[i])-128
		rgbx[i] = [4]uint8{clip8((l + 91881*r) >> 16), clip8((l - 22554*b - 46802*r) >> 16), clip8((l + 116130*b) >> 16)}
	}
}

func clip8(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

// fixedBits of the fixed point of weights: 8 bits of pixel, 2 to spare in 32.
const fixedBits = 22

// acrossTaps is the number of taps a pixel; it checks the extent.
func acrossTaps(dst, src int, first, weight []int32) int {
	if dst == 0 {
		return 0
	}
	taps := len(weight) / dst
	for _, f := range first[:dst] {
		if f < 0 || int(f)+taps > src {
			panic("kernels: a tap lies outside of its row")
		}
	}
	return taps
}

func across(dst, src [][4]uint8, first, weight []int32) {
	taps := acrossTaps(len(dst), len(src), first, weight)
	for i := range dst {
		sum := [4]int32{1 << (fixedBits - 1), 1 << (fixedBits - 1), 1 << (fixedBits - 1), 1 << (fixedBits - 1)}
		for k, w := range weight[i*taps:][:taps] {
			p := &src[int(first[i])+k]
			for c := range sum {
				sum[c] += w * int32(p[c])
			}
		}
		for c, v := range sum {
			dst[i][c] = uint8(v >> fixedBits)
		}
	}
}

func addScaled(sum []int32, x []uint8, w int32) {
	x = x[:len(sum)]
	for i, v := range x {
		sum[i] += w * int32(v)
	}
}

func rounded(y []uint8, sum []int32) {
	sum = sum[:len(y)]
	for i, v := range sum {
		y[i] = uint8(v >> fixedBits)
	}
}

func floats(y []float32, x []uint8, scale, shift []float32) {
	x, scale, shift = x[:len(y)], scale[:len(y)], shift[:len(y)]
	for i, v := range x {
		y[i] = float32(v)*scale[i] + shift[i]
	}
}
