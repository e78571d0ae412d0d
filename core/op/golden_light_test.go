package op

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/npz"
)

// TestGoldenLight holds outputs and gradients against PyTorch and onnxruntime
// (tools/golden/ops_light.py).
func TestGoldenLight(t *testing.T) {
	golden := readNPZ(t, "testdata/light.npz")
	seen := map[string]bool{}
	for name, op := range goldenLight() {
		t.Run(name, func(t *testing.T) { checkGolden(t, golden, name, op) })
		seen[name] = true
	}
	for key := range golden {
		if name, _, _ := strings.Cut(key, "/"); !seen[name] {
			t.Errorf("no operator for %s", key)
		}
	}
}

// goldenLight is the operator for each name in the file.
func goldenLight() map[string]graph.Op {
	k3, s2 := [2]int{3, 3}, [2]int{2, 2}
	cases := map[string]graph.Op{
		"relu": Relu{}, "relu6": Clip{0, 6}, "leaky": LeakyRelu{0.1}, "leaky_negative": LeakyRelu{-0.3},
		"prelu": PRelu{}, "prelu_one": PRelu{}, "hardswish": HardSwish{}, "hardsigmoid": HardSigmoid{1. / 6, 0.5},
		"sigmoid": Sigmoid{}, "silu": Silu{}, "tanh": Tanh{}, "exp": Exp{},
		"softmax": Softmax{}, "log_softmax": LogSoftmax{},
		"lrn":      LRN{Size: 3, Alpha: 0.3, Beta: 0.75, Bias: 2},
		"lrn_beta": LRN{Size: 5, Alpha: 0.5, Beta: 0.6, Bias: 1},

		"mul_gate": Mul{}, "add_channel": Add{}, "sub_plane": Sub{}, "div_gate": Div{}, "max_channel": Max{}, "min": Min{},

		"max":                   MaxPool{Kernel: s2, Stride: s2},
		"max_ceil":              MaxPool{Kernel: [2]int{2, 3}, Stride: s2, Pads: [4]int{0, 1, 0, 1}, Ceil: true},
		"max_overlap":           MaxPool{Kernel: k3, Stride: [2]int{2, 1}, Pads: [4]int{1, 1, 1, 1}},
		"max_dilated":           MaxPool{Kernel: k3, Pads: [4]int{1, 1, 1, 1}, Dilation: [2]int{2, 3}},
		"max_asymmetric":        MaxPool{Kernel: k3, Stride: s2, Pads: [4]int{0, 0, 1, 1}},
		"max_ties":              MaxPool{Kernel: k3, Stride: s2, Pads: [4]int{1, 1, 1, 1}},
		"average":               AveragePool{Kernel: s2, Stride: s2},
		"average_ceil_True":     AveragePool{Kernel: [2]int{3, 2}, Stride: s2, Pads: [4]int{1, 1, 1, 1}, Ceil: true, CountPad: true},
		"average_ceil_False":    AveragePool{Kernel: [2]int{3, 2}, Stride: s2, Pads: [4]int{1, 1, 1, 1}, Ceil: true},
		"average_overlap_True":  AveragePool{Kernel: k3, Stride: [2]int{1, 2}, Pads: [4]int{1, 1, 1, 1}, CountPad: true},
		"average_overlap_False": AveragePool{Kernel: k3, Stride: [2]int{1, 2}, Pads: [4]int{1, 1, 1, 1}},
		"average_asymmetric":    AveragePool{Kernel: k3, Stride: s2, Pads: [4]int{1, 0, 0, 1}, CountPad: true},
		"global":                GlobalAveragePool{},
		"mean_height":           ReduceMean{Axis: 1, Keep: true},
		"ort_max_ceil":          MaxPool{Kernel: [2]int{3, 2}, Stride: k3, Pads: [4]int{0, 1, 2, 0}, Ceil: true},

		"nearest_up":       Resize{Coord: "asymmetric", Round: "floor", Scale: [2]float32{2, 2}},
		"nearest_odd":      Resize{Coord: "asymmetric", Round: "floor", Size: [2]int{7, 4}},
		"bilinear":         Resize{Mode: "linear", Size: [2]int{9, 4}},
		"bilinear_down":    Resize{Mode: "linear", Size: [2]int{2, 3}},
		"bilinear_corners": Resize{Mode: "linear", Coord: "align_corners", Size: [2]int{8, 11}},
		"bilinear_scale":   Resize{Mode: "linear", Scale: [2]float32{1.7, 0.6}},
		"ort_one_pixel":    Resize{Mode: "linear", Coord: "pytorch_half_pixel", Size: [2]int{1, 1}},

		"pad":          Pad{Pads: [4]int{2, 1, 1, 0}, Value: 0.5},
		"pad_channels": Pad{Channels: [2]int{1, 2}},
		"slice":        Slice{Axis: 3, Start: 1, Count: 3, Step: 2},
		"shuffle":      Gather{Index: []int{0, 2, 4, 1, 3, 5}},
	}
	for _, pad := range []int{0, 1} {
		for _, size := range []int{8, 9} {
			cases[fmt.Sprintf("ort_average_%d_%d", pad, size)] = AveragePool{Kernel: k3, Stride: [2]int{3, 2},
				Pads: [4]int{0, 1, 2, 1}, Ceil: true, CountPad: pad == 1}
		}
	}
	for _, coord := range resizeCoords[:5] {
		cases["ort_linear_"+coord] = Resize{Mode: "linear", Coord: coord, Scale: [2]float32{1.7, 0.6}}
		for _, how := range resizeRounds {
			cases["ort_"+how+"_"+coord] = Resize{Coord: coord, Round: how, Size: [2]int{8, 4}}
		}
	}
	return cases
}

// checkGolden runs forward and, where the file has them, gradients.
func checkGolden(t *testing.T, golden map[string]value, name string, op graph.Op) {
	x, ok := golden[name+"/x"]
	if !ok {
		t.Fatalf("%s is not in the file", name)
	}
	in, grads := []value{x}, []string{"/dx"}
	if b, ok := golden[name+"/b"]; ok {
		in, grads = append(in, b), append(grads, "/db")
	}
	g, n := oneNode(t, op, in)
	y := golden[name+"/y"]
	if !n.Shape.Equal(y.shape) {
		t.Fatalf("shape %v, want %v", n.Shape, y.shape)
	}
	wantClose(t, "y", runNode(t, op, in...), y.v, 1e-5)
	dy, ok := golden[name+"/dy"]
	if !ok {
		return
	}
	want := make([]bool, len(in))
	for i := range want {
		want[i] = true
	}
	dx := op.(graph.Grader).Grad(g, n, g.Leaf("dy", graph.Const, dy.shape, dy.v), want)
	p := sameEverywhere(t, g)
	for i, key := range grads {
		wantClose(t, key, p.mem[dx[i].ID], golden[name+key].v, 1e-5)
	}
}

// readNPZ reads the float32 arrays of a NumPy archive.
func readNPZ(t *testing.T, path string) map[string]value {
	t.Helper()
	arrays := map[string]value{}
	for name, a := range npz.Read(t, path) {
		arrays[name] = value{a.Shape, a.Data}
	}
	return arrays
}
