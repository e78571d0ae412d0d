package op

import (
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
)

// goldenHeavy is the op and the names of its inputs for each case of testdata/heavy.npz.
var goldenHeavy = map[string]struct {
	op graph.Op
	in string
}{
	"conv_pads":            {Conv{Pads: [4]int{2, 0, 1, 3}}, "x w b"},
	"conv_stride2":         {Conv{Stride: [2]int{2, 2}, Pads: [4]int{1, 1, 1, 1}}, "x w b"},
	"conv_dilation2":       {Conv{Dilation: [2]int{2, 2}, Pads: [4]int{2, 2, 2, 2}}, "x w b"},
	"conv_groups2":         {Conv{Groups: 2, Pads: [4]int{1, 1, 1, 1}}, "x w b"},
	"conv_1x1":             {Conv{}, "x w b"},
	"conv_1x1_stride2":     {Conv{Stride: [2]int{2, 2}}, "x w b"},
	"conv_7x7_stride2":     {Conv{Stride: [2]int{2, 2}, Pads: [4]int{3, 3, 3, 3}}, "x w b"},
	"depthwise":            {Depthwise{Pads: [4]int{1, 1, 1, 1}}, "x w b"},
	"depthwise_stride2":    {Depthwise{Stride: [2]int{2, 2}, Pads: [4]int{0, 0, 1, 1}}, "x w b"},
	"depthwise_5x5":        {Depthwise{Pads: [4]int{2, 2, 2, 2}}, "x w b"},
	"depthwise_twice":      {Depthwise{Pads: [4]int{1, 1, 1, 1}}, "x w b"},
	"gemm":                 {Gemm{}, "x w b"},
	"bn_frozen":            {BatchNormalization{Eps: 1e-3}, "x gamma beta mean var"},
	"bn_train":             {BatchNormTrain{Eps: 1e-3}, "x gamma beta"},
	"cross_entropy":        {SoftmaxCrossEntropy{}, "x target weight"},
	"cross_entropy_smooth": {SoftmaxCrossEntropy{Smoothing: 0.125}, "x target weight"},
	"distill":              {Distill{T: 3}, "x target weight"},
}

// TestGoldenHeavy holds outputs and gradients against PyTorch (tools/golden/ops_heavy.py).
func TestGoldenHeavy(t *testing.T) {
	golden := readNPZ(t, "testdata/heavy.npz")
	for key := range golden {
		if name, _, _ := strings.Cut(key, "/"); goldenHeavy[name].op == nil {
			t.Errorf("no operator for %s", key)
		}
	}
	for name, c := range goldenHeavy {
		t.Run(name, func(t *testing.T) {
			at := func(key string) value {
				v, ok := golden[name+"/"+key]
				if !ok {
					t.Fatalf("%s/%s is not in the file", name, key)
				}
				return v
			}
			checkHeavy(t, c.op, strings.Fields(c.in), at, golden[name+"/newmean"].v != nil)
		})
	}
}

// checkHeavy runs forward and all gradients that the file has. A trained batch norm gets its
// statistics from the batch.
func checkHeavy(t *testing.T, op graph.Op, names []string, at func(string) value, trained bool) {
	g := graph.New()
	var in []*graph.Node
	want := make([]bool, len(names))
	for i, name := range names {
		v := at(name)
		in = append(in, g.Leaf(name, graph.Param, v.shape, v.v))
		want[i] = strings.Contains("x w b gamma beta", name)
	}
	if trained {
		mean := g.Add("mean", BatchMean{}, in[0])
		in = append(in, mean, g.Add("var", BatchVar{}, in[0], mean))
		want = append(want, false, false)
	}
	n := g.Add("y", op, in...)
	dy := at("dy")
	grads := op.(graph.Grader).Grad(g, n, g.Leaf("dy", graph.Const, dy.shape, dy.v), want)
	p := sameEverywhere(t, g)
	wantClose(t, "y", p.mem[n.ID], at("y").v, 1e-5)
	for i, name := range names {
		if want[i] {
			wantClose(t, "d"+name, p.mem[grads[i].ID], at("d"+name).v, 1e-5)
		}
	}
}

// TestGoldenRunning holds the running statistics that one step of training leaves.
func TestGoldenRunning(t *testing.T) {
	golden := readNPZ(t, "testdata/heavy.npz")
	x := golden["bn_train/x"]
	mean := value{golden["bn_train/mean"].shape, runNode(t, BatchMean{}, x)}
	variance := value{mean.shape, runNode(t, BatchVar{}, x, mean)}
	rows := float32(x.shape.Rows())
	got := runNode(t, RunningUpdate{Momentum: 0.1}, golden["bn_train/mean"], mean)
	wantClose(t, "mean", got, golden["bn_train/newmean"].v, 1e-5)
	got = runNode(t, RunningUpdate{Momentum: 0.1, Unbias: rows / (rows - 1)}, golden["bn_train/var"], variance)
	wantClose(t, "variance", got, golden["bn_train/newvar"].v, 1e-5)
}
