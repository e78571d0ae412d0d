package train

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/pruning/groups"
)

// momentsOf is mean and biased variance of every c-th value from i on.
func momentsOf(v []float32, i, c int) (mean, variance float64) {
	n := float64(len(v) / c)
	for k := i; k < len(v); k += c {
		mean += float64(v[k]) / n
	}
	for k := i; k < len(v); k += c {
		d := float64(v[k]) - mean
		variance += d * d / n
	}
	return mean, variance
}

// TestTrainNorm: torch.nn.BatchNorm2d in training: the output by the batch's biased variance, the
// running statistics by (1-m)·old + m·batch with the unbiased one.
func TestTrainNorm(t *testing.T) {
	g := newLayers(4, 3).norm("bn").model()
	old := g.Copy()
	b, _, err := g.WithBatch(2)
	if err != nil {
		t.Fatal(err)
	}
	trained, err := trainNorm(b, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(trained, plan.Options{Env: testEnv(t)})
	if err != nil {
		t.Fatal(err)
	}
	x := p.Data("input")
	for i := range x {
		x[i] = float32(math.Sin(float64(i*i))) + float32(i%3)
	}
	x = slices.Clone(x)
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	value := func(name string, c int) float64 { return float64(old.Node(name).Value[c]) }
	for c := range 3 {
		mean, variance := momentsOf(x, c, 3)
		rows := float64(len(x) / 3)
		near(t, "running mean", float64(g.Node("bn.mean").Value[c]), 0.9*value("bn.mean", c)+0.1*mean, 1e-6)
		near(t, "running variance", float64(g.Node("bn.var").Value[c]), 0.9*value("bn.var", c)+0.1*variance*rows/(rows-1), 1e-6)
		want := (float64(x[c])-mean)/math.Sqrt(variance+1e-5)*value("bn.gamma", c) + value("bn.beta", c)
		near(t, "output", float64(p.Data("bn")[c]), want, 1e-5)
	}
}

// normedScorer looks at 20 pictures, one class after the other.
func normedScorer(t *testing.T) *Scorer {
	samples := pictures(t, folder(t, "estimate"), 7, 40)[:20]
	return &Scorer{Ctx: context.Background(), Env: testEnv(t), Samples: samples, Classes: 3, Seed: 1}
}

// TestReestimateUncut leaves a network alone from which nothing was cut, whatever its statistics.
func TestReestimateUncut(t *testing.T) {
	g := smallNet(threeClasses...)
	h := g.Copy()
	if err := normedScorer(t).Reestimate(h, g, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.bn.mean", "a.bn.var"} {
		for c, v := range h.Node(name).Value {
			near(t, name, float64(v), float64(g.Node(name).Value[c]), 1e-5)
		}
	}
}

// TestReestimateFollows: a layer in front of the normalization whose outputs are scaled and shifted
// changes nothing behind it.
func TestReestimateFollows(t *testing.T) {
	g := smallNet(threeClasses...)
	h := g.Copy()
	for i := range h.Node("a.weight").Value {
		h.Node("a.weight").Value[i] *= 3
	}
	for i, v := range h.Node("a.bias").Value {
		h.Node("a.bias").Value[i] = 3*v + 5
	}
	s := normedScorer(t)
	if err := s.Reestimate(h, g, nil); err != nil {
		t.Fatal(err)
	}
	want, err := forward(s.Ctx, s.Env, g, s.Samples, 3)
	if err != nil {
		t.Fatal(err)
	}
	got, err := forward(s.Ctx, s.Env, h, s.Samples, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		near(t, "logit", float64(got[i]), float64(want[i]), 1e-3)
	}
}

// TestReestimateCut: what a normalization gives for the images has the mean and variance of before,
// channel for channel that stays.
func TestReestimateCut(t *testing.T) {
	l := newLayers(8, 3).conv("a", 16, 1).conv("b", 8, 1).norm("b.bn")
	g := l.vector().linear("fc", 3).model(threeClasses...)
	st, err := groups.Find(g)
	if err != nil {
		t.Fatal(err)
	}
	remove := map[int][]int{st.Named("a").ID: {0, 3, 4, 5, 9}, st.Named("b").ID: {2, 6}}
	s := normedScorer(t)
	h, change, err := s.Apply(st, remove)
	if err != nil {
		t.Fatal(err)
	}
	s = s.mixed()
	given := func(g *graph.Graph) []float32 {
		sub, _, err := g.Sub(nil, []*graph.Node{g.Node("b.bn")})
		if err != nil {
			t.Fatal(err)
		}
		v, err := forward(s.Ctx, s.Env, sub, s.Samples, 3)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	before, after := given(g), given(h)
	if n := h.Node("b.bn").Shape.Channels(); n != 6 {
		t.Fatalf("%d channels stay, want 6", n)
	}
	for c := range 6 {
		m0, v0 := momentsOf(before, change.Origin("b.bn.mean", 0, c), 8)
		m1, v1 := momentsOf(after, c, 6)
		near(t, "mean", m1, m0, 1e-4)
		near(t, "deviation", math.Sqrt(v1), math.Sqrt(v0), 1e-3)
	}
}

// TestMixed: batches of several classes, whole ones only.
func TestMixed(t *testing.T) {
	var s Scorer
	for i := range 40 {
		s.Samples = append(s.Samples, data.Sample{Class: i / 20})
	}
	m := s.mixed()
	ones := 0
	for _, x := range m.Samples[:16] {
		ones += x.Class
	}
	if len(m.Samples) != 32 || ones == 0 || ones == 16 {
		t.Errorf("%d samples, %d of the first 16 in class 1", len(m.Samples), ones)
	}
}

// TestTrainNormPadding: with batch statistics the last batch of an epoch is full.
func TestTrainNormPadding(t *testing.T) {
	j := &job{Config: Config{Batch: 16, TrainNorm: true, Data: &data.Splits{Classes: threeClasses}}}
	if o := j.loading(recipe{}); o.Last != data.WrapLast {
		t.Errorf("the last batch is %v", o.Last)
	}
	j.TrainNorm = false
	if o := j.loading(recipe{}); o.Last != data.PadLast {
		t.Errorf("the last batch is %v", o.Last)
	}
}
