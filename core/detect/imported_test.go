package detect

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/core/plan"
)

// raw is a file of little-endian floats.
func raw(t *testing.T, path string) []float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

// converted is an imported detector with our outputs.
func converted(t *testing.T, family int, folder, file string) (g *graph.Graph, golden string) {
	t.Helper()
	dir := toy.SharedData(t, folder)
	g, err := onnx.Import(filepath.Join(dir, file), onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if g, err = Families()[family].Convert(g); err != nil {
		t.Fatal(err)
	}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	return g, filepath.Join(dir, "golden")
}

// answer is the outputs for the golden input, N×C×H×W.
func answer(t *testing.T, g *graph.Graph, x []float32) (logits, boxes []float32) {
	t.Helper()
	p, err := plan.Compile(g, plan.Options{Env: toy.Env(t), Fold: true})
	if err != nil {
		t.Fatal(err)
	}
	in, pixels := p.Data(g.Role(graph.Input)[0].Name), len(x)/3
	for i := range pixels {
		for c := range 3 {
			in[3*i+c] = x[c*pixels+i]
		}
	}
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	return p.Data(g.Outputs[0].Name), p.Data(g.Outputs[1].Name)
}

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

// TestFastestDet: scores and boxes are those that its README makes of onnxruntime's output.
func TestFastestDet(t *testing.T) {
	g, golden := converted(t, 0, "model-fastestdet-coco", "FastestDet.onnx")
	logits, boxes := answer(t, g, raw(t, filepath.Join(golden, "input.f32")))
	out := raw(t, filepath.Join(golden, "output_758.f32"))
	const cells, side, classes = 22 * 22, 352, 80
	if len(logits) != cells*classes || len(boxes) != cells*4 || len(g.Labels()) != classes {
		t.Fatalf("%d logits, %d coordinates, %d labels", len(logits), len(boxes), len(g.Labels()))
	}
	worst, off := 0.0, 0.0
	for i := range cells {
		at := func(channel int) float64 { return float64(out[channel*cells+i]) }
		for c := range classes {
			want := math.Pow(at(0), 0.6) * math.Pow(at(5+c), 0.4)
			worst = max(worst, math.Abs(float64(Score(logits[i*classes+c]))-want))
		}
		cx, cy := (float64(i%22)+math.Tanh(at(1)))/22*side, (float64(i/22)+math.Tanh(at(2)))/22*side
		w, h := sigmoid(at(3))*side, sigmoid(at(4))*side
		for k, want := range []float64{cx - w/2, cy - h/2, cx + w/2, cy + h/2} {
			off = max(off, math.Abs(float64(boxes[4*i+k])-want))
		}
	}
	if worst > 1e-4 || off > 0.01 {
		t.Errorf("scores differ by %.2g, edges by %.2g pixels", worst, off)
	}
	t.Logf("scores differ by %.2g, edges by %.2g pixels", worst, off)
}

// TestUltraFace: likewise, of SSD's offsets to priors.
func TestUltraFace(t *testing.T) {
	g, golden := converted(t, 1, "model-ultraface-slim320", "version-slim-320_simplified.onnx")
	logits, boxes := answer(t, g, raw(t, filepath.Join(golden, "input.f32")))
	scores, offsets := raw(t, filepath.Join(golden, "output_scores.f32")), raw(t, filepath.Join(golden, "output_boxes.f32"))
	centres, sides := priors(320, 240)
	if len(logits) != 4420 || len(centres) != 4*4420 {
		t.Fatalf("%d logits, %d priors", len(logits), len(centres)/4)
	}
	worst, off := 0.0, 0.0
	for i := range logits {
		worst = max(worst, math.Abs(float64(Score(logits[i]))-float64(scores[2*i+1])))
		for k := range 2 {
			c := float64(centres[4*i+k]) + float64(offsets[4*i+k])*0.1*float64(sides[2*i+k])
			w := float64(sides[2*i+k]) * math.Exp(float64(offsets[4*i+2+k])*0.2)
			off = max(off, math.Abs(float64(boxes[4*i+k])-(c-w/2)), math.Abs(float64(boxes[4*i+2+k])-(c+w/2)))
		}
	}
	if worst > 1e-4 || off > 0.01 {
		t.Errorf("scores differ by %.2g, edges by %.2g pixels", worst, off)
	}
	t.Logf("scores differ by %.2g, edges by %.2g pixels", worst, off)
}

// TestPriorsAreItsOwn: the file that decodes in the graph finds the same boxes as ours does with priors.
func TestPriorsAreItsOwn(t *testing.T) {
	g, golden := converted(t, 1, "model-ultraface-slim320", "version-slim-320_simplified.onnx")
	x := raw(t, filepath.Join(golden, "input.f32"))
	_, boxes := answer(t, g, x)
	whole, err := onnx.Import(filepath.Join(toy.SharedData(t, "model-ultraface-slim320"), "version-slim-320.onnx"), onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, shares := answer(t, whole, x)
	for i, v := range shares {
		if want := float64(v) * []float64{320, 240}[i%2]; math.Abs(float64(boxes[i])-want) > 0.05 {
			t.Fatalf("edge %d of box %d is at %v, its own graph has %v", i%4, i/4, boxes[i], want)
		}
	}
}

// TestConvertRefuses what is another network.
func TestConvertRefuses(t *testing.T) {
	for _, f := range Families() {
		if _, err := f.Convert(toy.Backbone()); err == nil || !strings.HasPrefix(err.Error(), f.Name+": the outputs are") {
			t.Errorf("%v", err)
		}
	}
	whole, err := onnx.Import(filepath.Join(toy.SharedData(t, "model-ultraface-slim320"), "version-slim-320.onnx"), onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Families()[1].Convert(whole); err == nil || !strings.Contains(err.Error(), "decoded in the graph") {
		t.Errorf("%v", err)
	}
}

// TestBackboneOfImported: what the head of an imported detector reads stays, and a new head has a level at each stride there.
func TestBackboneOfImported(t *testing.T) {
	for i, c := range []struct{ folder, file, last, logits string }{
		{"model-fastestdet-coco", "FastestDet.onnx", "onnx::Conv_738", "1×2541×2"},
		{"model-ultraface-slim320", "version-slim-320_simplified.onnx", "349", "1×1580×2"},
	} {
		g, _ := converted(t, i, c.folder, c.file)
		b, err := Backbone(g)
		if err != nil {
			t.Fatal(err)
		}
		if b.Node(c.last) == nil || b.Node(Logits) != nil || len(OwnParams(g)) == 0 {
			t.Errorf("%s: the outputs are %v", c.file, b.Outputs)
		}
		for p := range OwnParams(g) {
			if b.Node(p.Name) != nil {
				t.Errorf("%s: %s is of the head", c.file, p.Name)
			}
		}
		again, err := DefaultHead(1).AddHead(b, []string{"x", "y"})
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Check(); err != nil || again.Outputs[0].Shape.String() != c.logits {
			t.Errorf("%v, outputs %v", err, again.Outputs)
		}
	}
}
