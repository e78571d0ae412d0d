package onnx

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
)

// sharedModel imports a model of the shared data; the test is skipped without it.
func sharedModel(t *testing.T, name string, o Options) *graph.Graph {
	t.Helper()
	dir := os.Getenv("SECATEUR_TESTDATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared data: %v", err)
	}
	g, err := Import(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func countKinds(g *graph.Graph) map[string]int {
	count := map[string]int{}
	for _, n := range g.Nodes {
		count[n.Op.Kind()]++
	}
	return count
}

// TestModels counts what the models of the shared data become. Parameters are the
// numbers in weights, biases, scales and shifts, less the frozen 0/1 filters of ResNet-20.
func TestModels(t *testing.T) {
	for _, c := range []struct {
		file   string
		macs   float64 // millions
		params int
		kinds  map[string]int
	}{
		{"model-mobilenet-v1-025/mobilenet_v1_0.25_224.onnx", 41.0, 470072,
			map[string]int{"Conv": 14, "Depthwise": 13, "BatchNormalization": 27, "Clip": 27, "Gemm": 1, "Reshape": 1, "State": 54}},
		{"model-mobilenet-v2-10/mobilenet_v2_1.0_224.onnx", 300.8, 3487816,
			map[string]int{"Conv": 35, "Depthwise": 17, "Clip": 35, "Add": 10, "Gemm": 1, "Reshape": 1, "Const": 0}},
		{"model-resnet20-cifar10/resnet20_cifar10.onnx", 40.8, 272282 - 16*32 - 32*64,
			map[string]int{"Conv": 21, "BatchNormalization": 19, "Add": 9, "Gemm": 1, "Const": 2}},
		{"model-squeezenet11/squeezenet1_1_224.onnx", 349, 1235496,
			map[string]int{"Conv": 26, "Concat": 8, "MaxPool": 3, "Reshape": 1}},
		{"model-fastestdet-coco/FastestDet.onnx", 121.5, 240301,
			map[string]int{"Transpose": 0, "Rearrange": 0, "Gather": 0, "Reshape": 0, "Slice": 26}},
		{"model-ultraface-slim320/version-slim-320_simplified.onnx", 81.4, 257916,
			map[string]int{"Transpose": 0, "Rearrange": 0, "Gather": 0, "Reshape": 8, "Concat": 2, "Softmax": 1, "Const": 0}},
		{"model-ultraface-slim320/version-slim-320.onnx", 81.4, 260188,
			map[string]int{"Transpose": 0, "Rearrange": 0, "Gather": 0, "Concat": 4, "Exp": 1, "Input": 1}},
	} {
		t.Run(filepath.Base(c.file), func(t *testing.T) {
			g := sharedModel(t, c.file, Options{})
			count := countKinds(g)
			for kind, want := range c.kinds {
				if count[kind] != want {
					t.Errorf("%d %s, want %d", count[kind], kind, want)
				}
			}
			if m := float64(g.MACs()) / 1e6; c.macs > 0 && (m < 0.995*c.macs || m > 1.005*c.macs) {
				t.Errorf("%.2f million multiply-adds, want %v", m, c.macs)
			}
			if p := g.Params(); c.params > 0 && p != c.params {
				t.Errorf("%d parameters, want %d", p, c.params)
			}
			if a, b := structure(roundTrip(t, g)), structure(g); a != b {
				t.Errorf("exported and imported again:\n%s\nwant\n%s", a, b)
			}
		})
	}
}

// TestShuffleIsTwoSlices holds that every channel shuffle of FastestDet becomes slices of every
// second channel.
func TestShuffleIsTwoSlices(t *testing.T) {
	g := sharedModel(t, "model-fastestdet-coco/FastestDet.onnx", Options{})
	for _, n := range g.Nodes {
		s, ok := n.Op.(op.Slice)
		if ok && (s.Axis != 3 || s.Step != 2 || s.Start > 1 || s.Count != n.In[0].Shape[3]/2) {
			t.Errorf("%s is %s of %v", n.Name, graph.OpString(s), n.In[0].Shape)
		}
	}
}

// TestFrozenShortcut holds that ResNet-20's shortcut of zeros and ones stays as it is, with a
// note.
func TestFrozenShortcut(t *testing.T) {
	var notes []string
	g := sharedModel(t, "model-resnet20-cifar10/resnet20_cifar10.onnx", Options{Note: func(s string) { notes = append(notes, s) }})
	if len(notes) != 2 {
		t.Errorf("notes %q, want two", notes)
	}
	for _, n := range g.Role(graph.Const) {
		if len(n.Shape) != 4 {
			t.Errorf("%s %v is a constant", n.Name, n.Shape)
		}
	}
	if n := g.Node("features"); n == nil || n.Shape.String() != "1×64" {
		t.Errorf("features is %v", n)
	}
}

// TestEveryKindIsWritten holds that what a model file may hold can be exported.
func TestEveryKindIsWritten(t *testing.T) {
	for _, o := range op.Kinds {
		if writers[o.Kind()] == nil {
			t.Errorf("%s is not written", o.Kind())
		}
	}
	if len(writers) != len(op.Kinds) {
		t.Errorf("%d kinds are written, %d exist", len(writers), len(op.Kinds))
	}
}

// TestOtherSize holds that a network without a fixed head takes another size of image.
func TestOtherSize(t *testing.T) {
	g := sharedModel(t, "model-mobilenet-v1-025/mobilenet_v1_0.25_224.onnx", Options{Height: 96, Width: 128})
	if in := g.Role(graph.Input)[0]; in.Shape.String() != "1×96×128×3" {
		t.Errorf("input %v", in.Shape)
	}
	if o := g.Outputs[0]; o.Shape.String() != "1×1000" {
		t.Errorf("output %v", o.Shape)
	}
}
