// Package zoo holds the network that is embedded in the program, how it was made, and the
// networks that measurements are taken on.
package zoo

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// Side is the height and width of the compact network's input in pixels.
const Side = 96

// Compact is an untrained network of inverted residual blocks (MobileNet v2, Sandler 2018,
// 1801.04381) for pictures of Side×Side: about 140,000 parameters, widths multiples of 8. Weights
// are He-normal by the seed.
func Compact(classes []string, seed uint64) *graph.Graph {
	b := newBuilder(seed)
	x := b.conv("stem", b.input(1, Side), 16, 3, 2, op.Relu{})
	x = b.depthwise("first.dw", x, 1, op.Relu{})
	x = b.conv("first.project", x, 24, 1, 1, nil)
	for i, blk := range []struct{ width, stride int }{{32, 2}, {32, 1}, {48, 2}, {48, 1}, {80, 2}, {80, 1}} {
		x = b.inverted(fmt.Sprintf("block%d", i+1), x, 4, blk.width, blk.stride, op.Relu{})
	}
	x = b.conv("last", x, 160, 1, 1, op.Relu{})
	g := b.head(b.features(x), len(classes))
	g.SetLabels(classes)
	g.SetPreprocess(graph.Preprocess{Mean: [3]float32{127.5, 127.5, 127.5}, Std: [3]float32{64, 64, 64}})
	return g
}

// features are the mean and the maximum of every channel: a small defect lives in the maximum
// (reference: pruning §1.7).
func (b *builder) features(x *graph.Node) *graph.Node {
	mean := b.mean(x)
	most := b.flat("max", op.MaxPool{Kernel: [2]int{x.Shape[1], x.Shape[2]}}, x)
	return b.g.Add("features", op.Concat{Axis: 1}, mean, most)
}

// inverted is a block that widens by expansion, convolves depthwise and projects, and adds the
// input where shapes agree.
func (b *builder) inverted(name string, x *graph.Node, expansion, width, stride int, act graph.Op) *graph.Node {
	y := x
	if expansion > 1 {
		y = b.conv(name+".expand", y, expansion*x.Shape.Channels(), 1, 1, act)
	}
	y = b.depthwise(name+".dw", y, stride, act)
	y = b.conv(name+".project", y, width, 1, 1, nil)
	if stride == 1 && width == x.Shape.Channels() {
		y = b.g.Add(name+".add", op.Add{}, x, y)
	}
	return y
}
