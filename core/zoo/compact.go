// Package zoo holds the network that is embedded in the program, and how it was made.
package zoo

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/core/tensor"
)

// Side is the height and width of the compact network's input in pixels.
const Side = 96

// builder adds layers with fresh parameters.
type builder struct {
	g    *graph.Graph
	seed uint64
}

// Compact is an untrained network of inverted residual blocks (MobileNet v2, Sandler 2018,
// 1801.04381) for pictures of Side×Side: about 140,000 parameters, widths multiples of 8. Weights
// are He-normal by the seed.
func Compact(classes []string, seed uint64) *graph.Graph {
	b := &builder{graph.New(), seed}
	x := b.g.Leaf("input", graph.Input, tensor.Shape{1, Side, Side, 3}, nil)
	x = b.conv("stem", x, 16, 3, 2, true)
	x = b.depthwise("first.dw", x, 1)
	x = b.conv("first.project", x, 24, 1, 1, false)
	for i, blk := range []struct{ width, stride int }{{32, 2}, {32, 1}, {48, 2}, {48, 1}, {80, 2}, {80, 1}} {
		x = b.block(fmt.Sprintf("block%d", i+1), x, blk.width, blk.stride)
	}
	x = b.conv("last", x, 160, 1, 1, true)
	x = b.features(x)
	w := b.normal("head.weight", tensor.Shape{len(classes), x.Shape.Channels()}, 0.01)
	bias := b.g.Leaf("head.bias", graph.Param, tensor.Shape{len(classes)}, tensor.Floats(len(classes)))
	b.g.Outputs = []*graph.Node{b.g.Add("logits", op.Gemm{}, x, w, bias)}
	b.g.SetLabels(classes)
	b.g.SetPreprocess(graph.Preprocess{Mean: [3]float32{127.5, 127.5, 127.5}, Std: [3]float32{64, 64, 64}})
	return b.g
}

// features are the mean and the maximum of every channel: a small defect lives in the maximum
// (reference: pruning §1.7).
func (b *builder) features(x *graph.Node) *graph.Node {
	c := x.Shape.Channels()
	flat := func(name string, o graph.Op) *graph.Node {
		return b.g.Add(name+".flat", op.Reshape{Dims: []int{c}}, b.g.Add(name, o, x))
	}
	mean := flat("mean", op.GlobalAveragePool{})
	most := flat("max", op.MaxPool{Kernel: [2]int{x.Shape[1], x.Shape[2]}})
	return b.g.Add("features", op.Concat{Axis: 1}, mean, most)
}

// expansion is the factor by which a block widens inside.
const expansion = 4

// block is expand, depthwise, project, and the sum with the input where shapes agree.
func (b *builder) block(name string, x *graph.Node, width, stride int) *graph.Node {
	y := b.conv(name+".expand", x, expansion*x.Shape.Channels(), 1, 1, true)
	y = b.depthwise(name+".dw", y, stride)
	y = b.conv(name+".project", y, width, 1, 1, false)
	if stride == 1 && width == x.Shape.Channels() {
		y = b.g.Add(name+".add", op.Add{}, x, y)
	}
	return y
}

func (b *builder) conv(name string, x *graph.Node, out, kernel, stride int, act bool) *graph.Node {
	in := x.Shape.Channels()
	w := b.normal(name+".weight", tensor.Shape{out, kernel, kernel, in}, math.Sqrt(2/float64(kernel*kernel*in)))
	p := kernel / 2
	y := b.g.Add(name+".conv", op.Conv{Stride: [2]int{stride, stride}, Pads: [4]int{p, p, p, p}}, x, w)
	return b.norm(name, y, act)
}

func (b *builder) depthwise(name string, x *graph.Node, stride int) *graph.Node {
	w := b.normal(name+".weight", tensor.Shape{x.Shape.Channels(), 3, 3, 1}, math.Sqrt(2.0/9))
	y := b.g.Add(name+".conv", op.Depthwise{Stride: [2]int{stride, stride}, Pads: [4]int{1, 1, 1, 1}}, x, w)
	return b.norm(name, y, true)
}

// norm is batch normalization, and ReLU where act is set.
func (b *builder) norm(name string, x *graph.Node, act bool) *graph.Node {
	leaf := func(suffix string, role graph.Role, fill float32) *graph.Node {
		v := tensor.Floats(x.Shape.Channels())
		for i := range v {
			v[i] = fill
		}
		return b.g.Leaf(name+suffix, role, tensor.Shape{len(v)}, v)
	}
	y := b.g.Add(name+".bn", op.BatchNormalization{Eps: 1e-5}, x, leaf(".gamma", graph.Param, 1), leaf(".beta", graph.Param, 0),
		leaf(".mean", graph.State, 0), leaf(".var", graph.State, 1))
	if act {
		y = b.g.Add(name+".relu", op.Relu{}, y)
	}
	return y
}

func (b *builder) normal(name string, s tensor.Shape, deviation float64) *graph.Node {
	v := tensor.Floats(s.Elems())
	r := random.Stream(b.seed, "init/"+name, 0)
	for i := range v {
		v[i] = float32(deviation * r.NormFloat64())
	}
	return b.g.Leaf(name, graph.Param, s, v)
}
