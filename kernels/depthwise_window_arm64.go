//go:build !noasm

package kernels

// windowPixels is the number of pixels that a kernel for windows makes in a turn.
const windowPixels = 4

// depthwiseWindow is taps in rows of width beside each other, as far from tap to tap in each, and pixels
// stride times as far apart. Pixels beside each other share then what they see.
type depthwiseWindow struct{ rows, width, stride int }

// newDepthwiseWindow is the window that taps are, or none.
func newDepthwiseWindow(off []int, xs int) (w depthwiseWindow) {
	if len(off) < 2 {
		return w
	}
	step, width := off[1]-off[0], 2
	for width < len(off) && off[width]-off[width-1] == step {
		width++
	}
	if step <= 0 || len(off)%width != 0 || xs != step && xs != 2*step {
		return w
	}
	for t, o := range off {
		if o-off[t-t%width] != t%width*step {
			return w
		}
	}
	return depthwiseWindow{len(off) / width, width, xs / step}
}

// fits reports whether there are kernels: those of three taps a row do it in one go, and do not add.
func (w depthwiseWindow) fits(acc bool) bool {
	return w.width == 2 && w.rows == 2 && w.stride == 1 && !acc || w.width == 3 && w.rows <= 3 && !acc || w.width == 5
}

// fitsGrad is the same for the gradient of the weights.
func (w depthwiseWindow) fitsGrad() bool { return w.width == 3 && w.rows <= 3 || w.width == 5 }

// group is as many rows of a window with so many taps left as one call takes.
func (w depthwiseWindow) group(left int) depthwiseWindow {
	w.rows = min(left/w.width, 10/w.width)
	return w
}

// key is that of the kernels.
func (w depthwiseWindow) key() int { return w.rows<<8 | w.width<<4 | w.stride }
