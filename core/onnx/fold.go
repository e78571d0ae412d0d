package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/secateur/secateur/core/onnx/wire"
)

// The operators of this file work on constants only: the shape arithmetic that exporters leave
// behind.

func constantNode(c *call) error {
	if len(c.n.Attrs) != 1 {
		return fmt.Errorf("%d attributes, want the one that is the value", len(c.n.Attrs))
	}
	for name, a := range c.n.Attrs {
		switch {
		case name == "value" && a.Type == wire.AttrTensor:
			v, err := c.constant(c.name(), a.T)
			if err != nil {
				return err
			}
			c.put(0, v)
			return nil
		case name == "value_float" && a.Type == wire.AttrFloat:
			return c.giveConst(nil, &constant{floats: []float32{a.F}})
		case name == "value_floats" && a.Type == wire.AttrFloats:
			return c.giveConst([]int{len(a.Floats)}, &constant{floats: slices.Clone(a.Floats)})
		case name == "value_int" && a.Type == wire.AttrInt:
			return c.giveConst(nil, &constant{ints: []int64{a.I}})
		case name == "value_ints" && a.Type == wire.AttrInts:
			return c.giveConst([]int{len(a.Ints)}, &constant{ints: append([]int64{}, a.Ints...)})
		}
		return fmt.Errorf("attribute %q of type %s is no value that is supported", name, a.Type)
	}
	return nil
}

// shapeOf is known for computed tensors too: shapes are static.
func shapeOf(c *call) error {
	shape := c.in[0].shape
	rank := int64(len(shape))
	start, err := c.n.Int("start", 0)
	if err != nil {
		return err
	}
	end, err := c.n.Int("end", rank)
	if err != nil {
		return err
	}
	from, count, err := span(start, end, 1, rank)
	if err != nil {
		return err
	}
	data := make([]int64, count)
	for i := range data {
		data[i] = int64(shape[from+i])
	}
	return c.giveConst([]int{count}, &constant{ints: data})
}

func constantOfShape(c *call) error {
	want, err := c.intsIn(0)
	if err != nil {
		return err
	}
	shape := make([]int, len(want))
	for i, d := range want {
		if shape[i], err = size("length of an axis", d, 0); err != nil {
			return err
		}
	}
	fill := &constant{floats: []float32{0}}
	t, err := c.n.Tensor("value")
	if err != nil {
		return err
	}
	if t != nil {
		v, err := c.constant(c.name(), t)
		if err != nil {
			return err
		}
		fill = v.data
		if len(fill.ints)+len(fill.floats) != 1 {
			return fmt.Errorf("value has shape %v, want one element", v.shape)
		}
	}
	n, err := elems(shape)
	if err == nil {
		err = c.spend(n)
	}
	if err != nil {
		return err
	}
	return c.giveConst(shape, fill.pick(make([]int32, n)))
}

func rangeOf(c *call) error {
	for _, v := range c.in {
		if v.data.isFloat() || len(v.data.ints) != 1 {
			return fmt.Errorf("input %q has shape %v, want one integer", v.name, v.shape)
		}
	}
	start, limit, step := c.in[0].data.ints[0], c.in[1].data.ints[0], c.in[2].data.ints[0]
	if step == 0 {
		return fmt.Errorf("step 0")
	}
	data := []int64{}
	for x := start; step > 0 && x < limit || step < 0 && x > limit; x += step {
		if err := c.spend(1); err != nil {
			return err
		}
		data = append(data, x)
	}
	return c.giveConst([]int{len(data)}, &constant{ints: data})
}

// cast turns constants from floats to integers and back; a computed tensor stays what it is.
func cast(c *call) error {
	to, err := c.n.Int("to", 0)
	if err != nil {
		return err
	}
	v := c.in[0]
	switch wire.DType(to) {
	case wire.Float, wire.Double, wire.Float16, wire.BFloat16:
		return c.toFloat(v)
	case wire.Bool, wire.Int64, wire.Int32, wire.Int16, wire.Int8, wire.Uint8, wire.Uint16, wire.Uint32, wire.Uint64:
		return c.toInt(v, wire.DType(to) == wire.Bool)
	}
	return fmt.Errorf("to %s", wire.DType(to))
}

func (c *call) toFloat(v *value) error {
	if v.data == nil || v.data.isFloat() {
		return identity(c)
	}
	data := make([]float32, len(v.data.ints))
	for i, x := range v.data.ints {
		data[i] = float32(x)
	}
	return c.giveConst(v.shape, &constant{floats: data})
}

func (c *call) toInt(v *value, isBool bool) error {
	if v.data == nil {
		return fmt.Errorf("a computed tensor to integers")
	}
	data := make([]int64, 0, len(v.data.ints)+len(v.data.floats))
	for _, x := range v.data.floats {
		data = append(data, int64(x))
	}
	data = append(data, v.data.ints...)
	for i, x := range data {
		if isBool && x != 0 {
			data[i] = 1
		}
	}
	return c.giveConst(v.shape, &constant{ints: data})
}

// concatConst joins constants along one axis.
func concatConst(c *call) error {
	a, shape, err := c.joined()
	if err != nil {
		return err
	}
	n, err := elems(shape)
	if err == nil {
		err = c.spend(n)
	}
	if err != nil {
		return err
	}
	out := newConstant(c.in[0].data, n)
	start, stride := 0, strides(shape)
	for _, v := range c.in {
		if v.data.isFloat() != out.isFloat() {
			return fmt.Errorf("inputs of different element types")
		}
		for i, to := range walk(v.shape, stride, start*stride[a]) {
			out.set(int(to), v.data, i)
		}
		start += v.shape[a]
	}
	return c.giveConst(shape, out)
}

// joined is the axis and the shape of a concatenation.
func (c *call) joined() (int, []int, error) {
	shape := slices.Clone(c.in[0].shape)
	v, err := c.n.Int("axis", 0)
	if err != nil {
		return 0, nil, err
	}
	a, err := axis(v, len(shape))
	if err != nil {
		return 0, nil, err
	}
	for _, v := range c.in[1:] {
		for i, d := range v.shape {
			if len(v.shape) != len(shape) || i != a && d != shape[i] {
				return 0, nil, fmt.Errorf("inputs %v and %v along axis %d", c.in[0].shape, v.shape, a)
			}
		}
		if len(v.shape) != len(shape) {
			return 0, nil, fmt.Errorf("inputs %v and %v along axis %d", c.in[0].shape, v.shape, a)
		}
		shape[a] += v.shape[a]
	}
	return a, shape, nil
}

// newConstant has n elements of the type of like.
func newConstant(like *constant, n int) *constant {
	if like.isFloat() {
		return &constant{floats: make([]float32, n)}
	}
	return &constant{ints: make([]int64, n)}
}

func (c *constant) set(i int, from *constant, j int) {
	if c.isFloat() {
		c.floats[i] = from.floats[j]
	} else {
		c.ints[i] = from.ints[j]
	}
}

// arith is an element-wise function of two constants of one type.
type arith struct {
	floats func(a, b float32) float32
	ints   func(a, b int64) (int64, error)
}

func (f arith) fold(c *call) error {
	if len(c.in) != 2 {
		return fmt.Errorf("%d constants, want two", len(c.in))
	}
	a, b := c.in[0], c.in[1]
	if a.data.isFloat() != b.data.isFloat() {
		return fmt.Errorf("inputs of different element types")
	}
	shape, err := broadcast(a.shape, b.shape)
	if err != nil {
		return err
	}
	x, y, err := c.both(a, b, shape)
	if err != nil {
		return err
	}
	out := newConstant(x, len(x.ints)+len(x.floats))
	for i := range out.floats {
		out.floats[i] = f.floats(x.floats[i], y.floats[i])
	}
	for i := range out.ints {
		if out.ints[i], err = f.ints(x.ints[i], y.ints[i]); err != nil {
			return err
		}
	}
	return c.giveConst(shape, out)
}

// both broadcasts two constants to one shape.
func (c *call) both(a, b *value, shape []int) (x, y *constant, err error) {
	pa, err := c.spread(a.shape, shape)
	if err != nil {
		return nil, nil, err
	}
	pb, err := c.spread(b.shape, shape)
	if err != nil {
		return nil, nil, err
	}
	return a.data.pick(pa), b.data.pick(pb), nil
}

var foldAdd = arith{
	func(a, b float32) float32 { return a + b },
	func(a, b int64) (int64, error) { return a + b, nil },
}.fold

var foldSub = arith{
	func(a, b float32) float32 { return a - b },
	func(a, b int64) (int64, error) { return a - b, nil },
}.fold

var foldMul = arith{
	func(a, b float32) float32 { return a * b },
	func(a, b int64) (int64, error) { return a * b, nil },
}.fold

var foldDiv = arith{
	func(a, b float32) float32 { return a / b },
	func(a, b int64) (int64, error) {
		if b == 0 {
			return 0, fmt.Errorf("integer division by zero")
		}
		return a / b, nil
	},
}.fold

var foldMax = arith{
	func(a, b float32) float32 { return max(a, b) },
	func(a, b int64) (int64, error) { return max(a, b), nil },
}.fold

var foldMin = arith{
	func(a, b float32) float32 { return min(a, b) },
	func(a, b int64) (int64, error) { return min(a, b), nil },
}.fold

// equal compares constants; the result is 0 or 1.
func equal(c *call) error {
	a, b := c.in[0], c.in[1]
	if a.data.isFloat() != b.data.isFloat() {
		return fmt.Errorf("inputs of different element types")
	}
	shape, err := broadcast(a.shape, b.shape)
	if err != nil {
		return err
	}
	x, y, err := c.both(a, b, shape)
	if err != nil {
		return err
	}
	out := make([]int64, len(x.ints)+len(x.floats))
	for i := range out {
		if x.isFloat() && x.floats[i] == y.floats[i] || !x.isFloat() && x.ints[i] == y.ints[i] {
			out[i] = 1
		}
	}
	return c.giveConst(shape, &constant{ints: out})
}

// where takes elements of input 1 where input 0 is true, of input 2 elsewhere.
func where(c *call) error {
	cond, a, b := c.in[0], c.in[1], c.in[2]
	if cond.data.isFloat() || a.data.isFloat() != b.data.isFloat() {
		return fmt.Errorf("inputs of different element types")
	}
	shape, err := broadcast(a.shape, b.shape)
	if err == nil {
		shape, err = broadcast(shape, cond.shape)
	}
	if err != nil {
		return err
	}
	x, y, err := c.both(a, b, shape)
	if err != nil {
		return err
	}
	pc, err := c.spread(cond.shape, shape)
	if err != nil {
		return err
	}
	out := newConstant(x, len(pc))
	for i, p := range pc {
		if cond.data.ints[p] != 0 {
			out.set(i, x, i)
		} else {
			out.set(i, y, i)
		}
	}
	return c.giveConst(shape, out)
}

// mapped is an element-wise function of float constants.
func mapped(f func(float64) float64) func(*call) error {
	return func(c *call) error {
		x, err := c.floatsIn(0)
		if err != nil {
			return err
		}
		out := make([]float32, len(x))
		for i, v := range x {
			out[i] = float32(f(float64(v)))
		}
		return c.giveConst(c.in[0].shape, &constant{floats: out})
	}
}

var (
	foldFloor = mapped(math.Floor)
	foldCeil  = mapped(math.Ceil)
	foldSqrt  = mapped(math.Sqrt)
	foldExp   = mapped(math.Exp)
	foldLog   = mapped(math.Log)
	foldNeg   = mapped(func(x float64) float64 { return -x })
)
