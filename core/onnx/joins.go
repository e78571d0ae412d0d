package onnx

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// concat joins computed tensors along any axis but the batch.
func concat(c *call) error {
	a, _, err := c.joined()
	if err != nil {
		return err
	}
	if a == 0 {
		return fmt.Errorf("along axis 0, the batch")
	}
	if len(c.in) == 1 {
		return identity(c)
	}
	order := c.common(c.in...)
	in := make([]*graph.Node, len(c.in))
	for i, v := range c.in {
		if v.data != nil {
			return fmt.Errorf("input %q is a constant between computed tensors", v.name)
		}
		if in[i], err = c.at(v, order); err != nil {
			return err
		}
	}
	return c.give(op.Concat{Axis: slices.Index(order, a)}, order, in...)
}

// padded is Pad with a constant, along H, W and C of images.
func padded(c *call) error {
	mode, err := c.n.Text("mode", "constant")
	if err != nil {
		return err
	}
	if mode != "constant" {
		return fmt.Errorf("mode %q, want constant", mode)
	}
	pads, err := c.padList()
	if err != nil {
		return err
	}
	value, err := c.padValue()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(pads, func(p int) bool { return p != 0 }) {
		return identity(c)
	}
	x, err := c.image()
	if err != nil {
		return err
	}
	if pads[0] != 0 || pads[4] != 0 {
		return fmt.Errorf("pads the batch: %v", pads)
	}
	o := op.Pad{
		Pads:     [4]int{pads[2], pads[3], pads[6], pads[7]},
		Channels: [2]int{pads[1], pads[5]},
		Value:    value,
	}
	return c.give(o, natural(4), x)
}

// padList is the padding before each axis, then behind each.
func (c *call) padList() ([]int, error) {
	rank := len(c.in[0].shape)
	list, err := c.list("pads", 1)
	if err != nil {
		return nil, err
	}
	axes, err := c.intsIn(3)
	if err != nil {
		return nil, err
	}
	if axes == nil {
		for i := range rank {
			axes = append(axes, int64(i))
		}
	}
	if _, err := axesOf(axes, rank); err != nil {
		return nil, err
	}
	if len(list) != 2*len(axes) {
		return nil, fmt.Errorf("pads %v, want two for each of %d axes", list, len(axes))
	}
	pads := make([]int, 2*rank)
	for i, v := range axes {
		a, _ := axis(v, rank)
		for end := range 2 {
			p := list[i+end*len(axes)]
			if p < 0 || p > maxPad {
				return nil, fmt.Errorf("pads %v, want 0 to %d", list, maxPad)
			}
			pads[a+end*rank] = int(p)
		}
	}
	return pads, nil
}

// padValue is attribute value up to opset 10, input 2 from 11.
func (c *call) padValue() (float32, error) {
	if c.opset < 11 {
		return c.n.Float("value", 0)
	}
	return c.scalarIn(2, 0)
}

// reduceMean is GlobalAveragePool over H and W, else a mean along one axis after the other,
// which is the same since all lines are equally long.
func reduceMean(c *call) error {
	v := c.in[0]
	rank := len(v.shape)
	list, err := c.list("axes", 1)
	if err != nil {
		return err
	}
	keep, err := c.flag("keepdims", 1)
	if err != nil {
		return err
	}
	noop, err := c.flag("noop_with_empty_axes", 0)
	if err != nil {
		return err
	}
	if len(list) == 0 && noop {
		return identity(c)
	}
	over, err := axesOf(list, rank)
	if err != nil {
		return err
	}
	if len(list) == 0 || over[0] {
		return fmt.Errorf("over axis 0, the batch")
	}
	mean, err := c.mean(v, over, keep)
	if err != nil || keep {
		return err
	}
	var shape []int
	for i, d := range mean.shape {
		if !over[i] {
			shape = append(shape, d)
		}
	}
	out, err := c.move(mean, c.name(), shape, nil)
	if err == nil {
		c.put(0, out)
	}
	return err
}

// mean keeps the axes that it reduces, with length 1. It is put as the output with keep.
func (c *call) mean(v *value, over []bool, keep bool) (*value, error) {
	name := c.name()
	if !keep {
		name = c.fresh(name + ".mean")
	}
	order := c.common(v)
	x, err := c.at(v, order)
	if err != nil {
		return nil, err
	}
	out, err := c.means(name, x, order, over)
	if err == nil && keep {
		c.put(0, out)
	}
	return out, err
}

func (c *call) means(name string, x *graph.Node, order []int, over []bool) (*value, error) {
	if slices.Equal(over, []bool{false, false, true, true}) && slices.Equal(order, natural(4)) {
		return c.emit(name, op.GlobalAveragePool{}, order, x)
	}
	out := whole(name, x, order)
	var axes []int
	for k, a := range order {
		if over[a] {
			axes = append(axes, k)
		}
	}
	for i, k := range axes {
		as := name
		if i < len(axes)-1 {
			as = c.fresh(fmt.Sprintf("%s.%d", name, i+1))
		}
		var err error
		if out, err = c.emit(as, op.ReduceMean{Axis: k, Keep: true}, order, out.node); err != nil {
			return nil, err
		}
	}
	return out, nil
}
