package score

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/relevance"
)

// chain has no bias, so that no relevance is lost in it.
func chain() *graph.Graph {
	l := toy.New(8, 3).Conv("a", 12, 1).Act("a.relu", op.Relu{}).Conv("b", 9, 2).Act("b.relu", op.Relu{})
	g := l.Vector().Linear("fc", 3).Model(toy.Classes...)
	for _, n := range g.Nodes {
		if strings.HasSuffix(n.Name, ".bias") {
			clear(n.Value)
		}
	}
	return g
}

func scorerOf(t *testing.T, samples []data.Sample) *Scorer {
	return &Scorer{Ctx: context.Background(), Env: toy.Env(t), Samples: samples, Classes: 3, Seed: 1}
}

func structure(t *testing.T, g *graph.Graph) *groups.Structure {
	t.Helper()
	st, err := groups.Find(g)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// TestRelevanceRows: R adds up to 1 at each gate of a chain, image by image, whether images come in full batches, in a
// short one or alone.
func TestRelevanceRows(t *testing.T) {
	samples := toy.Pictures(t, toy.Folder(t, "relevance"), 4, 60)[:11]
	for _, n := range []int{11, 1} {
		all, err := scorerOf(t, samples[:n]).Collect(structure(t, chain()), criteria.Relevance)
		if err != nil {
			t.Fatal(err)
		}
		for name, p := range all.Places {
			c := len(p.Relevance) / n
			for i := range n {
				sum := 0.0
				for _, v := range p.Relevance[i*c : (i+1)*c] {
					sum += float64(v)
				}
				toy.Near(t, name, sum, 1, 1e-4)
			}
		}
		if len(all.Places) != 2 {
			t.Errorf("relevance at %d gates, want 2", len(all.Places))
		}
	}
}

// TestRelevanceTogether: what is collected in one plan with the rest is what is collected alone.
func TestRelevanceTogether(t *testing.T) {
	samples := toy.Pictures(t, toy.Folder(t, "together"), 2, 60)
	st := structure(t, smoothNet())
	s := scorerOf(t, samples)
	needs := criteria.Activations | criteria.LossGradients | criteria.MarginGradients | criteria.Relevance | criteria.Saliency
	all, err := s.Collect(st, needs)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := s.Collect(st, criteria.Relevance)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range alone.Places {
		for i, v := range p.Relevance {
			toy.Near(t, name, float64(all.Places[name].Relevance[i]), float64(v), 1e-6)
		}
		if p.Saliency != nil || len(all.Places[name].Saliency) != len(p.Relevance) || len(p.Relevance) == 0 {
			t.Errorf("%s: %d values of saliency, %d of relevance", name, len(all.Places[name].Saliency), len(p.Relevance))
		}
	}
}

// TestSaliency: at the last convolution, in front of pooling and a linear layer, Grad-CAM's weight is the class's weight by
// the number of pixels (Selvaraju et al., §3.1): no gradient is needed for the comparison.
func TestSaliency(t *testing.T) {
	g := chain()
	samples := toy.Pictures(t, toy.Folder(t, "saliency"), 2, 60)
	all, err := scorerOf(t, samples).Collect(structure(t, g), criteria.Activations|criteria.Saliency)
	if err != nil {
		t.Fatal(err)
	}
	p, w := all.Places["b.relu"], g.Node("fc.weight").Value
	for n, x := range samples {
		for c := range 9 {
			want := float64(w[x.Class*9+c]) / 16 * float64(p.Pool[n*4*9+c])
			toy.Near(t, "saliency", float64(p.Saliency[n*9+c]), want, 1e-6)
		}
	}
}

// TestNoRelevance: a gate's own layers get none, and the error says so.
func TestNoRelevance(t *testing.T) {
	l := toy.New(8, 3).Conv("a", 6, 1).Act("a.relu", op.Relu{})
	x := l.X
	l.Act("squeeze", op.GlobalAveragePool{}).Conv("se", 4, 1).Act("se.relu", op.Relu{}).Conv("up", 6, 1).Act("gate", op.Sigmoid{})
	l.X = l.Add("gated", op.Mul{}, x, l.X)
	g := l.Vector().Linear("fc", 3).Model(toy.Classes...)
	samples := toy.Pictures(t, toy.Folder(t, "none"), 1, 60)
	_, err := scorerOf(t, samples).Collect(structure(t, g), criteria.Relevance)
	if err == nil || !strings.Contains(err.Error(), "no relevance reaches se.relu") {
		t.Errorf("error %v", err)
	}
}

// TestHeats: a map for each picture, as large as the network's input, of nothing below 0; its halves share the whole.
func TestHeats(t *testing.T) {
	samples := toy.Pictures(t, toy.Folder(t, "heats"), 4, 60)[:11]
	heats, err := scorerOf(t, samples).Heats(chain())
	if err != nil {
		t.Fatal(err)
	}
	if len(heats) != len(samples) {
		t.Fatalf("%d maps of %d pictures", len(heats), len(samples))
	}
	for i, h := range heats {
		sum := 0.0
		for _, v := range h.Values {
			if v < 0 {
				t.Fatalf("picture %d has %g", i, v)
			}
			sum += float64(v)
		}
		toy.Near(t, "heat", sum, 1, 1e-4)
		left := h.Share(func(x, _ int) bool { return x < 3 })
		right := h.Share(func(x, _ int) bool { return x >= 3 })
		toy.Near(t, "left and right", left+right, 1, 1e-9)
		if h.Height != 8 || h.Width != 8 || len(h.Values) != 64 || h.Class != samples[i].Class || left <= 0 || right <= 0 {
			t.Errorf("picture %d: %d×%d of class %d, %g at the left", i, h.Height, h.Width, h.Class, left)
		}
	}
	if v := (Heat{Height: 1, Width: 1, Values: []float32{0}}).Share(func(int, int) bool { return true }); !math.IsNaN(v) {
		t.Errorf("share of nothing is %g", v)
	}
}

// TestModelRelevance: R of the real classifiers is finite and adds up to 1 at every gate of a chain, to less on a branch.
func TestModelRelevance(t *testing.T) {
	for name, least := range map[string]float64{"model-mobilenet-v1-025/mobilenet_v1_0.25_224.onnx": 0.99,
		"model-mobilenet-v2-10/mobilenet_v2_1.0_224.onnx": 0.05, "model-squeezenet11/squeezenet1_1_224.onnx": 0.05,
		"model-resnet20-cifar10/resnet20_cifar10.onnx": 0.03} {
		t.Run(name, func(t *testing.T) { modelRelevance(t, imported(t, name), least) })
	}
}

// imported is a model of the shared data.
func imported(t testing.TB, name string) *graph.Graph {
	t.Helper()
	g, err := onnx.Import(filepath.Join(toy.SharedData(t, filepath.Dir(name)), filepath.Base(name)), onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func modelRelevance(t *testing.T, g *graph.Graph, least float64) {
	gates := GateNames(structure(t, g))
	logits := g.Outputs[0].Shape
	target := g.Leaf(targets, graph.Input, tensor.Shape{1, logits[1]}, nil)
	box := relevance.Pixels(g.Preprocess())
	rules := relevance.Rules{First: box}
	x := g.Node(eval.Input(g))
	keep, err := addRelevance(g, gates, []start{{g.Outputs[0], target}})
	if err != nil {
		t.Fatal(err)
	}
	heat, err := relevance.Propagate(g, g.Outputs[0], target, []*graph.Node{x}, rules)
	if err != nil {
		t.Fatal(err)
	}
	keep = append(keep, heat[x].Name)
	p, err := plan.Compile(g, plan.Options{Env: toy.Env(t), Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	s := x.Shape
	for i := range p.Data(x.Name) {
		wave := float32(2+math.Sin(float64(i/s[3]%s[2])/9)+math.Cos(float64(i/s[3]/s[2])/7)) / 4
		p.Data(x.Name)[i] = box.Low[i%3] + wave*(box.High[i%3]-box.Low[i%3])
	}
	p.Data(targets)[3] = 1
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	for _, name := range keep {
		sum := 0.0
		for _, v := range p.Data(name) {
			sum += float64(v)
		}
		if !(sum > least && sum < 1.001) {
			t.Errorf("%s adds up to %g", name, sum)
		}
	}
}
