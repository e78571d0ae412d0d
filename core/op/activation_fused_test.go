package op

import (
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// TestFuse: an op with its activation, and a gradient with its mask, are bit for bit what the two
// are one behind the other.
func TestFuse(t *testing.T) {
	relu6, mask := Clip{-0.5, 0.75}, ClipGrad{-0.5, 0.75}
	for _, c := range convCases {
		w := tensor.Shape{c.filters, c.kernel[0], c.kernel[1], c.x[3] / c.op.groups()}
		for _, end := range []graph.Op{relu6, HardSwish{}, Silu{}, HardSigmoid{1. / 6, 0.5}} {
			wantFused(t, c.op, end, c.x, w, tensor.Shape{c.filters})
		}
		grad := ConvGradInput{c.op.Stride, c.op.Dilation, c.op.Pads, c.op.Groups, [2]int{c.x[1], c.x[2]}}
		for _, end := range []graph.Op{mask, HardSwishGrad{}, SiluGrad{}, HardSigmoidGrad{1. / 6}} {
			wantFused(t, grad, end, inferred(t, c.op, c.x, w), w)
		}
	}
	for _, c := range depthwiseCases {
		w := tensor.Shape{c.x[3] * c.mult, c.kernel[0], c.kernel[1], 1}
		wantFused(t, c.op, Relu{}, c.x, w)
		wantFused(t, c.op, HardSwish{}, c.x, w, tensor.Shape{w[0]})
		wantFused(t, c.op, Silu{}, c.x, w)
		grad := DepthwiseGradInput{c.op.Stride, c.op.Dilation, c.op.Pads, [2]int{c.x[1], c.x[2]}, c.mult}
		wantFused(t, grad, ReluGrad{}, inferred(t, c.op, c.x, w), w)
	}
}

// TestFuseGemm: products of few rows and of many.
func TestFuseGemm(t *testing.T) {
	for _, end := range []graph.Op{Relu{}, HardSwish{}, Silu{}, HardSigmoid{0.2, 0.5}} {
		wantFused(t, Gemm{}, end, tensor.Shape{3, 20}, tensor.Shape{70, 20}, tensor.Shape{70})
		wantFused(t, Gemm{}, end, tensor.Shape{100, 20}, tensor.Shape{9, 20}, tensor.Shape{9})
	}
}

func inferred(t *testing.T, o graph.Op, in ...tensor.Shape) tensor.Shape {
	t.Helper()
	s, err := o.Infer(in)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantFused compares a with b behind it, whose other inputs have the shape of its first.
func wantFused(t *testing.T, a, b graph.Op, in ...tensor.Shape) {
	t.Helper()
	fused, ok := Fuse(a, b)
	if !ok {
		t.Fatalf("%s and %s do not fuse", a.Kind(), b.Kind())
	}
	values := randomIn(in, gradOpts{})
	first := value{inferred(t, a, in...), runNode(t, a, values...)}
	var others []value
	switch b.(type) {
	case ReluGrad, zipped:
		others = randomIn([]tensor.Shape{first.shape}, gradOpts{})
	}
	want := runNode(t, b, append([]value{first}, others...)...)
	wantBits(t, fused.Kind()+" "+graph.OpString(a), runNode(t, fused, append(values, others...)...), want)
}

func TestFuseRefuses(t *testing.T) {
	for _, pair := range [][2]graph.Op{{Conv{}, Tanh{}}, {Add{}, Relu{}}, {Relu{}, Clip{}}, {Conv{}, Conv{}}} {
		if o, ok := Fuse(pair[0], pair[1]); ok {
			t.Errorf("%s and %s are %s, want two ops", pair[0].Kind(), pair[1].Kind(), o.Kind())
		}
	}
	x, w := tensor.Shape{1, 5, 5, 4}, tensor.Shape{6, 3, 3, 4}
	checkRefuses(t, Activated{Conv{}, Clip{0, 6}})
	checkRefuses(t, Activated{Conv{}, Clip{6, 0}}, x, w)
	checkRefuses(t, Masked{ConvGradInput{InSize: [2]int{5, 5}}, ClipGrad{0, 6}})
	checkRefuses(t, Masked{ConvGradInput{InSize: [2]int{5, 5}}, ClipGrad{0, 6}}, tensor.Shape{1, 3, 3, 6}, w, tensor.Shape{1, 5, 4, 4})
}
