package onnx

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx/wire"
)

// call is one ONNX node on its way into the graph.
type call struct {
	*importer
	n  *wire.Node
	in []*value // nil where an optional input is left out
}

// operator says how a node of an ONNX operator is imported.
type operator struct {
	min, max int               // number of inputs
	run      func(*call) error // with computed inputs; nil if that is not supported
	fold     func(*call) error // with constants only; nil to let run do it
}

const many = 1 << 20 // inputs: no limit of our own

// input is input i, nil if it is left out.
func (c *call) input(i int) *value {
	if i < len(c.in) {
		return c.in[i]
	}
	return nil
}

// name is that of the first output.
func (c *call) name() string {
	if len(c.n.Outputs) == 0 {
		return ""
	}
	return c.n.Outputs[0]
}

// put sets output i.
func (c *call) put(i int, v *value) {
	if i < len(c.n.Outputs) && c.n.Outputs[i] != "" {
		c.values[c.n.Outputs[i]] = v
	}
}

// give sets the first output to what op o makes of in.
func (c *call) give(o graph.Op, order []int, in ...*graph.Node) error {
	v, err := c.emit(c.name(), o, order, in...)
	if err == nil {
		c.put(0, v)
	}
	return err
}

// giveMoved sets the first output to input 0 after a data movement.
func (c *call) giveMoved(shape []int, pick []int32) error {
	v, err := c.move(c.in[0], c.name(), shape, pick)
	if err == nil {
		c.put(0, v)
	}
	return err
}

// giveConst sets the first output to a constant.
func (c *call) giveConst(shape []int, data *constant) error {
	c.put(0, &value{name: c.name(), shape: shape, data: data})
	return nil
}

// image is input 0 as N×H×W×C. It must have four axes.
func (c *call) image() (*graph.Node, error) {
	if len(c.in[0].shape) != 4 {
		return nil, fmt.Errorf("input %q has shape %v, want N×C×H×W", c.in[0].name, c.in[0].shape)
	}
	return c.at(c.in[0], natural(4))
}

// list is an attribute of integers, or input i where newer operator sets have it; nil if absent.
func (c *call) list(attr string, i int) ([]int64, error) {
	v, err := c.n.Ints(attr)
	if err != nil || v != nil {
		return v, err
	}
	return c.intsIn(i)
}

// intsIn is the values of input i, which must be constant integers; nil if it is left out.
func (c *call) intsIn(i int) ([]int64, error) {
	v := c.input(i)
	switch {
	case v == nil:
		return nil, nil
	case v.data == nil || v.data.isFloat():
		return nil, fmt.Errorf("input %q is not a constant of integers, which is wanted here", v.name)
	}
	return v.data.ints, nil
}

// floatsIn is the values of input i, which must be constant floats; nil if it is left out.
func (c *call) floatsIn(i int) ([]float32, error) {
	v := c.input(i)
	switch {
	case v == nil:
		return nil, nil
	case v.data == nil || !v.data.isFloat():
		return nil, fmt.Errorf("input %q is not a constant of floats, which is wanted here", v.name)
	}
	return v.data.floats, nil
}

// scalarIn is the one value of input i, def if it is left out.
func (c *call) scalarIn(i int, def float32) (float32, error) {
	v, err := c.floatsIn(i)
	switch {
	case err != nil || v == nil:
		return def, err
	case len(v) != 1:
		return 0, fmt.Errorf("input %q has %d values, want one", c.in[i].name, len(v))
	}
	return v[0], nil
}

// flag is an integer attribute that is 0 or 1.
func (c *call) flag(name string, def int64) (bool, error) {
	v, err := c.n.Int(name, def)
	if err == nil && v != 0 && v != 1 {
		err = fmt.Errorf("attribute %q is %d, want 0 or 1", name, v)
	}
	return v == 1, err
}

// axis resolves an axis of a tensor of that rank: negative counts from the end.
func axis(v int64, rank int) (int, error) {
	if v < -int64(rank) || v >= int64(rank) {
		return 0, fmt.Errorf("axis %d of a tensor with %d axes", v, rank)
	}
	if v < 0 {
		v += int64(rank)
	}
	return int(v), nil
}

// axesOf resolves a list of axes; none may be named twice.
func axesOf(list []int64, rank int) ([]bool, error) {
	is := make([]bool, rank)
	for _, v := range list {
		a, err := axis(v, rank)
		if err != nil {
			return nil, err
		}
		if is[a] {
			return nil, fmt.Errorf("axis %d is named twice", a)
		}
		is[a] = true
	}
	return is, nil
}

// size is a length or a step as an int, within bounds that keep products away from overflow.
func size(what string, v, least int64) (int, error) {
	if v < least || v > math.MaxInt32 {
		return 0, fmt.Errorf("%s is %d, want %d to %d", what, v, least, math.MaxInt32)
	}
	return int(v), nil
}
