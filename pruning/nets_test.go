package pruning_test

import (
	"math/rand/v2"
	"strconv"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// net builds small networks with random weights.
type net struct {
	g   *graph.Graph
	rng *rand.Rand
}

// newNet has an input image of 8×8 with 3 channels, 2 of them in a batch.
func newNet(seed uint64) (*net, *graph.Node) {
	b := &net{graph.New(), rand.New(rand.NewPCG(seed, 7))}
	return b, b.g.Leaf("image", graph.Input, tensor.Shape{2, 8, 8, 3}, nil)
}

// leaf is a parameter with values between lo and hi.
func (b *net) leaf(name string, role graph.Role, lo, hi float32, shape ...int) *graph.Node {
	v := tensor.Floats(tensor.Shape(shape).Elems())
	for i := range v {
		v[i] = lo + (hi-lo)*b.rng.Float32()
	}
	return b.g.Leaf(name, role, shape, v)
}

func (b *net) conv(name string, x *graph.Node, out, k, stride int, bias bool) *graph.Node {
	in := []*graph.Node{x, b.leaf(name+".w", graph.Param, -.5, .5, out, k, k, x.Shape.Channels())}
	if bias {
		in = append(in, b.leaf(name+".b", graph.Param, -.2, .4, out))
	}
	p := k / 2
	return b.g.Add(name, op.Conv{Stride: [2]int{stride, stride}, Pads: [4]int{p, p, p, p}}, in...)
}

func (b *net) depthwise(name string, x *graph.Node, mult, stride int, bias bool) *graph.Node {
	c := x.Shape.Channels() * mult
	in := []*graph.Node{x, b.leaf(name+".w", graph.Param, -.5, .6, c, 3, 3, 1)}
	if bias {
		in = append(in, b.leaf(name+".b", graph.Param, -.2, .4, c))
	}
	return b.g.Add(name, op.Depthwise{Stride: [2]int{stride, stride}, Pads: [4]int{1, 1, 1, 1}}, in...)
}

func (b *net) norm(name string, x *graph.Node) *graph.Node {
	c := x.Shape.Channels()
	return b.g.Add(name, op.BatchNormalization{Eps: 1e-5}, x,
		b.leaf(name+".gamma", graph.Param, .5, 1.5, c), b.leaf(name+".beta", graph.Param, -.3, .6, c),
		b.leaf(name+".mean", graph.State, -.3, .3, c), b.leaf(name+".var", graph.State, .5, 1.5, c))
}

func (b *net) relu(name string, x *graph.Node) *graph.Node { return b.g.Add(name, op.Relu{}, x) }

// unit is conv, batch norm, ReLU.
func (b *net) unit(name string, x *graph.Node, out, k, stride int) *graph.Node {
	return b.relu(name+".relu", b.norm(name+".bn", b.conv(name, x, out, k, stride, false)))
}

// dwUnit is depthwise, batch norm, ReLU.
func (b *net) dwUnit(name string, x *graph.Node, mult, stride int) *graph.Node {
	return b.relu(name+".relu", b.norm(name+".bn", b.depthwise(name, x, mult, stride, false)))
}

func (b *net) flatten(x *graph.Node) *graph.Node {
	return b.g.Add("flat", op.Reshape{Dims: []int{x.Shape.Elems() / x.Shape[0]}}, x)
}

// head flattens x and makes 4 logits.
func (b *net) head(x *graph.Node) *graph.Graph {
	f := b.flatten(x)
	y := b.g.Add("logits", op.Gemm{}, f, b.leaf("fc.w", graph.Param, -.5, .5, 4, f.Shape[1]), b.leaf("fc.b", graph.Param, -.2, .2, 4))
	b.g.Outputs = []*graph.Node{y}
	return b.g
}

func (b *net) pooledHead(x *graph.Node) *graph.Graph {
	return b.head(b.g.Add("gap", op.GlobalAveragePool{}, x))
}

// mobile is a MobileNet: depthwise chains, one with a multiplier of 2. 3 groups: 6, 8, 12.
func mobile(seed uint64) *graph.Graph {
	b, x := newNet(seed)
	x = b.unit("stem", x, 6, 3, 2)
	x = b.dwUnit("dw1", x, 1, 1)
	x = b.unit("pw1", x, 8, 1, 1)
	x = b.dwUnit("dw2", x, 2, 2)
	x = b.unit("pw2", x, 12, 1, 1)
	return b.pooledHead(x)
}

// block is a residual block whose shortcut is a fixed 0/1 convolution where the shape changes.
func (b *net) block(name string, x *graph.Node, out, stride int) *graph.Node {
	short := x
	if stride > 1 {
		w := tensor.Floats(out * x.Shape.Channels())
		for i := range x.Shape.Channels() {
			w[(i+1)*x.Shape.Channels()+i] = 1
		}
		short = b.g.Add(name+".short", op.Conv{Stride: [2]int{stride, stride}}, x,
			b.g.Leaf(name+".short.w", graph.Param, tensor.Shape{out, 1, 1, x.Shape.Channels()}, w))
	}
	y := b.unit(name+".a", x, out, 3, stride)
	y = b.norm(name+".b.bn", b.conv(name+".b", y, out, 3, 1, false))
	return b.relu(name+".relu", b.g.Add(name+".add", op.Add{}, y, short))
}

// residual is a CIFAR ResNet: 3 inner groups (4, 4, 7) and 2 streams (4, 7).
func residual(seed uint64) *graph.Graph {
	b, x := newNet(seed)
	x = b.unit("stem", x, 4, 3, 1)
	x = b.block("b1", x, 4, 1)
	x = b.block("b2", x, 4, 1)
	x = b.block("b3", x, 7, 2)
	return b.pooledHead(x)
}

// padded is a residual net whose shortcut subsamples and pads channels: option A of He 2016.
func padded(seed uint64) *graph.Graph {
	b, x := newNet(seed)
	x = b.unit("stem", x, 4, 3, 1)
	s := b.g.Add("rows", op.Slice{Axis: 1, Start: 0, Count: 4, Step: 2}, x)
	s = b.g.Add("cols", op.Slice{Axis: 2, Start: 0, Count: 4, Step: 2}, s)
	s = b.g.Add("pad", op.Pad{Channels: [2]int{1, 2}}, s)
	y := b.norm("c.bn", b.conv("c", x, 7, 3, 2, false))
	return b.pooledHead(b.relu("out", b.g.Add("add", op.Add{}, y, s)))
}

// fire is SqueezeNet: conv1 6, squeeze 4, expand 5 and 6, reduce 8; biases, no batch norm.
func fire(seed uint64) *graph.Graph {
	b, x := newNet(seed)
	x = b.relu("conv1.relu", b.conv("conv1", x, 6, 3, 1, true))
	x = b.g.Add("pool", op.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Ceil: true}, x)
	s := b.relu("squeeze.relu", b.conv("squeeze", x, 4, 1, 1, true))
	e1 := b.relu("e1.relu", b.conv("e1", s, 5, 1, 1, true))
	e3 := b.relu("e3.relu", b.conv("e3", s, 6, 3, 1, true))
	x = b.g.Add("cat", op.Concat{Axis: 3}, e1, e3)
	return b.pooledHead(b.relu("reduce.relu", b.conv("reduce", x, 8, 1, 1, true)))
}

// shuffle is two ShuffleNet v2 blocks: each halves a stream of 8 by even and odd channels,
// works on the odd ones and puts the halves together again. The first one shuffles before that.
func shuffle(seed uint64) *graph.Graph {
	b, x := newNet(seed)
	x = b.unit("stem", x, 8, 3, 2)
	for i := range 2 {
		name := "s" + strconv.Itoa(i+1)
		if i == 0 {
			x = b.g.Add(name+".gather", op.Gather{Index: []int{0, 4, 1, 5, 2, 6, 3, 7}}, x)
		}
		left := b.g.Add(name+".left", op.Slice{Axis: 3, Start: 0, Count: 4, Step: 2}, x)
		y := b.g.Add(name+".right", op.Slice{Axis: 3, Start: 1, Count: 4, Step: 2}, x)
		y = b.unit(name+".pw1", y, 5, 1, 1)
		y = b.norm(name+".dw.bn", b.depthwise(name+".dw", y, 1, 1, false))
		y = b.unit(name+".pw2", y, 4, 1, 1)
		x = b.g.Add(name+".cat", op.Concat{Axis: 3}, left, y)
	}
	return b.pooledHead(b.unit("last", x, 9, 1, 1))
}

// excite is a squeeze-and-excitation block: groups 6 (gated), 3 (squeeze), 5.
func excite(seed uint64) *graph.Graph {
	b, x := newNet(seed)
	x = b.unit("expand", x, 6, 3, 2)
	x = b.g.Add("dw.act", op.HardSwish{}, b.norm("dw.bn", b.depthwise("dw", x, 1, 1, false)))
	s := b.g.Add("se.gap", op.GlobalAveragePool{}, x)
	s = b.relu("se.relu", b.conv("se.fc1", s, 3, 1, 1, true))
	s = b.g.Add("se.gate", op.HardSigmoid{Alpha: 1. / 6, Beta: .5}, b.conv("se.fc2", s, 6, 1, 1, true))
	x = b.g.Add("se.mul", op.Mul{}, x, s)
	return b.pooledHead(b.norm("project.bn", b.conv("project", x, 5, 1, 1, false)))
}

// flat flattens 4×4 maps of 5 channels into its head.
func flat(seed uint64) *graph.Graph {
	b, x := newNet(seed)
	x = b.g.Add("act", op.PRelu{}, b.conv("conv", x, 5, 3, 2, true), b.leaf("slope", graph.Param, .1, .3, 5))
	x = b.g.Add("scaled", op.Mul{}, x, b.leaf("scale", graph.Const, .5, 2, 1, 1, 1, 5))
	return b.head(x)
}

// pyramid has two levels that share the convolutions of a head, a resize and a sum of levels.
func pyramid(seed uint64) *graph.Graph {
	b, x := newNet(seed)
	fine := b.unit("c1", x, 6, 3, 2)
	coarse := b.unit("c2", fine, 7, 3, 2)
	up := b.g.Add("up", op.Resize{Mode: "nearest", Coord: "asymmetric", Round: "floor", Size: [2]int{4, 4}}, b.conv("lat2", coarse, 5, 1, 1, true))
	level := b.g.Add("level", op.Add{}, b.conv("lat1", fine, 5, 1, 1, true), up)
	w := b.leaf("tower.w", graph.Param, -.5, .5, 8, 3, 3, 5)
	out := b.leaf("box.w", graph.Param, -.5, .5, 4, 1, 1, 8)
	for i, x := range []*graph.Node{level, b.conv("lat3", coarse, 5, 1, 1, true)} {
		name := strconv.Itoa(i)
		y := b.relu("tower.relu"+name, b.g.Add("tower"+name, op.Conv{Pads: [4]int{1, 1, 1, 1}}, x, w))
		b.g.Outputs = append(b.g.Outputs, b.g.Add("box"+name, op.Conv{}, y, out))
	}
	return b.g
}

// nets is all of them by name.
func nets() map[string]func(uint64) *graph.Graph {
	return map[string]func(uint64) *graph.Graph{"mobile": mobile, "residual": residual, "padded": padded, "fire": fire,
		"shuffle": shuffle, "excite": excite, "flat": flat, "pyramid": pyramid}
}

// images feeds a graph of newNet.
func images(seed uint64, n int) values {
	rng := rand.New(rand.NewPCG(seed, 11))
	v := tensor.Floats(n * 8 * 8 * 3)
	for i := range v {
		v[i] = rng.Float32()*2 - 1
	}
	return values{"image": v}
}
