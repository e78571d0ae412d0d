package op

import (
	"math"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// TestRefused holds what shape rules refuse. Attributes come from files: none may be a panic.
func TestRefused(t *testing.T) {
	const huge = math.MaxInt
	x, vec, none := tensor.Shape{2, 5, 6, 9}, tensor.Shape{2, 9}, tensor.Shape{}
	k2 := [2]int{2, 2}
	for _, c := range []struct {
		op graph.Op
		in []tensor.Shape
	}{
		{Relu{}, nil}, {Relu{}, []tensor.Shape{x, x}}, {ReluGrad{}, []tensor.Shape{x, vec}},
		{Clip{1, 0}, []tensor.Shape{x}}, {Clip{nan, 1}, []tensor.Shape{x}},
		{PRelu{}, []tensor.Shape{x}}, {PRelu{}, []tensor.Shape{x, {8}}}, {PRelu{}, []tensor.Shape{x, {9, 1}}},
		{PRelu{}, []tensor.Shape{x, {3, 9}}}, {PReluGrad{}, []tensor.Shape{x, vec, {9}}},
		{PReluSlopeGrad{[]int{8}}, []tensor.Shape{x, x}}, {PReluSlopeGrad{[]int{-1}}, []tensor.Shape{x, x}},
		{Add{}, []tensor.Shape{x}}, {Add{}, []tensor.Shape{x, {8}}}, {Mul{}, []tensor.Shape{x, {2, 9, 1, 1}}},
		{SumTo{Axes: []int{1, 0}}, []tensor.Shape{x}}, {SumTo{Axes: []int{4}}, []tensor.Shape{x}}, {SumTo{Drop: 1}, []tensor.Shape{x}},
		{SumTo{Drop: -1}, []tensor.Shape{x}}, {SumTo{Drop: 5}, []tensor.Shape{x}}, {SumTo{}, []tensor.Shape{x, vec}},
		{Concat{3}, nil}, {Concat{4}, []tensor.Shape{x}}, {Concat{-1}, []tensor.Shape{x}}, {Concat{3}, []tensor.Shape{x, vec}},
		{Concat{3}, []tensor.Shape{x, {2, 5, 7, 9}}}, {Concat{0}, []tensor.Shape{{1 << 30}, {1 << 30}}},
		{Slice{3, 0, 10, 1}, []tensor.Shape{x}}, {Slice{3, -1, 2, 1}, []tensor.Shape{x}}, {Slice{3, 8, 2, 1}, []tensor.Shape{x}},
		{Slice{3, 0, 2, -1}, []tensor.Shape{x}}, {Slice{3, 1, 2, huge}, []tensor.Shape{x}}, {Slice{3, huge, huge, 1}, []tensor.Shape{x}},
		{Slice{9, 0, 1, 1}, []tensor.Shape{x}}, {Slice{0, 0, 1, 1}, []tensor.Shape{none}}, {Slice{3, 0, 0, 1}, []tensor.Shape{x}},
		{SliceGrad{3, 0, 1, 8}, []tensor.Shape{x}}, {SliceGrad{3, 0, 1, huge}, []tensor.Shape{x}},
		{Gather{}, []tensor.Shape{x}}, {Gather{[]int{9}}, []tensor.Shape{x}}, {Gather{[]int{-1}}, []tensor.Shape{x}},
		{Gather{[]int{0}}, []tensor.Shape{none}}, {GatherGrad{[]int{0}, huge}, []tensor.Shape{{3, 1}}}, {GatherGrad{[]int{0, 1}, 3}, []tensor.Shape{x}},
		{Pad{Pads: [4]int{-1, 0, 0, 0}}, []tensor.Shape{x}}, {Pad{Pads: [4]int{huge, 0, huge, 0}}, []tensor.Shape{x}},
		{Pad{Channels: [2]int{0, -1}}, []tensor.Shape{x}}, {Pad{}, []tensor.Shape{vec}}, {PadGrad{Pads: [4]int{3, 0, 3, 0}}, []tensor.Shape{x}},
		{Reshape{[]int{271}}, []tensor.Shape{x}}, {Reshape{[]int{-1}}, []tensor.Shape{x}}, {Reshape{[]int{0}}, []tensor.Shape{x}},
		{Reshape{[]int{huge, huge}}, []tensor.Shape{x}}, {Reshape{}, []tensor.Shape{none}}, {Reshape{}, []tensor.Shape{x}},
		{Transpose{[]int{0, 1, 2}}, []tensor.Shape{x}}, {Transpose{[]int{0, 1, 1, 3}}, []tensor.Shape{x}},
		{Transpose{[]int{1, 0, 2, 3}}, []tensor.Shape{x}}, {Transpose{[]int{0, 1, 2, 4}}, []tensor.Shape{x}}, {Transpose{}, []tensor.Shape{none}},
		{Transpose{[]int{0, -1, 2, 3}}, []tensor.Shape{x}},
		{Rearrange{[]int{2}, []int{0}}, []tensor.Shape{x}}, {Rearrange{[]int{1}, []int{270}}, []tensor.Shape{x}},
		{Rearrange{[]int{-1}, []int{0}}, []tensor.Shape{x}}, {Rearrange{[]int{huge}, []int{0}}, []tensor.Shape{x}}, {Rearrange{}, []tensor.Shape{none}},
		{MaxPool{}, []tensor.Shape{x}}, {MaxPool{Kernel: k2}, []tensor.Shape{vec}}, {MaxPool{Kernel: k2}, nil},
		{MaxPool{Kernel: k2, Pads: [4]int{-1, 0, 0, 0}}, []tensor.Shape{x}}, {MaxPool{Kernel: k2, Pads: [4]int{2, 0, 0, 0}}, []tensor.Shape{x}},
		{MaxPool{Kernel: k2, Stride: [2]int{-1, 1}}, []tensor.Shape{x}}, {MaxPool{Kernel: [2]int{6, 1}}, []tensor.Shape{x}},
		{MaxPool{Kernel: [2]int{huge, huge}, Dilation: [2]int{huge, huge}, Pads: [4]int{huge, huge, huge, huge}}, []tensor.Shape{x}},
		{MaxPool{Kernel: [2]int{1 << 31, 1}}, []tensor.Shape{x}}, {MaxPoolLargeGrad{Kernel: k2}, []tensor.Shape{x, x, x}},
		{MaxPoolLargeGrad{Kernel: k2}, []tensor.Shape{x}}, {MaxPoolIndex{Kernel: [2]int{5, 60}}, []tensor.Shape{{1, 5, 60, 1}}},
		{MaxPoolGrad{MaxPool{Kernel: k2}, [2]int{5, 6}}, []tensor.Shape{{2, 4, 5, 9}, {2, 44}}},
		{MaxPoolGrad{MaxPool{Kernel: k2}, [2]int{5, 7}}, []tensor.Shape{{2, 4, 5, 9}, {2, 45}}}, {MaxPoolGrad{}, []tensor.Shape{x}},
		{AveragePool{}, []tensor.Shape{x}}, {AveragePool{Kernel: k2, Pads: [4]int{0, 0, 0, 2}}, []tensor.Shape{x}},
		{AveragePoolGrad{AveragePool{Kernel: k2}, [2]int{5, 6}}, []tensor.Shape{x}},
		{AveragePoolGrad{AveragePool{Kernel: k2}, [2]int{huge, huge}}, []tensor.Shape{x}},
		{GlobalAveragePool{}, []tensor.Shape{vec}}, {GlobalAveragePool{}, nil},
		{ReduceMean{0, true}, []tensor.Shape{x}}, {ReduceMean{4, true}, []tensor.Shape{x}}, {ReduceMean{1, true}, nil},
		{MeanGrad{Dims: []int{3}, Length: 0, Inner: 1}, []tensor.Shape{vec}}, {MeanGrad{Dims: []int{3}, Length: 3, Inner: 0}, []tensor.Shape{vec}},
		{MeanGrad{Dims: []int{-3}, Length: 3, Inner: 1}, []tensor.Shape{vec}}, {MeanGrad{Dims: []int{4}, Length: 3, Inner: 1}, []tensor.Shape{{2, 1}}},
		{Resize{}, []tensor.Shape{x}}, {Resize{Size: [2]int{3, 3}}, []tensor.Shape{vec}}, {Resize{Mode: "cubic", Size: k2}, []tensor.Shape{x}},
		{Resize{Coord: "tf_crop_and_resize", Size: k2}, []tensor.Shape{x}}, {Resize{Round: "up", Size: k2}, []tensor.Shape{x}},
		{Resize{Size: [2]int{-1, 1}}, []tensor.Shape{x}}, {Resize{Scale: [2]float32{0.1, 1}}, []tensor.Shape{x}},
		{Resize{Scale: [2]float32{nan, 1}}, []tensor.Shape{x}}, {Resize{Scale: [2]float32{infinity, infinity}}, []tensor.Shape{x}},
		{Resize{Size: [2]int{huge, huge}}, []tensor.Shape{x}}, {Resize{Scale: [2]float32{-1, 1}}, []tensor.Shape{x}},
		{ResizeGrad{Resize{Size: k2}, [2]int{5, 6}}, []tensor.Shape{x}}, {ResizeGrad{Resize{Size: k2}, [2]int{-5, 6}}, []tensor.Shape{x}},
		{Softmax{}, []tensor.Shape{none}}, {LogSoftmax{}, nil}, {LRN{}, []tensor.Shape{x}}, {LRN{Size: -3}, []tensor.Shape{x}}, {LRN{Size: huge}, []tensor.Shape{x}},
		{Dropout{1}, []tensor.Shape{x}}, {Dropout{-0.1}, []tensor.Shape{x}}, {Dropout{nan}, []tensor.Shape{x}},
		{DropoutTrain{0.5, 1}, []tensor.Shape{x}}, {DropoutTrain{0.5, 1}, []tensor.Shape{x, {2}}}, {DropoutTrain{2, 1}, []tensor.Shape{x, {1}}},
	} {
		checkRefuses(t, c.op, c.in...)
		if _, err := c.op.Infer(c.in); err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%s: error of several lines: %v", graph.OpString(c.op), err)
		}
	}
}

// TestAbsurdButDefined holds that attributes at the edge of what is allowed run.
func TestAbsurdButDefined(t *testing.T) {
	x := tensor.Shape{1, 2, 3, 2}
	for _, op := range []graph.Op{
		MaxPool{Kernel: [2]int{4, 5}, Stride: [2]int{1 << 30, 1 << 30}, Pads: [4]int{2, 2, 2, 2}, Ceil: true},
		AveragePool{Kernel: [2]int{4, 5}, Stride: [2]int{1 << 30, 1 << 30}, Pads: [4]int{2, 2, 2, 2}, Ceil: true, CountPad: true},
		MaxPool{Kernel: [2]int{2, 2}, Dilation: [2]int{1 << 30, 1 << 30}, Pads: [4]int{1 << 30, 1 << 30, 0, 0}},
		Resize{Size: [2]int{3, 3}, Scale: [2]float32{1e-45, 1e38}},
		Resize{Mode: "linear", Coord: "half_pixel_symmetric", Size: [2]int{3, 3}, Scale: [2]float32{1e-45, infinity}},
		Resize{Mode: "linear", Coord: "align_corners", Size: [2]int{1, 7}},
		LRN{Size: tensor.MaxElems, Alpha: 1, Beta: 1, Bias: 1},
	} {
		runNode(t, op, randomIn([]tensor.Shape{x}, gradOpts{})...)
	}
}
