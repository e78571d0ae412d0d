package main

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/kernels"
)

// TestNMSInONNXRuntime exports imported detectors with non-maximum suppression: of two images onnxruntime keeps the boxes
// that ours keeps.
func TestNMSInONNXRuntime(t *testing.T) {
	for i, model := range []string{"model-fastestdet-coco/FastestDet.onnx", "model-ultraface-slim320/version-slim-320_simplified.onnx"} {
		f := detect.Families()[i]
		t.Run(f.Name, func(t *testing.T) {
			path := shared(t, model)
			g, err := onnx.Import(path, onnx.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if g, err = f.Convert(g); err != nil {
				t.Fatal(err)
			}
			ours := suppressed(t, g, twoImages(t, path), choice(i))
			theirs := inONNXRuntime(t, g, twoImages(t, path), choice(i))
			if len(ours) != len(theirs) || len(ours) < 4 {
				t.Fatalf("%d boxes here, %d in onnxruntime", len(ours), len(theirs))
			}
			for k := range ours {
				for j := range ours[k] {
					if d := math.Abs(ours[k][j] - theirs[k][j]); d > 1e-3*max(1, math.Abs(ours[k][j])) {
						t.Fatalf("box %d is %v here, %v in onnxruntime", k, ours[k], theirs[k])
					}
				}
			}
			t.Logf("%d boxes", len(ours))
		})
	}
}

// choice keeps some of the boxes that noise gives, few enough for the bounds on their number to play no part.
func choice(i int) onnx.NMS {
	return onnx.NMS{Score: []float32{0.25, 0.14}[i], IoU: 0.3, Most: 100}
}

// twoImages is the golden input and the same upside down, N×C×H×W.
func twoImages(t *testing.T, model string) []float32 {
	want, err := readGolden(goldenOf(model))
	if err != nil {
		t.Fatal(err)
	}
	x, err := want.load(want.Input)
	if err != nil {
		t.Fatal(err)
	}
	y := slices.Clone(x)
	slices.Reverse(y)
	return append(x, y...)
}

// row is image, class, score and edges.
type row [7]float64

// suppressed is what our own choice keeps.
func suppressed(t *testing.T, g *graph.Graph, x []float32, o onnx.NMS) (rows []row) {
	set := kernels.Best()
	pool := kernels.NewPool(1)
	defer pool.Close()
	p, err := plan.Compile(g, plan.Options{Env: graph.Env{Kernels: set, Pool: pool}, Batch: 2, Fold: true})
	if err != nil {
		t.Fatal(err)
	}
	in := g.Role(graph.Input)[0]
	onnx.FromNCHW(p.Data(in.Name), x, append([]int{2}, in.Shape[1:]...))
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	logits, boxes := p.Data(g.Outputs[0].Name), p.Data(g.Outputs[1].Name)
	c := detect.Choice{Score: o.Score, IoU: float64(o.IoU), Most: 1000}
	for i := range 2 {
		half := func(v []float32) []float32 { return v[i*len(v)/2:][:len(v)/2] }
		for _, d := range c.Decode(half(logits), half(boxes)) {
			rows = append(rows, row{float64(i), float64(d.Class), float64(d.Score), float64(d.XMin), float64(d.YMin), float64(d.XMax), float64(d.YMax)})
		}
	}
	return inOrder(rows)
}

// inOrder sorts by image and class, best first, as the file gives them.
func inOrder(rows []row) []row {
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]), cmp.Compare(b[2], a[2]))
	})
	return rows
}

// inONNXRuntime is what the exported file keeps.
func inONNXRuntime(t *testing.T, g *graph.Graph, x []float32, o onnx.NMS) (rows []row) {
	dir := t.TempDir()
	file, from, to := filepath.Join(dir, "nms.onnx"), filepath.Join(dir, "x.f32"), filepath.Join(dir, "y.f32")
	if err := onnx.ExportNMS(g, file, o); err != nil {
		t.Fatal(err)
	}
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	if err := os.WriteFile(from, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s := g.Role(graph.Input)[0].Shape
	ort(t, "../golden/ort_run.py", file, from, to, "2", "3", fmt.Sprint(s[1]), fmt.Sprint(s[2]))
	b, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	for ; len(b) >= 28; b = b[28:] {
		var r row
		for j := range r {
			r[j] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*j:])))
		}
		rows = append(rows, r)
	}
	return inOrder(rows)
}
