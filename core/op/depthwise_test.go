package op

import (
	"fmt"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

var depthwiseCases = []struct {
	x      tensor.Shape
	mult   int
	kernel [2]int
	op     Depthwise
}{
	{tensor.Shape{2, 6, 7, 5}, 1, [2]int{3, 3}, Depthwise{Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 6, 7, 5}, 1, [2]int{3, 3}, Depthwise{}},
	{tensor.Shape{2, 7, 8, 4}, 1, [2]int{3, 3}, Depthwise{Stride: [2]int{2, 2}, Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 8, 8, 4}, 1, [2]int{3, 3}, Depthwise{Stride: [2]int{2, 2}, Pads: [4]int{0, 0, 1, 1}}},
	{tensor.Shape{1, 9, 8, 17}, 1, [2]int{5, 5}, Depthwise{Pads: [4]int{2, 2, 2, 2}}},
	{tensor.Shape{1, 9, 8, 3}, 1, [2]int{5, 5}, Depthwise{Stride: [2]int{2, 2}, Pads: [4]int{2, 2, 2, 2}}},
	{tensor.Shape{1, 11, 9, 3}, 1, [2]int{3, 2}, Depthwise{Stride: [2]int{3, 1}, Dilation: [2]int{2, 3}, Pads: [4]int{2, 1, 0, 3}}},
	{tensor.Shape{1, 10, 10, 3}, 1, [2]int{3, 3}, Depthwise{Stride: [2]int{2, 4}, Dilation: [2]int{2, 2}, Pads: [4]int{2, 2, 2, 2}}},
	{tensor.Shape{1, 1, 2, 3}, 1, [2]int{5, 5}, Depthwise{Pads: [4]int{2, 2, 2, 2}}},
	{tensor.Shape{1, 2, 2, 3}, 1, [2]int{2, 2}, Depthwise{Pads: [4]int{3, 3, 3, 3}}},
	{tensor.Shape{2, 5, 6, 3}, 2, [2]int{3, 3}, Depthwise{Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{1, 7, 6, 4}, 3, [2]int{3, 3}, Depthwise{Stride: [2]int{2, 2}, Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 20, 24, 40}, 1, [2]int{3, 3}, Depthwise{Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 5, 5, 6}, 1, [2]int{1, 1}, Depthwise{}},
}

func TestDepthwise(t *testing.T) {
	var cases []opCase
	for i, c := range depthwiseCases {
		o := c.x[3] * c.mult
		w := tensor.Shape{o, c.kernel[0], c.kernel[1], 1}
		name := fmt.Sprintf("%v with %v of %v", graph.OpString(c.op), w, c.x)
		in := []tensor.Shape{c.x, w, {o}}
		cases = append(cases, opCase{name, c.op, in[:2+i%2], gradOpts{}})
	}
	testOps(t, cases)
}

// TestDepthwisePlain compares with a convolution of as many groups as channels.
func TestDepthwisePlain(t *testing.T) {
	for _, c := range depthwiseCases {
		o := c.x[3] * c.mult
		in := randomIn([]tensor.Shape{c.x, {o, c.kernel[0], c.kernel[1], 1}, {o}}, gradOpts{})
		conv := Conv{c.op.Stride, c.op.Dilation, c.op.Pads, c.x[3]}
		s, err := conv.Infer([]tensor.Shape{in[0].shape, in[1].shape, in[2].shape})
		if err != nil {
			t.Fatal(err)
		}
		wantClose(t, graph.OpString(c.op), runNode(t, c.op, in...), plainConv(conv, in, s), 1e-5)
	}
}

func TestDepthwiseMACs(t *testing.T) {
	_, n := oneNode(t, Depthwise{Stride: [2]int{2, 2}, Pads: [4]int{1, 1, 1, 1}},
		randomIn([]tensor.Shape{{2, 8, 8, 4}, {8, 3, 3, 1}}, gradOpts{}))
	if got, want := n.Op.(graph.Counter).MACs(n), int64(2*4*4*8*9); got != want {
		t.Errorf("%d multiply-adds, want %d", got, want)
	}
}

func TestDepthwiseShapeErrors(t *testing.T) {
	x, w := tensor.Shape{1, 5, 5, 4}, tensor.Shape{4, 3, 3, 1}
	checkRefuses(t, Depthwise{}, x)
	checkRefuses(t, Depthwise{}, x, tensor.Shape{4, 3, 3, 4})
	checkRefuses(t, Depthwise{}, x, tensor.Shape{6, 3, 3, 1})
	checkRefuses(t, Depthwise{}, x, tensor.Shape{4, 6, 3, 1})
	checkRefuses(t, Depthwise{}, x, w, tensor.Shape{3})
	checkRefuses(t, Depthwise{Stride: [2]int{1, 1 << 50}}, x, w)
	checkRefuses(t, DepthwiseGradInput{InSize: [2]int{5, 5}}, tensor.Shape{1, 3, 3, 4}, w)
	checkRefuses(t, DepthwiseGradInput{InSize: [2]int{5, 7}, Multiplier: 1}, tensor.Shape{1, 3, 3, 4}, w)
	checkRefuses(t, DepthwiseGradWeight{}, tensor.Shape{1, 3, 3, 4}, x)
	checkRefuses(t, DepthwiseGradWeight{Kernel: [2]int{2, 3}}, tensor.Shape{1, 3, 3, 4}, x)
}
