package explain

import (
	"context"
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
)

// smallRun is a finished run that pruned a small network.
func smallRun(t *testing.T, env graph.Env) *train.Run {
	t.Helper()
	return runOf(t, env, toy.SmallNet("x", "y"), func(*train.Prune) {})
}

// runOf is a finished run of a network of which half goes, unless change says otherwise.
func runOf(t *testing.T, env graph.Env, model *graph.Graph, change func(*train.Prune)) *train.Run {
	t.Helper()
	c := train.Defaults()
	c.Model, c.Env, c.RunDir = model, env, t.TempDir()
	c.Data = &data.Splits{Classes: toy.Classes, Train: toy.Pictures(t, toy.Folder(t, "train"), 8, 60), Test: toy.Pictures(t, toy.Folder(t, "test"), 6, 60)}
	c.HeadSteps, c.Epochs = 5, 2
	c.Prune = train.DefaultPrune("fusion", pruning.Budget{Of: "macs", Share: 0.6})
	c.Prune.Turns, c.Prune.TurnUpdates, c.Prune.FinalEpochs, c.Prune.Tolerance = 3, 4, 1, 1
	change(c.Prune)
	return finished(t, c)
}

// finished is a run from its folder, done.
func finished(t *testing.T, c train.Config) *train.Run {
	t.Helper()
	if _, err := train.Adapt(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	r, err := train.OpenRun(c.RunDir, "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestExplain: every removed filter has a reason, cards are complete, and what is said of the network without a
// filter is what the criteria's probe finds.
func TestExplain(t *testing.T) {
	env := toy.Env(t)
	run := smallRun(t, env)
	x, err := Explain(context.Background(), run, Options{Env: env, Cards: 10})
	if err != nil {
		t.Fatal(err)
	}
	removed := 0
	for _, l := range x.Layers {
		n := 0
		for _, k := range l.Reasons {
			n += k
		}
		if n != l.Before-l.After {
			t.Errorf("%s: %d reasons for %d removed filters", l.Name, n, l.Before-l.After)
		}
		if w := run.Net.Node(l.Name + ".weight"); w.Shape[0] != l.After {
			t.Errorf("%s: %d filters after pruning, the network has %d", l.Name, l.After, w.Shape[0])
		}
		removed += n
	}
	if removed == 0 || len(x.Cards) != 10 || len(x.Turns) != len(run.Turns)+1 || x.After.MACs >= x.Before.MACs {
		t.Fatalf("%d filters removed, %d cards, %d turns", removed, len(x.Cards), len(x.Turns))
	}
	kept := 0
	for _, c := range x.Cards {
		checkCard(t, x, &c)
		if !c.Removed {
			kept++
		}
	}
	if kept != 2 {
		t.Errorf("%d cards of kept filters, want 2 of 10", kept)
	}
	checkWithout(t, env, run, x)
	if r := x.Relevance; r == nil || len(r.Maps) != mostShown || r.Images != 0 {
		t.Fatalf("relevance %+v", r)
	}
	for _, m := range x.Relevance.Maps[:3] {
		sum := 0.0
		for i := range m.Before {
			sum += m.Before[i] - m.After[i]
		}
		toy.Near(t, "relevance before less that after, both shares", sum, 0, 1e-6)
	}
	checkNumbers(t, x)
}

// TestExplainBlock: filters that went with their residual block have cards that say so, and a layer that is gone as a whole
// is told of like others.
func TestExplainBlock(t *testing.T) {
	env, g := toy.Env(t), toy.SmallNet("x", "y")
	for i := range g.Node("c.weight").Value {
		g.Node("c.weight").Value[i] *= 1e-3
	}
	run := runOf(t, env, g, func(p *train.Prune) { p.Budget.Share, p.Turns, p.Blocks = 0.24, 2, true })
	x, err := Explain(context.Background(), run, Options{Env: env, Cards: 10})
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, c := range x.Cards {
		if c.Layer == "b" && strings.HasPrefix(c.Sentence, "It went with the whole of residual block sum. ") {
			told++
		}
	}
	for _, l := range x.Layers {
		if l.Name == "b" && (l.Before != 16 || l.After != 0) {
			t.Errorf("the layer inside the block: %d filters, %d after", l.Before, l.After)
		}
	}
	if told == 0 || run.Net.Node("b") != nil {
		t.Errorf("%d cards tell of the block, the network has its branch: %v", told, run.Net.Node("b") != nil)
	}
	checkNumbers(t, x)
}

func checkCard(t *testing.T, x *Explanation, c *Card) {
	t.Helper()
	what := c.Layer
	if c.Sentence == "" || c.Without == nil || len(c.Ranks) != len(x.Criteria) || len(c.Without.PerClass) != len(x.Classes) || c.Removed != (c.Turn > 0) {
		t.Errorf("%s: incomplete card %+v", what, c)
	}
	images := 0
	for _, v := range c.Pooled {
		images += len(v)
	}
	if images != x.Images || c.P <= 0 || c.P > 1 || c.Omega < 0 || c.Omega > 1 {
		t.Errorf("%s: %d images, ω² %v, p %v", what, images, c.Omega, c.P)
	}
	for _, r := range c.Ranks {
		if r != -1 && (r < 0 || r > 1) {
			t.Errorf("%s: percentile %v", what, r)
		}
	}
	for i, p := range c.Patches {
		if p.Box[0] < 0 || p.Box[1] < 0 || p.Box[2] > 1+1e-9 || p.Box[3] > 1+1e-9 || p.Box[0] >= p.Box[2] || i > 0 && p.Value > c.Patches[i-1].Value {
			t.Errorf("%s: patch %+v", what, p)
		}
	}
	if n := c.Nearest; n == nil || n.Filter == c.Filter || math.Abs(n.Correlation) > 1 {
		t.Errorf("%s: nearest %+v", what, n)
	}
}

// checkWithout compares with the probe that criteria use. Turns were judged on the training images, so the probe's
// images are the same.
func checkWithout(t *testing.T, env graph.Env, run *train.Run, x *Explanation) {
	t.Helper()
	c := x.Cards[0]
	st, err := groups.Find(run.Dense)
	if err != nil {
		t.Fatal(err)
	}
	s := &score.Scorer{Ctx: context.Background(), Env: env, Samples: run.Judges, Classes: len(run.Classes)}
	p, err := s.Probe(st, st.Named(c.Layer))
	if err != nil {
		t.Fatal(err)
	}
	keep := make([]float64, len(c.layer.group.Units))
	for i := range keep {
		keep[i] = 1
	}
	whole, err := p.Losses(keep, true)
	if err != nil {
		t.Fatal(err)
	}
	keep[c.unit] = 0
	without, err := p.Losses(keep, true)
	if err != nil {
		t.Fatal(err)
	}
	toy.Near(t, "loss without filter", c.Without.Loss, mean(without)-mean(whole), 1e-5)
}

// checkNumbers: the data can be printed, and ranks agree with themselves.
func checkNumbers(t *testing.T, x *Explanation) {
	t.Helper()
	if _, err := json.Marshal(x); err != nil {
		t.Error(err)
	}
	own := false
	for i, row := range x.Agreement {
		toy.Near(t, x.Criteria[i].Name+" with itself", row[i], 1, 1e-9)
		own = own || x.Criteria[i].Family == "fusion"
		for j, r := range row {
			if math.Abs(r) > 1+1e-9 || r != x.Agreement[j][i] {
				t.Errorf("%s and %s agree by %v", x.Criteria[i].Name, x.Criteria[j].Name, r)
			}
		}
	}
	if !own {
		t.Error("no ranks by the run's own criterion")
	}
	for _, name := range []string{"lrp", "obs", "jmi", "fisher-margin"} {
		if !slices.ContainsFunc(x.Criteria, func(c Criterion) bool { return c.Name == name }) {
			t.Errorf("no ranks by %s", name)
		}
	}
	for _, f := range x.Changed {
		if f.Before.Class == f.After.Class || filepath.Base(f.Path) == "" {
			t.Errorf("changed decision %+v", f)
		}
	}
}

// TestCompareMaps: shares inside the marked halves, by hand, and a picture of each class first.
func TestCompareMaps(t *testing.T) {
	left, top := score.Heat{Height: 56, Width: 56, Values: make([]float32, 56*56)}, score.Heat{Height: 56, Width: 56, Values: make([]float32, 56*56)}
	half := make(data.Region, data.RegionSide*data.RegionSide)
	for i := range left.Values {
		if i%56 < 28 {
			left.Values[i] = 2
			half[i] = 1
		}
		if i < 28*56 {
			top.Values[i] = 0.1
		}
	}
	samples := []data.Sample{{Name: "a", Class: 1}, {Name: "b", Class: 1}, {Name: "c", Class: 0}}
	heats := []score.Heat{left, left, top}
	r := compareMaps(samples, heats, []score.Heat{top, left, top}, []data.Region{half, half, nil}, insideCells)
	if r.Images != 2 || r.Maps[0].Image != "a" || r.Maps[1].Image != "c" || r.Maps[2].Image != "b" {
		t.Errorf("%d images, maps of %s, %s, %s", r.Images, r.Maps[0].Image, r.Maps[1].Image, r.Maps[2].Image)
	}
	toy.Near(t, "share before", r.Before, 1, 1e-6)
	toy.Near(t, "share after", r.After, 0.75, 1e-6)
	toy.Near(t, "area", r.Area, 0.5, 1e-6)
}

// TestReason: the first that holds, in the order of the reference.
func TestReason(t *testing.T) {
	plain := facts{active: 0.5, residual: 0.5, correlation: 0.3, p: 0.01, inside: math.NaN(), outside: math.NaN(), usage: 0.5, nearest: 12, cost: 0.004, influence: 0.001}
	with := func(change func(*facts)) *facts {
		f := plain
		change(&f)
		return &f
	}
	for _, c := range []struct {
		f        *facts
		reason   Reason
		sentence string
	}{
		{&plain, Cheap, "Little use for its cost: 0.4 % of the multiply-adds, 0.1 % of its layer's influence on the decision."},
		{with(func(f *facts) { f.active, f.correlation = 0.009, 1 }), Silent, "It hardly ever responds on your parts."},
		{with(func(f *facts) { f.correlation = -0.96 }), Duplicate, "Filter 12 sees the same thing."},
		{with(func(f *facts) { f.residual = 0.01 }), Duplicate, "The kept filters together see the same thing, filter 12 most of all."},
		{with(func(f *facts) { f.residual, f.nearest = 0.01, -1 }), Cheap, ""},
		{with(func(f *facts) { f.without, f.p = &Without{Loss: -0.1, P: 0.01}, 0.9 }), Harmful, "Removing it makes mistakes rarer."},
		{with(func(f *facts) { f.without = &Without{Loss: 0.1, P: 0.01} }), Cheap, ""},
		{with(func(f *facts) { f.without = &Without{Loss: -0.1, P: 0.2} }), Cheap, ""},
		{with(func(f *facts) { f.p, f.usage = 0.21, 0 }), Uninformative, "It responds alike on all classes of parts."},
		{with(func(f *facts) { f.p, f.finds = 0.21, true }), Uninformative, "It responds alike on all objects and on what lies between them."},
		{with(func(f *facts) { f.inside, f.outside = 0, 0.2 }), Background, "It looks at the background, not at the part."},
		{with(func(f *facts) { f.usage = 0.05 }), SourceOnly, "A leftover of the earlier training: no effect here."},
	} {
		if r := c.f.reason(); r != c.reason {
			t.Errorf("%+v: %s, want %s", c.f, r, c.reason)
		}
		if s := c.f.sentence(c.reason, 8); c.sentence != "" && s != c.sentence {
			t.Errorf("%q, want %q", s, c.sentence)
		}
	}
	if s := plain.sentence(Rounding, 8); s != "Kept: the width must be a multiple of 8." {
		t.Error(s)
	}
}

// TestSpread: every layer and reason gets its turn before one gets a second.
func TestSpread(t *testing.T) {
	var cards []*Card
	for i := range 9 {
		cards = append(cards, &Card{Layer: "a", Reason: Cheap, Filter: i})
	}
	cards = append(cards, &Card{Layer: "b", Reason: Cheap}, &Card{Layer: "a", Reason: Silent})
	got := spread(cards, 4)
	if len(got) != 4 || got[0].Filter != 0 || got[1].Filter != 1 || got[2].Layer != "b" || got[3].Reason != Silent {
		t.Errorf("%+v", got)
	}
	if n := len(spread(cards, 99)); n != len(cards) {
		t.Errorf("%d of %d cards", n, len(cards))
	}
}

// TestField by hand: 3×3 windows of stride 2 see 3, then 7 pixels, and the padding over the edge.
func TestField(t *testing.T) {
	g := toy.New(16, 3).Conv("a", 4, 2).Conv("b", 4, 2).Model()
	for name, want := range map[string][4]float64{"a": {-1. / 16, 3. / 16, 2. / 16, 6. / 16}, "b": {-3. / 16, 5. / 16, 4. / 16, 12. / 16}} {
		if got := field(g.Node(name), 2, 0); got != want {
			t.Errorf("%s sees %v, want %v", name, got, want)
		}
	}
	if got, want := framed([4]float64{-0.1, 0.5, 0, 0.51}), ([4]float64{0, 0.505 - leastSide/2, leastSide, 0.505 + leastSide/2}); math.Abs(got[1]-want[1])+math.Abs(got[3]-want[3])+got[0]+math.Abs(got[2]-want[2]) > 1e-9 {
		t.Errorf("frame %v, want %v", got, want)
	}
	if got, want := framed([4]float64{-1, -1, 2, 2}), ([4]float64{0.25, 0.25, 0.75, 0.75}); got != want {
		t.Errorf("frame %v, want %v", got, want)
	}
}

// TestSignTest: differences of one sign are hardly ever as large by chance, balanced ones are.
func TestSignTest(t *testing.T) {
	var one, both []float64
	for i := range 20 {
		one = append(one, 1+float64(i%3))
		both = append(both, math.Pow(-1, float64(i)))
	}
	if p := signTest(one, 1); p > 0.01 {
		t.Errorf("p %v of differences of one sign", p)
	}
	if p := signTest(both, 1); p < 0.5 {
		t.Errorf("p %v of balanced differences", p)
	}
}
