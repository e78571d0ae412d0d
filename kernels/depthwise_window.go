//go:build !noasm && (amd64 || arm64)

package kernels

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

// key is that of the kernels.
func (w depthwiseWindow) key() int { return w.rows<<8 | w.width<<4 | w.stride }
