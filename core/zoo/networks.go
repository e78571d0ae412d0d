package zoo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// ImageSide is the height and width in pixels of the input of the networks for measurements.
const ImageSide = 224

// networks are known networks with random weights: what kernels and plans are measured on.
var networks = map[string]func(batch, classes int, seed uint64) *graph.Graph{
	"resnet18":      ResNet18,
	"mobilenetv2":   MobileNetV2,
	"squeezenet1_1": SqueezeNet11,
}

// Networks are the names that Network takes, sorted.
func Networks() []string {
	var names []string
	for n := range networks {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Network is the network of that name for batch pictures of ImageSide×ImageSide.
func Network(name string, batch, classes int, seed uint64) (*graph.Graph, error) {
	f := networks[name]
	if f == nil {
		return nil, fmt.Errorf("no network %q, want one of %s", name, strings.Join(Networks(), ", "))
	}
	if batch < 1 || classes < 1 {
		return nil, fmt.Errorf("%s: batch %d, %d classes, want at least 1 of each", name, batch, classes)
	}
	return f(batch, classes, seed), nil
}

// ResNet18 is He et al. 2015 (1512.03385), table 1, batch norm behind every convolution, weights
// He-normal by the seed: 11.69 M parameters and 1.81 G multiply-adds an image with 1000 classes.
//
//	input   batch×224×224×3
//	logits  batch×classes
func ResNet18(batch, classes int, seed uint64) *graph.Graph {
	b := newBuilder(seed)
	x := b.conv("stem", b.input(batch, ImageSide), 64, 7, 2, op.Relu{})
	x = b.g.Add("stem.pool", op.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pads: [4]int{1, 1, 1, 1}}, x)
	for i, width := range []int{64, 128, 256, 512} {
		for j := range 2 {
			stride := 1
			if i > 0 && j == 0 {
				stride = 2
			}
			x = b.residual(fmt.Sprintf("layer%d.%d", i+1, j), x, width, stride)
		}
	}
	return b.head(b.mean(x), classes)
}

// residual is two 3×3 convolutions and the sum with the input, projected where shapes differ.
func (b *builder) residual(name string, x *graph.Node, width, stride int) *graph.Node {
	y := b.conv(name+".1", x, width, 3, stride, op.Relu{})
	y = b.conv(name+".2", y, width, 3, 1, nil)
	if stride != 1 || width != x.Shape.Channels() {
		x = b.conv(name+".down", x, width, 1, stride, nil)
	}
	return b.g.Add(name+".relu", op.Relu{}, b.g.Add(name+".add", op.Add{}, y, x))
}

// MobileNetV2 is Sandler et al. 2018 (1801.04381), table 2, width 1.0, without dropout, weights
// He-normal by the seed: 3.50 M parameters and 0.30 G multiply-adds an image with 1000 classes.
//
//	input   batch×224×224×3
//	logits  batch×classes
func MobileNetV2(batch, classes int, seed uint64) *graph.Graph {
	b := newBuilder(seed)
	relu6 := op.Clip{Max: 6}
	x := b.conv("stem", b.input(batch, ImageSide), 32, 3, 2, relu6)
	for i, s := range []struct{ expansion, width, blocks, stride int }{
		{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
	} {
		stride := s.stride
		for j := range s.blocks {
			x = b.inverted(fmt.Sprintf("stage%d.%d", i+1, j), x, s.expansion, s.width, stride, relu6)
			stride = 1
		}
	}
	return b.head(b.mean(b.conv("last", x, 1280, 1, 1, relu6)), classes)
}

// SqueezeNet11 is version 1.1 of Iandola et al. 2016 (1602.07360), without dropout, weights
// He-normal by the seed: 1.24 M parameters and 0.35 G multiply-adds an image with 1000 classes.
//
//	input   batch×224×224×3
//	logits  batch×classes
func SqueezeNet11(batch, classes int, seed uint64) *graph.Graph {
	b := newBuilder(seed)
	x := b.biased("stem", b.input(batch, ImageSide), 64, 3, 2, 0)
	for i, squeeze := range []int{16, 16, 32, 32, 48, 48, 64, 64} {
		if i == 0 || i == 2 || i == 4 {
			x = b.g.Add(fmt.Sprintf("pool%d", i/2+1), op.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Ceil: true}, x)
		}
		x = b.fire(fmt.Sprintf("fire%d", i+2), x, squeeze)
	}
	return b.end(b.mean(b.biased("classifier", x, classes, 1, 1, 0)))
}

// fire squeezes to few channels and widens to four times as many by 1×1 and by 3×3 filters.
func (b *builder) fire(name string, x *graph.Node, squeeze int) *graph.Node {
	s := b.biased(name+".squeeze", x, squeeze, 1, 1, 0)
	one := b.biased(name+".expand1x1", s, 4*squeeze, 1, 1, 0)
	three := b.biased(name+".expand3x3", s, 4*squeeze, 3, 1, 1)
	return b.g.Add(name+".concat", op.Concat{Axis: 3}, one, three)
}
