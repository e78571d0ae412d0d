package op

import "fmt"

// convWindow is how a kernel moves over an image: what Conv and Depthwise have in common.
type convWindow struct {
	kernel, stride, dilation [2]int
	pads                     [4]int // top, left, bottom, right
}

// convWindowLimit bounds strides, dilations and pads: products with them stay far from overflow.
const convWindowLimit = 1 << 15

// newConvWindow puts 1 for strides and dilations of 0.
func newConvWindow(kernel, stride, dilation [2]int, pads [4]int) convWindow {
	w := convWindow{kernel, stride, dilation, pads}
	for i := range 2 {
		w.stride[i], w.dilation[i] = max(w.stride[i], 1), max(w.dilation[i], 1)
	}
	return w
}

// convWindowCheck refuses attributes outside their range.
func convWindowCheck(stride, dilation [2]int, pads [4]int) error {
	for i := range 2 {
		if s, d := stride[i], dilation[i]; s < 0 || d < 0 || s > convWindowLimit || d > convWindowLimit {
			return fmt.Errorf("stride %v, dilation %v, want 1 to %d", stride, dilation, convWindowLimit)
		}
	}
	for _, p := range pads {
		if p < 0 || p > convWindowLimit {
			return fmt.Errorf("pads %v, want 0 to %d", pads, convWindowLimit)
		}
	}
	return nil
}

// extent is the number of pixels from the first to the last tap along an axis, both counted.
func (w convWindow) extent(axis int) int { return (w.kernel[axis]-1)*w.dilation[axis] + 1 }

// out is the size of the output for an input of that size.
func (w convWindow) out(in [2]int) (out [2]int, err error) {
	for i := range 2 {
		padded := in[i] + w.pads[i] + w.pads[i+2]
		if w.extent(i) > padded {
			return out, fmt.Errorf("kernel %v with dilation %v does not fit into input %v with pads %v",
				w.kernel, w.dilation, in, w.pads)
		}
		out[i] = (padded-w.extent(i))/w.stride[i] + 1
	}
	return out, nil
}

// taps are the places of the taps along an axis, relative to stride·output position.
func (w convWindow) taps(axis int) []int {
	at := make([]int, w.kernel[axis])
	for k := range at {
		at[k] = k*w.dilation[axis] - w.pads[axis]
	}
	return at
}

// phase is what reaches the input positions p, p+stride, p+2·stride, … along an axis, turned
// round to look from the input at the output: input position p+i·stride is touched by output
// position i+shift[t] with tap tap[t]. Shifts ascend.
func (w convWindow) phase(axis, p int) (shift, tap []int) {
	for k := w.kernel[axis] - 1; k >= 0; k-- {
		if d := p + w.pads[axis] - k*w.dilation[axis]; d%w.stride[axis] == 0 {
			shift, tap = append(shift, d/w.stride[axis]), append(tap, k)
		}
	}
	return shift, tap
}
