package onnx

import (
	"fmt"
	"math"
	"slices"
)

// The operators of this file only move data: on constants they move the values, on computed
// tensors they extend the trace.

// traced counts the elements of input 0 before f lists them.
func traced(f func(*call) error) func(*call) error {
	return func(c *call) error {
		n, err := elems(c.in[0].shape)
		if err == nil {
			err = c.spend(n)
		}
		if err != nil {
			return err
		}
		return f(c)
	}
}

func identity(c *call) error {
	c.put(0, c.in[0].renamed(c.name()))
	return nil
}

// reshaped takes the target shape from input 1: 0 keeps an axis, -1 takes what is left.
func reshaped(c *call) error {
	want, err := c.intsIn(1)
	if err != nil {
		return err
	}
	if want == nil {
		return fmt.Errorf("no shape to reshape to")
	}
	zero, err := c.flag("allowzero", 0)
	if err != nil {
		return err
	}
	shape, err := resolve(c.in[0].shape, want, zero)
	if err != nil {
		return err
	}
	return c.giveMoved(shape, nil)
}

func resolve(from []int, want []int64, allowZero bool) ([]int, error) {
	total, err := elems(from)
	if err != nil {
		return nil, err
	}
	shape, open, rest := make([]int, len(want)), -1, 1
	for i, d := range want {
		switch {
		case d == -1 && open < 0:
			open = i
			continue
		case d == 0 && !allowZero && i < len(from):
			d = int64(from[i])
		case d < 0 || d == 0 && !allowZero:
			return nil, fmt.Errorf("reshape of %v to %v", from, want)
		}
		if shape[i], err = size("length of an axis", d, 0); err != nil {
			return nil, err
		}
		if rest *= shape[i]; rest > math.MaxInt32 {
			return nil, fmt.Errorf("reshape of %v to %v: too many elements", from, want)
		}
	}
	if open >= 0 && rest > 0 {
		shape[open] = total / rest
		rest *= shape[open]
	}
	if rest != total {
		return nil, fmt.Errorf("reshape of %v to %v: the numbers of elements differ", from, want)
	}
	return shape, nil
}

func flatten(c *call) error {
	shape := c.in[0].shape
	v, err := c.n.Int("axis", 1)
	if err != nil {
		return err
	}
	at := len(shape)
	if v != int64(at) {
		if at, err = axis(v, len(shape)); err != nil {
			return err
		}
	}
	before, err := elems(shape[:at])
	if err != nil {
		return err
	}
	after, err := elems(shape[at:])
	if err != nil {
		return err
	}
	return c.giveMoved([]int{before, after}, nil)
}

func transpose(c *call) error {
	shape := c.in[0].shape
	list, err := c.n.Ints("perm")
	if err != nil {
		return err
	}
	perm := plain(len(shape))
	if list == nil {
		slices.Reverse(perm)
		return c.giveMoved(permute(shape, perm), walk(permute(shape, perm), permute(strides(shape), perm), 0))
	}
	if len(list) != len(shape) {
		return fmt.Errorf("perm %v for shape %v", list, shape)
	}
	if _, err := axesOf(list, len(shape)); err != nil {
		return fmt.Errorf("perm %v: %w", list, err)
	}
	for i, v := range list {
		perm[i], _ = axis(v, len(shape))
	}
	return c.giveMoved(permute(shape, perm), walk(permute(shape, perm), permute(strides(shape), perm), 0))
}

func squeeze(c *call) error {
	shape := c.in[0].shape
	list, err := c.list("axes", 1)
	if err != nil {
		return err
	}
	drop, err := axesOf(list, len(shape))
	if err != nil {
		return err
	}
	var out []int
	for i, d := range shape {
		switch {
		case drop[i] && d != 1:
			return fmt.Errorf("axis %d of %v has length %d, want 1", i, shape, d)
		case drop[i] || list == nil && d == 1:
		default:
			out = append(out, d)
		}
	}
	return c.giveMoved(out, nil)
}

func unsqueeze(c *call) error {
	shape := c.in[0].shape
	list, err := c.list("axes", 1)
	if err != nil {
		return err
	}
	add, err := axesOf(list, len(shape)+len(list))
	if err != nil {
		return err
	}
	out := make([]int, len(add))
	for i := range out {
		if add[i] {
			out[i] = 1
			continue
		}
		out[i], shape = shape[0], shape[1:]
	}
	return c.giveMoved(out, nil)
}

// gather picks along one axis by constant indices; a scalar index drops the axis.
func gather(c *call) error {
	shape := c.in[0].shape
	v, err := c.n.Int("axis", 0)
	if err != nil {
		return err
	}
	at, err := axis(v, len(shape))
	if err != nil {
		return err
	}
	list, err := c.intsIn(1)
	if err != nil {
		return err
	}
	for _, i := range list {
		if i < -int64(shape[at]) || i >= int64(shape[at]) {
			return fmt.Errorf("index %d of an axis of length %d", i, shape[at])
		}
	}
	out := slices.Concat(shape[:at], c.in[1].shape, shape[at+1:])
	n, err := elems(out)
	if err == nil {
		err = c.spend(n)
	}
	if err != nil {
		return err
	}
	return c.giveMoved(out, take(shape, at, list))
}

// take lists the elements of a tensor of that shape with the indices of one axis replaced by
// list, row-major.
func take(shape []int, at int, list []int64) []int32 {
	pick := []int32{}
	stride := strides(shape)
	outer := walk(shape[:at], stride[:at], 0)
	inner := walk(shape[at+1:], stride[at+1:], 0)
	for _, o := range outer {
		for _, i := range list {
			if i < 0 {
				i += int64(shape[at])
			}
			for _, x := range inner {
				pick = append(pick, o+int32(i)*int32(stride[at])+x)
			}
		}
	}
	return pick
}

// slice keeps a range of some axes, in steps that may be negative.
func slice(c *call) error {
	shape := slices.Clone(c.in[0].shape)
	ranges, err := c.ranges(len(shape))
	if err != nil {
		return err
	}
	stride, base := strides(shape), 0
	for _, r := range ranges {
		start, count, err := span(r.start, r.end, r.step, int64(shape[r.axis]))
		if err != nil {
			return fmt.Errorf("axis %d: %w", r.axis, err)
		}
		base += start * stride[r.axis]
		stride[r.axis] *= int(r.step)
		shape[r.axis] = count
	}
	return c.giveMoved(shape, walk(shape, stride, base))
}

// sliceRange is what Slice does along one axis.
type sliceRange struct {
	axis             int
	start, end, step int64
}

// ranges reads starts, ends, axes and steps from attributes (up to opset 9) or inputs.
func (c *call) ranges(rank int) ([]sliceRange, error) {
	var args [4][]int64
	for i, attr := range []string{"starts", "ends", "axes", "steps"} {
		var err error
		if args[i], err = c.list(attr, i+1); err != nil {
			return nil, err
		}
	}
	starts, ends, axes, steps := args[0], args[1], args[2], args[3]
	if len(ends) != len(starts) || axes != nil && len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, fmt.Errorf("%d starts, %d ends, %d axes, %d steps: not as many of each", len(starts), len(ends), len(axes), len(steps))
	}
	if axes == nil {
		axes = wide(plain(len(starts)))
	}
	if _, err := axesOf(axes, rank); err != nil {
		return nil, err
	}
	ranges := make([]sliceRange, len(starts))
	for i := range ranges {
		a, _ := axis(axes[i], rank)
		ranges[i] = sliceRange{a, starts[i], ends[i], 1}
		if steps != nil {
			ranges[i].step = steps[i]
		}
	}
	return ranges, nil
}

// span is the first index and the number of indices of a slice, clamped as ONNX clamps it.
func span(start, end, step, length int64) (int, int, error) {
	if step == 0 || step > math.MaxInt32 || step < -math.MaxInt32 {
		return 0, 0, fmt.Errorf("step %d", step)
	}
	if start < 0 {
		start += length
	}
	if end < 0 && end >= -length {
		end += length
	}
	if step > 0 {
		start, end = min(max(start, 0), length), min(max(end, 0), length)
		return int(start), int(max(0, (end-start+step-1)/step)), nil
	}
	start, end = min(max(start, 0), length-1), min(max(end, -1), length-1)
	return int(start), int(max(0, (start-end-step-1)/-step)), nil
}

// split cuts along one axis: given lengths, or even parts of which the last may be shorter.
func split(c *call) error {
	shape := c.in[0].shape
	v, err := c.n.Int("axis", 0)
	if err != nil {
		return err
	}
	at, err := axis(v, len(shape))
	if err != nil {
		return err
	}
	parts, err := c.parts(shape[at])
	if err != nil {
		return err
	}
	start := 0
	for i, n := range parts {
		out := slices.Clone(shape)
		out[at] = n
		stride := strides(shape)
		part, err := c.move(c.in[0], c.n.Outputs[i], out, walk(out, stride, start*stride[at]))
		if err != nil {
			return err
		}
		c.put(i, part)
		start += n
	}
	return nil
}

func (c *call) parts(length int) ([]int, error) {
	list, err := c.list("split", 1)
	if err != nil {
		return nil, err
	}
	k := len(c.n.Outputs)
	if list == nil {
		n := (length + k - 1) / k
		for range k {
			list = append(list, int64(min(n, length)))
			length -= min(n, length)
		}
	} else {
		for _, n := range list {
			if n < 0 || n > int64(length) {
				return nil, fmt.Errorf("part of %d of the %d that are left", n, length)
			}
			length -= int(n)
		}
	}
	if len(list) != k || length != 0 {
		return nil, fmt.Errorf("parts %v for %d outputs, %d left over", list, k, length)
	}
	parts := make([]int, k)
	for i, n := range list {
		parts[i] = int(n)
	}
	return parts, nil
}

// expand repeats axes of length 1.
func expand(c *call) error {
	want, err := c.intsIn(1)
	if err != nil {
		return err
	}
	to := make([]int, len(want))
	for i, d := range want {
		if to[i], err = size("length of an axis", d, 0); err != nil {
			return err
		}
	}
	shape, err := broadcast(c.in[0].shape, to)
	if err != nil {
		return err
	}
	pick, err := c.spread(c.in[0].shape, shape)
	if err != nil {
		return err
	}
	return c.giveMoved(shape, pick)
}

// broadcast is the shape that two shapes have together by ONNX's rule, which is numpy's.
func broadcast(a, b []int) ([]int, error) {
	a, b = pad(a, len(b)), pad(b, len(a))
	out := make([]int, len(a))
	for i := range out {
		switch {
		case a[i] == b[i] || b[i] == 1:
			out[i] = a[i]
		case a[i] == 1:
			out[i] = b[i]
		default:
			return nil, fmt.Errorf("shapes %v and %v do not go together", a, b)
		}
	}
	_, err := elems(out)
	return out, err
}

// pad is shape with ones in front up to rank.
func pad(shape []int, rank int) []int {
	var out []int
	for i := len(shape); i < rank; i++ {
		out = append(out, 1)
	}
	return append(out, shape...)
}

// spread lists, for each element of a tensor of shape to, the element of one of shape from that
// broadcasting puts there.
func (im *importer) spread(from, to []int) ([]int32, error) {
	n, err := elems(to)
	if err == nil {
		err = im.spend(n)
	}
	if err != nil {
		return nil, err
	}
	from = pad(from, len(to))
	stride := strides(from)
	for i := range stride {
		if from[i] == 1 {
			stride[i] = 0
		}
	}
	return walk(to, stride, 0), nil
}

// depthToSpace and spaceToDepth move blocks of channels to pixels and back.
func depthToSpace(c *call) error {
	n, ch, h, w, b, err := c.blocks()
	if err != nil {
		return err
	}
	mode, err := c.n.Text("mode", "DCR")
	if err != nil {
		return err
	}
	if ch%(b*b) != 0 {
		return fmt.Errorf("%d channels do not divide into blocks of %d×%d", ch, b, b)
	}
	d := ch / (b * b)
	from, perm := []int{n, b, b, d, h, w}, []int{0, 3, 4, 1, 5, 2}
	switch mode {
	case "DCR":
	case "CRD":
		from, perm = []int{n, d, b, b, h, w}, []int{0, 1, 4, 2, 5, 3}
	default:
		return fmt.Errorf("mode %q, want DCR or CRD", mode)
	}
	return c.giveMoved([]int{n, d, h * b, w * b}, walk(permute(from, perm), permute(strides(from), perm), 0))
}

func spaceToDepth(c *call) error {
	n, ch, h, w, b, err := c.blocks()
	if err != nil {
		return err
	}
	if h%b != 0 || w%b != 0 {
		return fmt.Errorf("%d×%d pixels do not divide into blocks of %d×%d", h, w, b, b)
	}
	from, perm := []int{n, ch, h / b, b, w / b, b}, []int{0, 3, 5, 1, 2, 4}
	return c.giveMoved([]int{n, ch * b * b, h / b, w / b}, walk(permute(from, perm), permute(strides(from), perm), 0))
}

func (c *call) blocks() (n, ch, h, w, b int, err error) {
	s := c.in[0].shape
	if len(s) != 4 {
		return 0, 0, 0, 0, 0, fmt.Errorf("input %q has shape %v, want N×C×H×W", c.in[0].name, s)
	}
	v, err := c.n.Int("blocksize", 0)
	if err == nil && (v < 1 || v > 1<<10) {
		err = fmt.Errorf("blocksize is %d, want 1 to 1024", v)
	}
	return s[0], s[1], s[2], s[3], int(v), err
}
