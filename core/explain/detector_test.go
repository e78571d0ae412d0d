package explain

import (
	"context"
	"image"
	"math"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/pruning"
)

// detectorRun is a finished run that made a detector of a small classifier and pruned it.
func detectorRun(t *testing.T, env graph.Env, letterbox bool) *train.Run {
	t.Helper()
	c := train.DetectDefaults()
	c.Model, c.Env, c.RunDir = toy.Backbone(), env, t.TempDir()
	c.Data = &data.Splits{Classes: []string{"red", "blue"}, Train: toy.Squares(t, toy.Folder(t, "train"), 24), Test: toy.Squares(t, toy.Folder(t, "test"), 12)}
	c.Detect = &train.Detect{Letterbox: letterbox, Head: detect.Head{Strides: []int{4, 8}, Width: 16, Depth: 1, Seed: 1}}
	c.Rate, c.Backbone, c.HeadSteps, c.Epochs, c.Augment = 1e-2, 1, 8, 12, data.Augment{Flip: 0.5}
	c.Prune = train.DefaultPrune("fusion", pruning.Budget{Of: "macs", Share: 0.7})
	c.Prune.Turns, c.Prune.TurnUpdates, c.Prune.FinalEpochs, c.Prune.Tolerance = 2, 8, 2, 1
	return finished(t, c)
}

// TestExplainDetector: cards count boxes by class, with background behind; accuracies are average precisions; the share of
// relevance inside the boxes is that of eval; every changed picture says what changed.
func TestExplainDetector(t *testing.T) {
	env := toy.Env(t)
	run := detectorRun(t, env, true)
	x, err := Explain(context.Background(), run, Options{Env: env, Cards: 8})
	if err != nil {
		t.Fatal(err)
	}
	if !x.Detector || len(x.Cards) != 8 || x.Before.Map50 <= 0 || x.After.MACs >= x.Before.MACs || !slices.Equal(x.Kinds(), []string{"red", "blue", "background"}) {
		t.Fatalf("%d cards, AP@.5 %v, kinds %v", len(x.Cards), x.Before.Map50, x.Kinds())
	}
	count := make([]int, 3)
	for _, s := range run.Train {
		for _, b := range s.Boxes {
			count[b.Class]++
		}
	}
	for _, c := range x.Cards {
		if len(c.Pooled) != 3 || len(c.Pooled[0]) != count[0] || len(c.Pooled[1]) != count[1] || len(c.Pooled[2]) == 0 {
			t.Fatalf("%s: %d, %d and %d boxes, want %v", c.Layer, len(c.Pooled[0]), len(c.Pooled[1]), len(c.Pooled[2]), count)
		}
		if b := c.Between; b[0] > c.Omega+0.05 || b[1] < c.Omega-0.05 || b[0] < 0 || b[1] > 1 {
			t.Errorf("%s: ω² %v, on redrawn images %v", c.Layer, c.Omega, b)
		}
		if w := c.Without; w == nil || len(w.PerClass) != 2 || math.Abs(w.Accuracy-(w.PerClass[0]+w.PerClass[1])/2) > 1e-9 {
			t.Errorf("%s: without it %+v", c.Layer, c.Without)
		}
		for _, p := range c.Patches {
			if p.Class < 0 || p.Class > 2 || p.Box[0] >= p.Box[2] || p.Box[3] > 1+1e-9 {
				t.Errorf("%s: patch %+v", c.Layer, p)
			}
		}
	}
	dense, err := detect.Measure(context.Background(), env, run.Dense, run.Judges, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	toy.Near(t, "AP@.5 by class of the whole network", (x.Whole[0]+x.Whole[1])/2, dense.Map50, 1e-3)
	toy.Near(t, "AP@.5 before the turns", x.Turns[0].Accuracy, dense.Map50, 1e-9)
	s := &score.Scorer{Ctx: context.Background(), Env: env, Samples: run.Tested, Classes: 2, Seed: 1}
	inside, err := s.Inside(run.Net)
	if err != nil {
		t.Fatal(err)
	}
	toy.Near(t, "share of relevance inside the boxes", x.Relevance.After, inside, 0.02)
	for _, m := range x.Relevance.Maps {
		if m.Scene == nil || len(m.Scene.Objects) == 0 {
			t.Errorf("%s: no boxes with its map", m.Image)
		}
	}
	for _, s := range x.Scenes {
		if !s.changed() {
			t.Errorf("%s: nothing changed", s.Name)
		}
	}
	checkNumbers(t, x)
}

// TestShaped: the networks of turns, made again for timing, have the multiply-adds that the run counted, also where a block
// went and where a turn was taken back.
func TestShaped(t *testing.T) {
	env, g := toy.Env(t), toy.SmallNet("x", "y")
	for i := range g.Node("c.weight").Value {
		g.Node("c.weight").Value[i] *= 1e-3
	}
	for _, run := range []*train.Run{
		runOf(t, env, g, func(p *train.Prune) { p.Budget.Share, p.Turns, p.Blocks = 0.24, 2, true }),
		runOf(t, env, toy.SmallNet("x", "y"), func(p *train.Prune) { p.Tolerance = 0; p.TurnRate = 0; p.Distill = 0 }),
	} {
		e := &explainer{Options: Options{Env: env}, ctx: context.Background(), run: run, out: &Explanation{Turns: make([]Turn, len(run.Turns)+1)}}
		if err := e.pace(); err != nil {
			t.Fatal(err)
		}
		for i, turn := range run.Turns {
			g, err := e.shaped(i)
			if err != nil {
				t.Fatal(err)
			}
			if g.MACs() != turn.MACs || e.out.Turns[i+1].Latency <= 0 {
				t.Errorf("turn %d, accepted %v: %d multiply-adds, want %d; %v ms", turn.Turn, turn.Accepted, g.MACs(), turn.MACs, e.out.Turns[i+1].Latency)
			}
		}
	}
}

// TestScene: of three objects one is lost and one found by pruning, and a second box on an object is a new false alarm.
func TestScene(t *testing.T) {
	e := &explainer{run: &train.Run{Classes: []string{"a", "b"}}}
	at := func(class int, x float32) detect.Detection {
		return detect.Detection{Class: class, Score: 0.9, XMin: x, XMax: x + 10, YMax: 10}
	}
	boxes := []data.Box{{Class: 0, XMin: 0, XMax: 10, YMax: 10}, {Class: 1, XMin: 20, XMax: 30, YMax: 10}, {Class: 0, XMin: 40, XMax: 50, YMax: 10}}
	s := e.scene(data.Sample{Name: "p", Boxes: boxes}, []detect.Detection{at(0, 1), at(1, 21), at(1, 41)}, []detect.Detection{at(0, 1), at(0, 2), at(0, 41), at(1, 80)})
	if s.Found != 1 || s.Lost != 1 || s.Alarms != 1 || !s.changed() || len(s.Objects) != 3 || s.Objects[1].Class != "b" {
		t.Errorf("%+v", s)
	}
}

// TestFrame: in a letterbox of 40×20 a picture of 10×10 takes the middle; places in it have the class of the smallest box.
func TestFrame(t *testing.T) {
	pre := data.Preprocess{Width: 40, Height: 20, Letterbox: true}
	f := pictureFrame{pre, image.Pt(10, 10), pre.ToInput(10, 10), 2}
	if got, want := f.shares([4]float64{0.25, 0, 0.5, 1}), ([4]float64{0, 0, 0.5, 1}); got != want {
		t.Errorf("shares %v, want %v", got, want)
	}
	s := data.Sample{Boxes: []data.Box{{Class: 0, XMax: 10, YMax: 10}, {Class: 1, XMin: 2, XMax: 4, YMin: 2, YMax: 4}}}
	if in, out, none := f.class(s, 0.3, 0.3), f.class(s, 0.9, 0.9), f.class(data.Sample{Boxes: s.Boxes[1:]}, 0.9, 0.9); in != 1 || out != 0 || none != 2 {
		t.Errorf("classes %d, %d and %d", in, out, none)
	}
	h := score.Heat{Height: 20, Width: 40, Values: make([]float32, 800)}
	h.Values[10], h.Values[19*40+29], h.Values[9] = 1, 2, 4
	if c := f.crop(h); c.Width != 20 || c.Height != 20 || c.Values[0] != 1 || c.Values[399] != 2 {
		t.Errorf("cropped to %d×%d: %v", c.Height, c.Width, c.Values)
	}
}

// TestRedrawn: with all rows of an image alike, ω² of boxes is less sure than if each were an image of its own.
func TestRedrawn(t *testing.T) {
	var x []float64
	var labels, together, apart []int
	for i := range 12 {
		for k := range 6 {
			x, labels = append(x, float64(i*7%12)+float64(i%2)), append(labels, i%2)
			together, apart = append(together, i), append(apart, 6*i+k)
		}
	}
	wide, narrow := redrawn(x, labels, together, 1), redrawn(x, labels, apart, 1)
	if wide[1]-wide[0] <= narrow[1]-narrow[0] || wide[0] < 0 || wide[1] > 1 {
		t.Errorf("%v by images of six boxes, %v by boxes", wide, narrow)
	}
}
