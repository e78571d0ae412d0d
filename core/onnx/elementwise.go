package onnx

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// unary is an op on every element. On a traced value that is its node's memory in another order
// the op runs on that memory.
func (c *call) unary(o graph.Op) error {
	v := c.in[0]
	order := c.cheapest(v)
	if v.index != nil && !c.lies(v, order) && isPermutation(v.index, v.node.Shape) {
		return c.giveBehind(o)
	}
	x, err := c.at(v, order)
	if err != nil {
		return err
	}
	return c.give(o, order, x)
}

// giveBehind applies o to the node of input 0, which is traced, and lets the trace go on.
func (c *call) giveBehind(o graph.Op) error {
	v := c.in[0]
	n, err := c.g.Try(c.fresh(c.name()+"."+o.Kind()), o, v.node)
	if err == nil {
		c.put(0, &value{name: c.name(), shape: v.shape, node: n, index: v.index, made: map[string]*graph.Node{}})
	}
	return err
}

// each is the import of an operator that is one op without attributes.
func each(o graph.Op) func(*call) error {
	return func(c *call) error { return c.unary(o) }
}

// silu is what fuse makes of Sigmoid and Mul.
var silu = operator{min: 1, max: 1, run: each(op.Silu{})}

func leakyRelu(c *call) error {
	alpha, err := c.n.Float("alpha", 0.01)
	if err != nil {
		return err
	}
	return c.unary(op.LeakyRelu{Alpha: alpha})
}

func hardSigmoid(c *call) error {
	alpha, err := c.n.Float("alpha", 0.2)
	if err != nil {
		return err
	}
	beta, err := c.n.Float("beta", 0.5)
	if err != nil {
		return err
	}
	return c.unary(op.HardSigmoid{Alpha: alpha, Beta: beta})
}

// clip has its limits in attributes up to opset 10, in inputs from 11; either may be absent.
func clip(c *call) error {
	inf := float32(math.Inf(1))
	limits := [2]float32{-inf, inf}
	for i, attr := range []string{"min", "max"} {
		def, err := c.n.Float(attr, limits[i])
		if err != nil {
			return err
		}
		if limits[i], err = c.scalarIn(i+1, def); err != nil {
			return err
		}
	}
	return c.unary(op.Clip{Min: limits[0], Max: limits[1]})
}

func dropout(c *call) error {
	def, err := c.n.Float("ratio", 0.5)
	if err != nil {
		return err
	}
	ratio, err := c.scalarIn(1, def)
	if err != nil {
		return err
	}
	return c.unary(op.Dropout{Ratio: ratio})
}

// pRelu has a slope a channel, or one for all.
func pRelu(c *call) error {
	x, slope := c.in[0], c.in[1]
	rank := len(x.shape)
	order := lastChannel(rank)
	if slope.data == nil || rank < 2 || len(slope.shape) > rank {
		return fmt.Errorf("slope %q of shape %v for an input of shape %v", slope.name, slope.shape, x.shape)
	}
	for i, d := range pad(slope.shape, rank) {
		if d != 1 && i != 1 {
			return fmt.Errorf("slope %q has shape %v, want one value a channel", slope.name, slope.shape)
		}
	}
	n, _ := elems(slope.shape)
	s, err := c.vector(slope, graph.Param, n)
	if err != nil {
		return err
	}
	xn, err := c.at(x, order)
	if err != nil {
		return err
	}
	return c.give(op.PRelu{}, order, xn, s)
}

// lastChannel is the order of a tensor N×C×… with C last.
func lastChannel(rank int) []int {
	if rank < 2 {
		return plain(rank)
	}
	return lastAxis(rank, 1)
}

// binary is an op on two tensors that broadcast to one shape.
func binary(o graph.Op) func(*call) error {
	return func(c *call) error {
		v, err := c.combine(c.name(), o, c.in[0], c.in[1])
		if err == nil {
			c.put(0, v)
		}
		return err
	}
}

// chain is a binary op over any number of tensors, from the left.
func chain(o graph.Op) func(*call) error {
	return func(c *call) error {
		v := c.in[0]
		if len(c.in) == 1 {
			return identity(c)
		}
		for i, w := range c.in[1:] {
			name := c.name()
			if i < len(c.in)-2 {
				name = c.fresh(fmt.Sprintf("%s.%d", name, i+1))
			}
			var err error
			if v, err = c.combine(name, o, v, w); err != nil {
				return err
			}
		}
		c.put(0, v)
		return nil
	}
}

// combine brings two tensors to one rank and order and applies o.
func (im *importer) combine(name string, o graph.Op, a, b *value) (*value, error) {
	if _, err := broadcast(a.shape, b.shape); err != nil {
		return nil, err
	}
	rank := max(len(a.shape), len(b.shape))
	a, err := im.ranked(a, rank)
	if err != nil {
		return nil, err
	}
	if b, err = im.ranked(b, rank); err != nil {
		return nil, err
	}
	order := im.common(a, b)
	x, err := im.operand(a, b, order)
	if err != nil {
		return nil, err
	}
	y, err := im.operand(b, a, order)
	if err != nil {
		return nil, err
	}
	return im.emit(name, o, order, x, y)
}

// ranked is v with ones in front of its shape.
func (im *importer) ranked(v *value, rank int) (*value, error) {
	if len(v.shape) == rank {
		return v, nil
	}
	return im.move(v, v.name, pad(v.shape, rank), nil)
}

// operand is the node for v beside another tensor. A constant of one value, or of one a
// channel, becomes a vector.
func (im *importer) operand(v, other *value, order []int) (*graph.Node, error) {
	if v.data == nil {
		return im.at(v, order)
	}
	n, err := elems(v.shape)
	if err != nil {
		return nil, err
	}
	if len(order) == 0 || n == 1 {
		return im.vector(v, graph.Const, 1)
	}
	last := order[len(order)-1]
	switch {
	case n == v.shape[last] && n == other.shape[last]:
		return im.vector(v, graph.Const, n)
	case v.shape[0] != 1:
		return nil, fmt.Errorf("constant %q has shape %v, want a first axis of 1: the batch", v.name, v.shape)
	}
	return im.ordered(v, graph.Const, order, 1)
}
