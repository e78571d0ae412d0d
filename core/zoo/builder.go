package zoo

import (
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/core/tensor"
)

// builder adds layers with fresh parameters: He-normal weights by the seed, zero biases, batch
// norms that change nothing.
type builder struct {
	g    *graph.Graph
	seed uint64
}

func newBuilder(seed uint64) *builder { return &builder{graph.New(), seed} }

// input is batch pictures of side×side.
func (b *builder) input(batch, side int) *graph.Node {
	return b.g.Leaf("input", graph.Input, tensor.Shape{batch, side, side, 3}, nil)
}

// conv is a convolution padded to keep the size, batch norm, and act where it is not nil.
func (b *builder) conv(name string, x *graph.Node, out, kernel, stride int, act graph.Op) *graph.Node {
	y := b.g.Add(name+".conv", square(stride, kernel/2), x, b.filters(name, x, out, kernel))
	return b.norm(name, y, act)
}

// biased is a convolution with a bias instead of batch norm, and a ReLU.
func (b *builder) biased(name string, x *graph.Node, out, kernel, stride, pad int) *graph.Node {
	y := b.g.Add(name+".conv", square(stride, pad), x, b.filters(name, x, out, kernel), b.vector(name+".bias", graph.Param, out, 0))
	return b.g.Add(name+".relu", op.Relu{}, y)
}

func square(stride, pad int) op.Conv {
	return op.Conv{Stride: [2]int{stride, stride}, Pads: [4]int{pad, pad, pad, pad}}
}

// depthwise is a depthwise 3×3 convolution, batch norm and act.
func (b *builder) depthwise(name string, x *graph.Node, stride int, act graph.Op) *graph.Node {
	w := b.normal(name+".weight", tensor.Shape{x.Shape.Channels(), 3, 3, 1}, math.Sqrt(2.0/9))
	y := b.g.Add(name+".conv", op.Depthwise{Stride: [2]int{stride, stride}, Pads: [4]int{1, 1, 1, 1}}, x, w)
	return b.norm(name, y, act)
}

func (b *builder) norm(name string, x *graph.Node, act graph.Op) *graph.Node {
	c := x.Shape.Channels()
	y := b.g.Add(name+".bn", op.BatchNormalization{Eps: 1e-5}, x,
		b.vector(name+".gamma", graph.Param, c, 1), b.vector(name+".beta", graph.Param, c, 0),
		b.vector(name+".mean", graph.State, c, 0), b.vector(name+".var", graph.State, c, 1))
	if act != nil {
		y = b.g.Add(name+".relu", act, y)
	}
	return y
}

// mean is the global average of every channel, N×C.
func (b *builder) mean(x *graph.Node) *graph.Node {
	return b.flat("mean", op.GlobalAveragePool{}, x)
}

// flat is a global pooling as N×C.
func (b *builder) flat(name string, pool graph.Op, x *graph.Node) *graph.Node {
	return b.g.Add(name+".flat", op.Reshape{Dims: []int{x.Shape.Channels()}}, b.g.Add(name, pool, x))
}

// head is the classifier behind features N×C, weights of deviation 0.01, and ends the graph.
func (b *builder) head(x *graph.Node, classes int) *graph.Graph {
	w := b.normal("head.weight", tensor.Shape{classes, x.Shape.Channels()}, 0.01)
	return b.end(b.g.Add("logits", op.Gemm{}, x, w, b.vector("head.bias", graph.Param, classes, 0)))
}

func (b *builder) end(logits *graph.Node) *graph.Graph {
	b.g.Outputs = []*graph.Node{logits}
	return b.g
}

// filters are the weights of a convolution of x.
func (b *builder) filters(name string, x *graph.Node, out, kernel int) *graph.Node {
	in := x.Shape.Channels()
	return b.normal(name+".weight", tensor.Shape{out, kernel, kernel, in}, math.Sqrt(2/float64(kernel*kernel*in)))
}

func (b *builder) normal(name string, s tensor.Shape, deviation float64) *graph.Node {
	v := tensor.Floats(s.Elems())
	r := random.Stream(b.seed, "init/"+name, 0)
	for i := range v {
		v[i] = float32(deviation * r.NormFloat64())
	}
	return b.g.Leaf(name, graph.Param, s, v)
}

// vector is a leaf of n equal values.
func (b *builder) vector(name string, role graph.Role, n int, fill float32) *graph.Node {
	v := tensor.Floats(n)
	for i := range v {
		v[i] = fill
	}
	return b.g.Leaf(name, role, tensor.Shape{n}, v)
}
