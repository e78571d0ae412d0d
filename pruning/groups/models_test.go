package groups_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/internal/nets"
)

// model imports a model of the shared data, or skips the test where the data is absent.
func model(t testing.TB, file string) *graph.Graph {
	t.Helper()
	dir := os.Getenv("SECATEUR_TESTDATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(dir, file)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared data: %v", err)
	}
	g, err := onnx.Import(path, onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestModelGroups counts groups and channels of real models, and what half of them cost. Inner groups and streams are told
// apart by an Add of two branches: MobileNetV2's 16 and 320 have none.
func TestModelGroups(t *testing.T) {
	for _, c := range []struct {
		file                      string
		groups, channels, streams int
		half                      float64 // share of the multiply-adds that half of all units leave
	}{
		{"model-mobilenet-v1-025/mobilenet_v1_0.25_224.onnx", 14, 1496, 0, .295},
		{"model-mobilenet-v2-10/mobilenet_v2_1.0_224.onnx", 25, 9128, 5, .277},
		{"model-squeezenet11/squeezenet1_1_224.onnx", 25, 2944, 0, .327},
		{"model-resnet20-cifar10/resnet20_cifar10.onnx", 12, 448, 3, .253},
	} {
		t.Run(filepath.Base(c.file), func(t *testing.T) {
			g := model(t, c.file)
			s := nets.Structure(t, g)
			channels, streams := 0, 0
			half := map[int][]int{}
			for _, gr := range s.Free() {
				channels += len(gr.Units)
				for u := range len(gr.Units) / 2 {
					half[gr.ID] = append(half[gr.ID], u)
				}
				if gr.Stream {
					streams++
				}
			}
			if n := len(s.Free()); n != c.groups || channels != c.channels || streams != c.streams || len(s.Groups) != n+1 {
				t.Errorf("%d groups of %d channels, %d streams, %d in all; want %+v and the logits", n, channels, streams, len(s.Groups), c)
			}
			small, _, err := groups.Cut(g, s, half)
			if err != nil {
				t.Fatal(err)
			}
			if share := float64(small.MACs()) / float64(g.MACs()); math.Abs(share-c.half) > 6e-4 {
				t.Errorf("half of all units leave %.4f of the multiply-adds, want %.3f", share, c.half)
			}
		})
	}
}

// TestDetectorGroups holds that detectors, shuffled streams and all, lock nothing but what their
// outputs are made of, and say so. The four heads of UltraFace are tied by their concatenation:
// two scores and four coordinates.
func TestDetectorGroups(t *testing.T) {
	for file, want := range map[string]struct {
		free   int
		locked map[int]string // by width
	}{
		"model-fastestdet-coco/FastestDet.onnx": {2112, map[int]string{
			1: "graph output 758", 4: "graph output 758", 80: "Softmax onnx::Transpose_756.Softmax"}},
		"model-ultraface-slim320/version-slim-320_simplified.onnx": {1584, map[int]string{
			2: "Softmax scores", 4: "graph output boxes"}},
	} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			free, locked := 0, map[int]string{}
			for _, g := range nets.Structure(t, model(t, file)).Groups {
				if g.Locked {
					locked[len(g.Units)] = g.Reason
				} else {
					free += len(g.Units)
				}
			}
			if d := cmp.Diff(want.locked, locked); d != "" || free != want.free {
				t.Errorf("%d free, want %d; locked widths:\n%s", free, want.free, d)
			}
		})
	}
}

// TestModelsCutExactly is the random zero-group test on real models: silent units and removed
// units give the same outputs to 1e-5 of the largest.
func TestModelsCutExactly(t *testing.T) {
	for _, file := range []string{"model-resnet20-cifar10/resnet20_cifar10.onnx", "model-squeezenet11/squeezenet1_1_224.onnx",
		"model-mobilenet-v1-025/mobilenet_v1_0.25_224.onnx", "model-mobilenet-v2-10/mobilenet_v2_1.0_224.onnx",
		"model-fastestdet-coco/FastestDet.onnx", "model-ultraface-slim320/version-slim-320_simplified.onnx"} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			if testing.Short() {
				t.Skip("a second each")
			}
			g := model(t, file).Copy()
			rng := rand.New(rand.NewPCG(1, 2))
			s := nets.Structure(t, g)
			remove := draw(rng, s, .3)
			nets.Silence(g, s, remove)
			small, _, err := groups.Cut(g, nets.Structure(t, g), remove)
			if err != nil {
				t.Fatal(err)
			}
			in := g.Role(graph.Input)[0]
			x := tensor.Floats(in.Shape.Elems())
			for i := range x {
				x[i] = rng.Float32()*2 - 1
			}
			full, compact := nets.Run(t, g, nets.Values{in.Name: x}), nets.Run(t, small, nets.Values{in.Name: x})
			for i, o := range g.Outputs {
				nets.Near(t, o.Name, compact[small.Outputs[i].Name], full[o.Name], 1e-5)
			}
			t.Logf("%.1f of %.1f million multiply-adds", float64(small.MACs())/1e6, float64(g.MACs())/1e6)
		})
	}
}
