package onnx

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// batchNorm has trained gamma and beta and frozen statistics.
func batchNorm(c *call) error {
	eps, err := c.n.Float("epsilon", 1e-5)
	if err != nil {
		return err
	}
	training, err := c.flag("training_mode", 0)
	if err != nil {
		return err
	}
	spatial, err := c.flag("spatial", 1)
	if err != nil {
		return err
	}
	if training || !spatial {
		return fmt.Errorf("training_mode %v, spatial %v: want inference per channel", training, spatial)
	}
	v := c.in[0]
	if len(v.shape) < 2 {
		return fmt.Errorf("input %q has shape %v, want N×C×…", v.name, v.shape)
	}
	order := lastChannel(len(v.shape))
	x, err := c.at(v, order)
	if err != nil {
		return err
	}
	in := []*graph.Node{x}
	for i, role := range []graph.Role{graph.Param, graph.Param, graph.State, graph.State} {
		n, err := c.vector(c.in[i+1], role, v.shape[1])
		if err != nil {
			return err
		}
		in = append(in, n)
	}
	return c.give(op.BatchNormalization{Eps: eps}, order, in...)
}

func lrn(c *call) error {
	v, err := c.n.Int("size", 0)
	if err != nil {
		return err
	}
	n, err := size("attribute \"size\"", v, 1)
	if err != nil {
		return err
	}
	o := op.LRN{Size: n}
	if o.Alpha, err = c.n.Float("alpha", 1e-4); err != nil {
		return err
	}
	if o.Beta, err = c.n.Float("beta", 0.75); err != nil {
		return err
	}
	if o.Bias, err = c.n.Float("bias", 1); err != nil {
		return err
	}
	x, err := c.image()
	if err != nil {
		return err
	}
	return c.give(o, natural(4), x)
}

// softmax is along one axis from opset 13; before, all axes from that one on are one axis.
func softmax(o graph.Op) func(*call) error {
	return func(c *call) error {
		def := int64(-1)
		if c.opset < 13 {
			def = 1
		}
		v, err := c.n.Int("axis", def)
		if err != nil {
			return err
		}
		shape := c.in[0].shape
		a, err := axis(v, len(shape))
		if err != nil {
			return err
		}
		if a == 0 {
			return fmt.Errorf("along axis 0, the batch")
		}
		rest, err := elems(shape[a+1:])
		if err != nil {
			return err
		}
		if c.opset < 13 && rest > 1 {
			return c.softmaxFlat(o, a)
		}
		return c.softmaxAlong(o, a)
	}
}

func (c *call) softmaxAlong(o graph.Op, a int) error {
	v := c.in[0]
	if v.index != nil && isPermutation(v.index, v.node.Shape) &&
		keepsRows(c.stored(v, lastAxis(len(v.shape), a)), v.shape[a], v.node.Shape.Channels()) {
		return c.giveBehind(o)
	}
	order := c.cheapest(v)
	if order[len(order)-1] != a {
		order = lastAxis(len(v.shape), a)
	}
	x, err := c.at(v, order)
	if err != nil {
		return err
	}
	return c.give(o, order, x)
}

// keepsRows reports whether every n elements of t are one row of c, in any order.
func keepsRows(t []int32, n, c int) bool {
	for i, x := range t {
		if n != c || int(x)/c != int(t[i/n*n])/c {
			return false
		}
	}
	return true
}

func (c *call) softmaxFlat(o graph.Op, a int) error {
	v := c.in[0]
	before, err := elems(v.shape[:a])
	if err != nil {
		return err
	}
	after, err := elems(v.shape[a:])
	if err != nil {
		return err
	}
	flat, err := c.move(v, c.fresh(c.name()+".flat"), []int{1, before, after}, nil)
	if err != nil {
		return err
	}
	x, err := c.at(flat, plain(3))
	if err != nil {
		return err
	}
	y, err := c.emit(c.fresh(c.name()+"."+o.Kind()), o, plain(3), x)
	if err != nil {
		return err
	}
	out, err := c.move(y, c.name(), v.shape, nil)
	if err == nil {
		c.put(0, out)
	}
	return err
}
