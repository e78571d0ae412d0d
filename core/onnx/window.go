package onnx

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// The operators of this file slide a window over H and W.

// window is where a kernel lies: lengths along H and W, pads as top, left, bottom, right.
type window struct {
	kernel, stride, dilation [2]int
	pads                     [4]int
}

// maxPad bounds pads and strides, so that sums and products stay far from overflow.
const maxPad = 1 << 20

// window reads strides, dilations, pads and auto_pad for an image of shape N×H×W×C.
func (c *call) window(kernel [2]int, image tensor.Shape) (w window, err error) {
	w.kernel = kernel
	if w.stride, err = c.pair("strides", 1); err != nil {
		return w, err
	}
	if w.dilation, err = c.pair("dilations", 1); err != nil {
		return w, err
	}
	auto, err := c.n.Text("auto_pad", "NOTSET")
	if err != nil {
		return w, err
	}
	switch auto {
	case "", "NOTSET":
		w.pads, err = c.pads()
	case "VALID":
	case "SAME_UPPER", "SAME_LOWER":
		w.padSame(image, auto == "SAME_LOWER")
	default:
		err = fmt.Errorf("auto_pad %q", auto)
	}
	return w, err
}

// padSame pads so that the output has ⌈input/stride⌉ pixels; an odd one goes behind, or in
// front with lower.
func (w *window) padSame(image tensor.Shape, lower bool) {
	for i := range 2 {
		out := (image[1+i] + w.stride[i] - 1) / w.stride[i]
		total := max(0, (out-1)*w.stride[i]+(w.kernel[i]-1)*w.dilation[i]+1-image[1+i])
		before := total / 2
		if lower {
			before = total - before
		}
		w.pads[i], w.pads[i+2] = before, total-before
	}
}

// pair is an attribute of one positive integer for H and one for W.
func (c *call) pair(name string, def int) ([2]int, error) {
	list, err := c.n.Ints(name)
	if err != nil || list == nil {
		return [2]int{def, def}, err
	}
	if len(list) != 2 {
		return [2]int{}, fmt.Errorf("attribute %q is %v, want two numbers", name, list)
	}
	var p [2]int
	for i, v := range list {
		if v < 1 || v > maxPad {
			return p, fmt.Errorf("attribute %q is %v, want 1 to %d", name, list, maxPad)
		}
		p[i] = int(v)
	}
	return p, nil
}

// pads is the attribute of that name: top, left, bottom, right.
func (c *call) pads() (p [4]int, err error) {
	list, err := c.n.Ints("pads")
	if err != nil || list == nil {
		return p, err
	}
	if len(list) != 4 {
		return p, fmt.Errorf("attribute \"pads\" is %v, want four numbers", list)
	}
	for i, v := range list {
		if v < 0 || v > maxPad {
			return p, fmt.Errorf("attribute \"pads\" is %v, want 0 to %d", list, maxPad)
		}
		p[i] = int(v)
	}
	return p, nil
}

// conv is Conv; one input channel a filter and as many groups as channels make it Depthwise.
func conv(c *call) error {
	x, err := c.image()
	if err != nil {
		return err
	}
	kernel, err := c.kernel(c.in[1])
	if err != nil {
		return err
	}
	w, err := c.window(kernel, x.Shape)
	if err != nil {
		return err
	}
	v, err := c.n.Int("group", 1)
	if err != nil {
		return err
	}
	groups, err := size("group", v, 1)
	if err != nil {
		return err
	}
	in, err := c.withWeight(x, c.in[1], c.input(2))
	if err != nil {
		return err
	}
	if groups > 1 && groups == x.Shape.Channels() && in[1].Shape.Channels() == 1 {
		return c.give(op.Depthwise{Stride: w.stride, Dilation: w.dilation, Pads: w.pads}, natural(4), in...)
	}
	return c.give(op.Conv{Stride: w.stride, Dilation: w.dilation, Pads: w.pads, Groups: groups}, natural(4), in...)
}

// kernel is the height and width of a weight; the attribute must agree where it is given.
func (c *call) kernel(w *value) ([2]int, error) {
	if len(w.shape) != 4 {
		return [2]int{}, fmt.Errorf("weight %q has shape %v, want O×I×KH×KW", w.name, w.shape)
	}
	k := [2]int{w.shape[2], w.shape[3]}
	if c.n.Attrs["kernel_shape"] == nil {
		return k, nil
	}
	given, err := c.pair("kernel_shape", 1)
	if err == nil && given != k {
		err = fmt.Errorf("kernel_shape %v, weight %q has shape %v", given, w.name, w.shape)
	}
	return k, err
}

// withWeight is x, the weight as O×KH×KW×I, and the bias if there is one.
func (c *call) withWeight(x *graph.Node, w, b *value) ([]*graph.Node, error) {
	role := graph.Param
	if isMask(w.data) {
		c.note("weight %q holds only 0 and 1: kept as it is", w.name)
		role = graph.Const
	}
	wn, err := c.ordered(w, role, natural(4), 1)
	if err != nil || b == nil {
		return []*graph.Node{x, wn}, err
	}
	bn, err := c.vector(b, graph.Param, w.shape[0])
	return []*graph.Node{x, wn, bn}, err
}

// isMask reports whether every value is 0 or 1 and not all are 0: a filter that was built, not
// trained, as the shortcut that picks every second pixel.
func isMask(data *constant) bool {
	if data == nil {
		return false
	}
	ones := false
	for _, v := range data.floats {
		if v != 0 && v != 1 {
			return false
		}
		ones = ones || v == 1
	}
	return ones
}

// pool reads what MaxPool and AveragePool have in common.
func (c *call) pool() (x *graph.Node, w window, ceil bool, err error) {
	if x, err = c.image(); err != nil {
		return
	}
	if c.n.Attrs["kernel_shape"] == nil {
		return x, w, false, fmt.Errorf("attribute \"kernel_shape\" is missing")
	}
	kernel, err := c.pair("kernel_shape", 1)
	if err != nil {
		return
	}
	if w, err = c.window(kernel, x.Shape); err != nil {
		return
	}
	ceil, err = c.flag("ceil_mode", 0)
	return
}

func maxPool(c *call) error {
	x, w, ceil, err := c.pool()
	if err != nil {
		return err
	}
	o := op.MaxPool{Kernel: w.kernel, Stride: w.stride, Dilation: w.dilation, Pads: w.pads, Ceil: ceil}
	return c.give(o, natural(4), x)
}

func averagePool(c *call) error {
	x, w, ceil, err := c.pool()
	if err != nil {
		return err
	}
	if w.dilation != [2]int{1, 1} {
		return fmt.Errorf("dilations %v, want 1", w.dilation)
	}
	count, err := c.flag("count_include_pad", 0)
	if err != nil {
		return err
	}
	o := op.AveragePool{Kernel: w.kernel, Stride: w.stride, Pads: w.pads, Ceil: ceil, CountPad: count}
	return c.give(o, natural(4), x)
}

func globalAveragePool(c *call) error {
	x, err := c.image()
	if err != nil {
		return err
	}
	return c.give(op.GlobalAveragePool{}, natural(4), x)
}

func globalMaxPool(c *call) error {
	x, err := c.image()
	if err != nil {
		return err
	}
	one := [2]int{1, 1}
	o := op.MaxPool{Kernel: [2]int{x.Shape[1], x.Shape[2]}, Stride: one, Dilation: one}
	return c.give(o, natural(4), x)
}
