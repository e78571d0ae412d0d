package op

import (
	"fmt"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// convCases are convolutions of every kind: x, filters, kernel and attributes.
var convCases = []struct {
	x       tensor.Shape
	filters int
	kernel  [2]int
	op      Conv
}{
	{tensor.Shape{2, 5, 4, 3}, 4, [2]int{1, 1}, Conv{}},
	{tensor.Shape{3, 9, 9, 20}, 50, [2]int{1, 1}, Conv{}},
	{tensor.Shape{2, 6, 7, 5}, 4, [2]int{3, 3}, Conv{Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 6, 7, 5}, 4, [2]int{3, 3}, Conv{}},
	{tensor.Shape{1, 7, 6, 4}, 6, [2]int{3, 2}, Conv{Pads: [4]int{2, 0, 1, 3}}},
	{tensor.Shape{2, 7, 8, 3}, 5, [2]int{3, 3}, Conv{Stride: [2]int{2, 2}, Pads: [4]int{0, 0, 1, 1}}},
	{tensor.Shape{2, 8, 9, 3}, 5, [2]int{7, 7}, Conv{Stride: [2]int{2, 2}, Pads: [4]int{3, 3, 3, 3}}},
	{tensor.Shape{2, 7, 8, 3}, 5, [2]int{1, 1}, Conv{Stride: [2]int{2, 3}}},
	{tensor.Shape{1, 9, 11, 3}, 4, [2]int{2, 3}, Conv{Stride: [2]int{3, 1}, Pads: [4]int{1, 0, 0, 1}}},
	{tensor.Shape{1, 9, 9, 3}, 4, [2]int{3, 3}, Conv{Dilation: [2]int{2, 2}, Pads: [4]int{2, 2, 2, 2}}},
	{tensor.Shape{1, 10, 9, 3}, 4, [2]int{3, 3}, Conv{Stride: [2]int{2, 2}, Dilation: [2]int{2, 3}, Pads: [4]int{2, 3, 2, 3}}},
	{tensor.Shape{1, 9, 9, 2}, 4, [2]int{2, 2}, Conv{Stride: [2]int{4, 3}}},
	{tensor.Shape{2, 5, 5, 6}, 4, [2]int{3, 3}, Conv{Groups: 2, Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 6, 5, 6}, 9, [2]int{3, 3}, Conv{Groups: 3, Stride: [2]int{2, 2}, Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 5, 5, 8}, 4, [2]int{1, 1}, Conv{Groups: 4}},
	{tensor.Shape{1, 3, 3, 2}, 3, [2]int{1, 1}, Conv{Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{1, 1, 1, 2}, 3, [2]int{3, 3}, Conv{Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{1, 6, 6, 100}, 53, [2]int{3, 3}, Conv{Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 12, 12, 48}, 97, [2]int{3, 3}, Conv{Stride: [2]int{2, 2}, Pads: [4]int{1, 1, 1, 1}}},
	{tensor.Shape{2, 6, 6, 210}, 230, [2]int{1, 1}, Conv{}},
	{tensor.Shape{2, 6, 6, 300}, 200, [2]int{1, 1}, Conv{}},
	{tensor.Shape{2, 6, 6, 300}, 200, [2]int{1, 1}, Conv{Groups: 2, Stride: [2]int{2, 2}}},
}

func TestConv(t *testing.T) {
	var cases []opCase
	for i, c := range convCases {
		w := tensor.Shape{c.filters, c.kernel[0], c.kernel[1], c.x[3] / c.op.groups()}
		name := fmt.Sprintf("%v with %v of %v", graph.OpString(c.op), w, c.x)
		in := []tensor.Shape{c.x, w, {c.filters}}
		cases = append(cases, opCase{name, c.op, in[:2+i%2], gradOpts{}})
	}
	testOps(t, cases)
}

// TestConvPlain compares with the definition, in float64.
func TestConvPlain(t *testing.T) {
	for _, c := range convCases {
		w := tensor.Shape{c.filters, c.kernel[0], c.kernel[1], c.x[3] / c.op.groups()}
		in := randomIn([]tensor.Shape{c.x, w, {c.filters}}, gradOpts{})
		y, err := c.op.Infer([]tensor.Shape{c.x, w, {c.filters}})
		if err != nil {
			t.Fatal(err)
		}
		wantClose(t, graph.OpString(c.op), runNode(t, c.op, in...), plainConv(c.op, in, y), 1e-5)
	}
}

func plainConv(op Conv, in []value, s tensor.Shape) []float32 {
	x, w := in[0].shape, in[1].shape
	win := op.window([2]int{w[1], w[2]})
	per := s[3] / op.groups()
	y := make([]float32, s.Elems())
	for i := range y {
		n, oy, ox, o := i/(s[1]*s[2]*s[3]), i/(s[2]*s[3])%s[1], i/s[3]%s[2], i%s[3]
		sum := float64(in[2].v[o])
		for k := range w[1] * w[2] * w[3] {
			ky, kx, c := k/(w[2]*w[3]), k/w[3]%w[2], k%w[3]
			py := oy*win.stride[0] - win.pads[0] + ky*win.dilation[0]
			px := ox*win.stride[1] - win.pads[1] + kx*win.dilation[1]
			if py >= 0 && py < x[1] && px >= 0 && px < x[2] {
				at := ((n*x[1]+py)*x[2]+px)*x[3] + o/per*w[3] + c
				sum += float64(in[0].v[at]) * float64(in[1].v[o*w[1]*w[2]*w[3]+k])
			}
		}
		y[i] = float32(sum)
	}
	return y
}

func TestConvMACs(t *testing.T) {
	in := randomIn([]tensor.Shape{{2, 8, 8, 4}, {6, 3, 3, 2}}, gradOpts{})
	_, n := oneNode(t, Conv{Groups: 2, Stride: [2]int{2, 2}, Pads: [4]int{1, 1, 1, 1}}, in)
	if got, want := n.Op.(graph.Counter).MACs(n), int64(2*4*4*6*18); got != want {
		t.Errorf("%d multiply-adds, want %d", got, want)
	}
}

func TestConvShapeErrors(t *testing.T) {
	x, w := tensor.Shape{1, 5, 5, 4}, tensor.Shape{6, 3, 3, 4}
	checkRefuses(t, Conv{}, x)
	checkRefuses(t, Conv{}, x, tensor.Shape{6, 4})
	checkRefuses(t, Conv{}, x, tensor.Shape{6, 3, 3, 3})
	checkRefuses(t, Conv{}, x, w, tensor.Shape{5})
	checkRefuses(t, Conv{Groups: 3}, x, w)
	checkRefuses(t, Conv{Groups: 4}, x, tensor.Shape{6, 3, 3, 1})
	checkRefuses(t, Conv{Groups: -1}, x, w)
	checkRefuses(t, Conv{}, x, tensor.Shape{6, 7, 7, 4})
	checkRefuses(t, Conv{Dilation: [2]int{3, 1}}, x, w)
	checkRefuses(t, Conv{Stride: [2]int{-1, 1}}, x, w)
	checkRefuses(t, Conv{Dilation: [2]int{1 << 40, 1}}, x, w)
	checkRefuses(t, Conv{Pads: [4]int{0, -1, 0, 0}}, x, w)
	checkRefuses(t, Conv{Pads: [4]int{1 << 62, 0, 0, 0}}, x, w)
	checkRefuses(t, ConvGradInput{InSize: [2]int{5, 6}}, tensor.Shape{1, 3, 3, 6}, w)
	checkRefuses(t, ConvGradWeight{Kernel: [2]int{2, 3}}, tensor.Shape{1, 3, 3, 6}, x)
	checkRefuses(t, ConvGradWeight{}, tensor.Shape{1, 3, 3, 6}, x)
}

// TestConvOfManyRows: an image so long that a part of it is cut into several bands, and weights so
// small that all of them stay in the cache.
func TestConvOfManyRows(t *testing.T) {
	conv := Conv{Pads: [4]int{1, 1, 1, 1}}
	for _, c := range []int{3, 9} {
		in := randomIn([]tensor.Shape{{1, 900, 8, c}, {4, 3, 3, c}, {4}}, gradOpts{})
		s, err := conv.Infer([]tensor.Shape{in[0].shape, in[1].shape, in[2].shape})
		if err != nil {
			t.Fatal(err)
		}
		wantClose(t, fmt.Sprintf("%d channels", c), runNode(t, conv, in...), plainConv(conv, in, s), 1e-5)
	}
}
