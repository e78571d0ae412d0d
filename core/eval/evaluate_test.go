package eval

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
)

// colourNet gives as logits the mean red, green and blue over 100, and a fourth of -1.
func colourNet() *graph.Graph {
	g := toy.New(8, 3).Vector().Linear("fc", 4).Model("red", "green", "blue", "none")
	clear(g.Meta)
	g.SetLabels([]string{"red", "green", "blue", "none"})
	w := g.Node("fc.weight").Value
	clear(w)
	for c := range 3 {
		w[c*3+c] = 0.01
	}
	copy(g.Node("fc.bias").Value, []float32{0, 0, 0, -1})
	return g
}

// colours are five pictures: two red ones, a green one called red, a green one, a blue one.
func colours(t *testing.T) []data.Sample {
	red, green, blue := color.RGBA{200, 0, 0, 255}, color.RGBA{0, 100, 0, 255}, color.RGBA{0, 50, 150, 255}
	dir := toy.Folder(t, "colours")
	at := func(name string) string { return filepath.Join(dir, name+".png") }
	return []data.Sample{toy.Plain(t, at("1"), 0, red), toy.Plain(t, at("2"), 0, red), toy.Plain(t, at("3"), 0, green),
		toy.Plain(t, at("4"), 1, green), toy.Plain(t, at("5"), 2, blue)}
}

// nll is -ln softmax(z)[class].
func nll(class int, z ...float64) float64 {
	sum := 0.0
	for _, v := range z {
		sum += math.Exp(v)
	}
	return math.Log(sum) - z[class]
}

// TestEvaluate by hand.
func TestEvaluate(t *testing.T) {
	g := colourNet()
	var last Progress
	r, err := Evaluate(context.Background(), toy.Env(t), g, colours(t), Options{Guesses: true, Latency: true, Progress: func(p Progress) { last = p }})
	if err != nil {
		t.Fatal(err)
	}
	if r.Images != 5 || r.Params != 16 || r.MACs != 12 || last.Done != 5 || last.Total != 5 {
		t.Errorf("%d images, %d parameters, %d MACs, progress %+v", r.Images, r.Params, r.MACs, last)
	}
	toy.Near(t, "accuracy", r.Accuracy, 4.0/5, 1e-12)
	toy.Near(t, "macro accuracy", r.Macro, (2.0/3+1+1)/3, 1e-12)
	redLoss := (2*nll(0, 2, 0, 0, -1) + nll(0, 0, 1, 0, -1)) / 3
	toy.Near(t, "loss", r.Loss, (redLoss+nll(1, 0, 1, 0, -1)+nll(2, 0, 0.5, 1.5, -1))/3, 1e-5)
	want := map[string]ClassReport{"red": {3, 2.0 / 3}, "green": {1, 1}, "blue": {1, 1}}
	if diff := cmp.Diff(want, r.PerClass); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]int{{2, 1, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 0}}, r.Confusion); diff != "" {
		t.Error(diff)
	}
	if g := r.Guesses[2]; g.Class != 1 || math.Abs(g.Score-math.Exp(-nll(1, 0, 1, 0, -1))) > 1e-5 {
		t.Errorf("guess %+v", g)
	}
	if r.Latency.P50 <= 0 || r.Latency.P99 < r.Latency.P50 || r.PeakRSS < 1<<20 {
		t.Errorf("latency %+v, memory %d", r.Latency, r.PeakRSS)
	}
	toy.Near(t, "harmonic mean", r.Harmonic(), 3/(3.0/2+1+1), 1e-12)
}

// TestEvaluateBatches: a short last batch counts its images alone.
func TestEvaluateBatches(t *testing.T) {
	all := colours(t)
	var many []data.Sample
	for i := range 2*BatchSize + 3 {
		many = append(many, all[i%2])
	}
	r, err := Evaluate(context.Background(), toy.Env(t), colourNet(), many, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Images != len(many) || r.Confusion[0][0] != len(many) {
		t.Errorf("%d images, confusion %v", r.Images, r.Confusion)
	}
	toy.Near(t, "loss", r.Loss, nll(0, 2, 0, 0, -1), 1e-5)
}

func TestEvaluateRefuses(t *testing.T) {
	env, ctx := toy.Env(t), context.Background()
	unlabelled, broken := colourNet(), colourNet()
	clear(unlabelled.Meta)
	broken.Node("fc.weight").Value[0] = float32(math.NaN())
	for want, g := range map[string]*graph.Graph{
		"0 labels for 4 outputs":  unlabelled,
		"not finite numbers":      broken,
		"want N×H×W×3":            toy.New(8, 1).Vector().Linear("fc", 2).Model("a", "b"),
		"a classifier has one, N": toy.New(8, 3).Conv("a", 3, 1).Model(toy.Classes...),
	} {
		if _, err := Evaluate(ctx, env, g, colours(t), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Evaluate(cancelled, env, colourNet(), colours(t), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestHarmonic(t *testing.T) {
	report := func(accuracies ...float64) *Report {
		r := &Report{PerClass: map[string]ClassReport{}}
		for i, a := range accuracies {
			r.PerClass[fmt.Sprint(i)] = ClassReport{Images: 9, Accuracy: a}
		}
		return r
	}
	for _, c := range []struct {
		r    *Report
		want float64
	}{{report(), 0}, {report(0.5), 0.5}, {report(1, 1), 1}, {report(0.5, 1), 2 / 3.0}, {report(0.9, 0, 1), 0}, {report(0.25, 0.5, 1), 3 / 7.0}} {
		toy.Near(t, fmt.Sprintf("harmonic mean of %v", c.r.PerClass), c.r.Harmonic(), c.want, 1e-12)
	}
}

// TestPredict: probabilities by name; what is a distribution already is left alone.
func TestPredict(t *testing.T) {
	s := colours(t)[4]
	p, err := NewPredictor(toy.Env(t), colourNet())
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.File(s.Path)
	if err != nil {
		t.Fatal(err)
	}
	if r.Image != s.Path || r.Class != "blue" || len(r.Scores) != 4 {
		t.Errorf("%+v", r)
	}
	toy.Near(t, "score", r.Score, math.Exp(-nll(2, 0, 0.5, 1.5, -1)), 1e-5)
	toy.Near(t, "score of green", r.Scores["green"], math.Exp(-nll(1, 0, 0.5, 1.5, -1)), 1e-5)
	if _, err := p.File(s.Path + "x"); !errors.Is(err, data.ErrUnusable) {
		t.Errorf("error %v, want %v", err, data.ErrUnusable)
	}
	for i, v := range softmax([]float32{0.25, 0.75, 0}) {
		toy.Near(t, "probability", v, []float64{0.25, 0.75, 0}[i], 0)
	}
}
