// Package nets is small networks for the tests of pruning, and a plain way to run them.
package nets

import (
	"math/rand/v2"
	"strconv"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// Net builds small networks with random weights.
type Net struct {
	Graph *graph.Graph
	rng   *rand.Rand
}

// New has an input image of 8×8 with 3 channels, 2 of them in a batch.
func New(seed uint64) (*Net, *graph.Node) {
	b := &Net{graph.New(), rand.New(rand.NewPCG(seed, 7))}
	return b, b.Graph.Leaf("image", graph.Input, tensor.Shape{2, 8, 8, 3}, nil)
}

// Leaf is a parameter with values between lo and hi.
func (b *Net) Leaf(name string, role graph.Role, lo, hi float32, shape ...int) *graph.Node {
	v := tensor.Floats(tensor.Shape(shape).Elems())
	for i := range v {
		v[i] = lo + (hi-lo)*b.rng.Float32()
	}
	return b.Graph.Leaf(name, role, shape, v)
}

// Conv is a convolution with same padding.
func (b *Net) Conv(name string, x *graph.Node, out, k, stride int, bias bool) *graph.Node {
	in := []*graph.Node{x, b.Leaf(name+".w", graph.Param, -.5, .5, out, k, k, x.Shape.Channels())}
	if bias {
		in = append(in, b.Leaf(name+".b", graph.Param, -.2, .4, out))
	}
	p := k / 2
	return b.Graph.Add(name, op.Conv{Stride: [2]int{stride, stride}, Pads: [4]int{p, p, p, p}}, in...)
}

// Depthwise is a 3×3 depthwise convolution with a multiplier.
func (b *Net) Depthwise(name string, x *graph.Node, mult, stride int, bias bool) *graph.Node {
	c := x.Shape.Channels() * mult
	in := []*graph.Node{x, b.Leaf(name+".w", graph.Param, -.5, .6, c, 3, 3, 1)}
	if bias {
		in = append(in, b.Leaf(name+".b", graph.Param, -.2, .4, c))
	}
	return b.Graph.Add(name, op.Depthwise{Stride: [2]int{stride, stride}, Pads: [4]int{1, 1, 1, 1}}, in...)
}

// Norm is a frozen batch norm.
func (b *Net) Norm(name string, x *graph.Node) *graph.Node {
	c := x.Shape.Channels()
	return b.Graph.Add(name, op.BatchNormalization{Eps: 1e-5}, x,
		b.Leaf(name+".gamma", graph.Param, .5, 1.5, c), b.Leaf(name+".beta", graph.Param, -.3, .6, c),
		b.Leaf(name+".mean", graph.State, -.3, .3, c), b.Leaf(name+".var", graph.State, .5, 1.5, c))
}

// Relu is a ReLU.
func (b *Net) Relu(name string, x *graph.Node) *graph.Node { return b.Graph.Add(name, op.Relu{}, x) }

// Unit is conv, batch norm, ReLU.
func (b *Net) Unit(name string, x *graph.Node, out, k, stride int) *graph.Node {
	return b.Relu(name+".relu", b.Norm(name+".bn", b.Conv(name, x, out, k, stride, false)))
}

// DepthwiseUnit is depthwise, batch norm, ReLU.
func (b *Net) DepthwiseUnit(name string, x *graph.Node, mult, stride int) *graph.Node {
	return b.Relu(name+".relu", b.Norm(name+".bn", b.Depthwise(name, x, mult, stride, false)))
}

// Flatten is N×H·W·C.
func (b *Net) Flatten(x *graph.Node) *graph.Node {
	return b.Graph.Add("flat", op.Reshape{Dims: []int{x.Shape.Elems() / x.Shape[0]}}, x)
}

// Head flattens x and makes 4 logits.
func (b *Net) Head(x *graph.Node) *graph.Graph {
	f := b.Flatten(x)
	y := b.Graph.Add("logits", op.Gemm{}, f, b.Leaf("fc.w", graph.Param, -.5, .5, 4, f.Shape[1]), b.Leaf("fc.b", graph.Param, -.2, .2, 4))
	b.Graph.Outputs = []*graph.Node{y}
	return b.Graph
}

// PooledHead averages x over its pixels and makes 4 logits.
func (b *Net) PooledHead(x *graph.Node) *graph.Graph {
	return b.Head(b.Graph.Add("gap", op.GlobalAveragePool{}, x))
}

// Mobile is a MobileNet: depthwise chains, one with a multiplier of 2. 3 groups: 6, 8, 12.
func Mobile(seed uint64) *graph.Graph {
	b, x := New(seed)
	x = b.Unit("stem", x, 6, 3, 2)
	x = b.DepthwiseUnit("dw1", x, 1, 1)
	x = b.Unit("pw1", x, 8, 1, 1)
	x = b.DepthwiseUnit("dw2", x, 2, 2)
	x = b.Unit("pw2", x, 12, 1, 1)
	return b.PooledHead(x)
}

// Block is a residual block whose shortcut is a fixed 0/1 convolution where the shape changes.
func (b *Net) Block(name string, x *graph.Node, out, stride int) *graph.Node {
	short := x
	if stride > 1 {
		w := tensor.Floats(out * x.Shape.Channels())
		for i := range x.Shape.Channels() {
			w[(i+1)*x.Shape.Channels()+i] = 1
		}
		short = b.Graph.Add(name+".short", op.Conv{Stride: [2]int{stride, stride}}, x,
			b.Graph.Leaf(name+".short.w", graph.Param, tensor.Shape{out, 1, 1, x.Shape.Channels()}, w))
	}
	y := b.Unit(name+".a", x, out, 3, stride)
	y = b.Norm(name+".b.bn", b.Conv(name+".b", y, out, 3, 1, false))
	return b.Relu(name+".relu", b.Graph.Add(name+".add", op.Add{}, y, short))
}

// Residual is a CIFAR ResNet: 3 inner groups (4, 4, 7) and 2 streams (4, 7).
func Residual(seed uint64) *graph.Graph {
	b, x := New(seed)
	x = b.Unit("stem", x, 4, 3, 1)
	x = b.Block("b1", x, 4, 1)
	x = b.Block("b2", x, 4, 1)
	x = b.Block("b3", x, 7, 2)
	return b.PooledHead(x)
}

// Padded is a residual net whose shortcut subsamples and pads channels: option A of He 2016.
func Padded(seed uint64) *graph.Graph {
	b, x := New(seed)
	x = b.Unit("stem", x, 4, 3, 1)
	s := b.Graph.Add("rows", op.Slice{Axis: 1, Start: 0, Count: 4, Step: 2}, x)
	s = b.Graph.Add("cols", op.Slice{Axis: 2, Start: 0, Count: 4, Step: 2}, s)
	s = b.Graph.Add("pad", op.Pad{Channels: [2]int{1, 2}}, s)
	y := b.Norm("c.bn", b.Conv("c", x, 7, 3, 2, false))
	return b.PooledHead(b.Relu("out", b.Graph.Add("add", op.Add{}, y, s)))
}

// Fire is SqueezeNet: conv1 6, squeeze 4, expand 5 and 6, reduce 8; biases, no batch norm.
func Fire(seed uint64) *graph.Graph {
	b, x := New(seed)
	x = b.Relu("conv1.relu", b.Conv("conv1", x, 6, 3, 1, true))
	x = b.Graph.Add("pool", op.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Ceil: true}, x)
	s := b.Relu("squeeze.relu", b.Conv("squeeze", x, 4, 1, 1, true))
	e1 := b.Relu("e1.relu", b.Conv("e1", s, 5, 1, 1, true))
	e3 := b.Relu("e3.relu", b.Conv("e3", s, 6, 3, 1, true))
	x = b.Graph.Add("cat", op.Concat{Axis: 3}, e1, e3)
	return b.PooledHead(b.Relu("reduce.relu", b.Conv("reduce", x, 8, 1, 1, true)))
}

// Shuffle is two ShuffleNet v2 blocks: each halves a stream of 8 by even and odd channels,
// works on the odd ones and puts the halves together again. The first one shuffles before that.
func Shuffle(seed uint64) *graph.Graph {
	b, x := New(seed)
	x = b.Unit("stem", x, 8, 3, 2)
	for i := range 2 {
		name := "s" + strconv.Itoa(i+1)
		if i == 0 {
			x = b.Graph.Add(name+".gather", op.Gather{Index: []int{0, 4, 1, 5, 2, 6, 3, 7}}, x)
		}
		left := b.Graph.Add(name+".left", op.Slice{Axis: 3, Start: 0, Count: 4, Step: 2}, x)
		y := b.Graph.Add(name+".right", op.Slice{Axis: 3, Start: 1, Count: 4, Step: 2}, x)
		y = b.Unit(name+".pw1", y, 5, 1, 1)
		y = b.Norm(name+".dw.bn", b.Depthwise(name+".dw", y, 1, 1, false))
		y = b.Unit(name+".pw2", y, 4, 1, 1)
		x = b.Graph.Add(name+".cat", op.Concat{Axis: 3}, left, y)
	}
	return b.PooledHead(b.Unit("last", x, 9, 1, 1))
}

// Excite is a squeeze-and-excitation block: groups 6 (gated), 3 (squeeze), 5.
func Excite(seed uint64) *graph.Graph {
	b, x := New(seed)
	x = b.Unit("expand", x, 6, 3, 2)
	x = b.Graph.Add("dw.act", op.HardSwish{}, b.Norm("dw.bn", b.Depthwise("dw", x, 1, 1, false)))
	s := b.Graph.Add("se.gap", op.GlobalAveragePool{}, x)
	s = b.Relu("se.relu", b.Conv("se.fc1", s, 3, 1, 1, true))
	s = b.Graph.Add("se.gate", op.HardSigmoid{Alpha: 1. / 6, Beta: .5}, b.Conv("se.fc2", s, 6, 1, 1, true))
	x = b.Graph.Add("se.mul", op.Mul{}, x, s)
	return b.PooledHead(b.Norm("project.bn", b.Conv("project", x, 5, 1, 1, false)))
}

// Flat flattens 4×4 maps of 5 channels into its head.
func Flat(seed uint64) *graph.Graph {
	b, x := New(seed)
	x = b.Graph.Add("act", op.PRelu{}, b.Conv("conv", x, 5, 3, 2, true), b.Leaf("slope", graph.Param, .1, .3, 5))
	x = b.Graph.Add("scaled", op.Mul{}, x, b.Leaf("scale", graph.Const, .5, 2, 1, 1, 1, 5))
	return b.Head(x)
}

// Pyramid has two levels that share the convolutions of a head, a resize and a sum of levels.
func Pyramid(seed uint64) *graph.Graph {
	b, x := New(seed)
	fine := b.Unit("c1", x, 6, 3, 2)
	coarse := b.Unit("c2", fine, 7, 3, 2)
	up := b.Graph.Add("up", op.Resize{Mode: "nearest", Coord: "asymmetric", Round: "floor", Size: [2]int{4, 4}}, b.Conv("lat2", coarse, 5, 1, 1, true))
	level := b.Graph.Add("level", op.Add{}, b.Conv("lat1", fine, 5, 1, 1, true), up)
	w := b.Leaf("tower.w", graph.Param, -.5, .5, 8, 3, 3, 5)
	out := b.Leaf("box.w", graph.Param, -.5, .5, 4, 1, 1, 8)
	for i, x := range []*graph.Node{level, b.Conv("lat3", coarse, 5, 1, 1, true)} {
		name := strconv.Itoa(i)
		y := b.Relu("tower.relu"+name, b.Graph.Add("tower"+name, op.Conv{Pads: [4]int{1, 1, 1, 1}}, x, w))
		b.Graph.Outputs = append(b.Graph.Outputs, b.Graph.Add("box"+name, op.Conv{}, y, out))
	}
	return b.Graph
}

// All is all of them by name.
func All() map[string]func(uint64) *graph.Graph {
	return map[string]func(uint64) *graph.Graph{"mobile": Mobile, "residual": Residual, "padded": Padded, "fire": Fire,
		"shuffle": Shuffle, "excite": Excite, "flat": Flat, "pyramid": Pyramid}
}

// Images feeds a graph of New.
func Images(seed uint64, n int) Values {
	rng := rand.New(rand.NewPCG(seed, 11))
	v := tensor.Floats(n * 8 * 8 * 3)
	for i := range v {
		v[i] = rng.Float32()*2 - 1
	}
	return Values{"image": v}
}
