package kernels

import "math"

// Pooling is the loops over the windows of images. Each goes over n pixels of c channels: the
// window of pixel p has its taps at x[p*xs+off[t]], the pixel itself is at y[p*ys]. There is at
// least one tap; offsets are not negative and, for the gradients, at least c apart.
type Pooling struct {
	// MaxPool is y[p*ys+j] = max over t of x[p*xs+off[t]+j], NaN where one of them is.
	MaxPool func(y []float32, ys int, x []float32, xs int, off []int, n, c int)
	// MaxPoolIndex is the number t of the first tap that has the maximum, or is NaN. There are at
	// most MaxPoolTaps taps.
	MaxPoolIndex func(index []uint8, ys int, x []float32, xs int, off []int, n, c int)
	// MaxPoolGrad adds dy[p*ys+j] to dx[p*xs+off[t]+j] where index[p*ys+j] is first+t. Windows may
	// overlap: pixels are added in order.
	MaxPoolGrad func(dx []float32, xs int, dy []float32, index []uint8, ys int, off []int, first, n, c int)
	// AveragePool is y[p*ys+j] = scale·Σ_t x[p*xs+off[t]+j].
	AveragePool func(y []float32, ys int, x []float32, xs int, off []int, scale float32, n, c int)
	// AveragePoolGrad adds scale·dy[p*ys+j] to each dx[p*xs+off[t]+j], pixels in order.
	AveragePoolGrad func(dx []float32, xs int, dy []float32, ys int, off []int, scale float32, n, c int)
}

// MaxPoolTaps is the number of taps that a byte can tell apart.
const MaxPoolTaps = 256

func genericPooling() Pooling {
	return Pooling{
		MaxPool: maxPool, MaxPoolIndex: maxPoolIndex, MaxPoolGrad: maxPoolGrad,
		AveragePool: averagePool, AveragePoolGrad: averagePoolGrad,
	}
}

// poolExtent checks that the slices hold their pixels, and reports whether there are any.
func poolExtent(ylen, ys, xlen, xs int, off []int, n, c int) bool {
	if n <= 0 || c <= 0 {
		return false
	}
	last := 0
	for _, o := range off {
		if o < 0 {
			panic("kernels: a tap has a negative offset")
		}
		last = max(last, o)
	}
	if len(off) == 0 || ylen < (n-1)*ys+c || xlen < (n-1)*xs+last+c {
		panic("kernels: a slice is shorter than its pixels, or there are no taps")
	}
	return true
}

// above reports that v takes the place of the maximum top: the first NaN stays.
func above(v, top float32) bool { return !(v <= top) && top == top }

var lowest = float32(math.Inf(-1))

func maxPool(y []float32, ys int, x []float32, xs int, off []int, n, c int) {
	if !poolExtent(len(y), ys, len(x), xs, off, n, c) {
		return
	}
	for p := range n {
		yp := y[p*ys:][:c]
		fill(yp, lowest)
		for _, o := range off {
			for j, v := range x[p*xs+o:][:c] {
				if above(v, yp[j]) {
					yp[j] = v
				}
			}
		}
	}
}

func maxPoolIndex(index []uint8, ys int, x []float32, xs int, off []int, n, c int) {
	if !poolExtent(len(index), ys, len(x), xs, off, n, c) {
		return
	}
	for p := range n {
		for j := range c {
			top := lowest
			index[p*ys+j] = 0
			for t, o := range off {
				if v := x[p*xs+o+j]; above(v, top) {
					top, index[p*ys+j] = v, uint8(t)
				}
			}
		}
	}
}

func maxPoolGrad(dx []float32, xs int, dy []float32, index []uint8, ys int, off []int, first, n, c int) {
	if !poolExtent(min(len(dy), len(index)), ys, len(dx), xs, off, n, c) {
		return
	}
	for p := range n {
		for j := range c {
			if t := int(index[p*ys+j]) - first; t >= 0 && t < len(off) {
				dx[p*xs+off[t]+j] += dy[p*ys+j]
			}
		}
	}
}

func averagePool(y []float32, ys int, x []float32, xs int, off []int, scale float32, n, c int) {
	if !poolExtent(len(y), ys, len(x), xs, off, n, c) {
		return
	}
	for p := range n {
		yp := y[p*ys:][:c]
		clear(yp)
		for _, o := range off {
			add(yp, yp, x[p*xs+o:])
		}
		for j := range yp {
			yp[j] *= scale
		}
	}
}

func averagePoolGrad(dx []float32, xs int, dy []float32, ys int, off []int, scale float32, n, c int) {
	if !poolExtent(len(dy), ys, len(dx), xs, off, n, c) {
		return
	}
	for p := range n {
		for _, o := range off {
			axpy(dx[p*xs+o:][:c], scale, dy[p*ys:])
		}
	}
}
