package score

import (
	"context"
	"math"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/pruning/groups"
)

// normedScorer looks at 20 pictures, one class after the other.
func normedScorer(t *testing.T) *Scorer {
	samples := toy.Pictures(t, toy.Folder(t, "estimate"), 7, 40)[:20]
	return &Scorer{Ctx: context.Background(), Env: toy.Env(t), Samples: samples, Classes: 3, Seed: 1}
}

// TestReestimateUncut leaves a network alone from which nothing was cut, whatever its statistics.
func TestReestimateUncut(t *testing.T) {
	g := toy.SmallNet(toy.Classes...)
	h := g.Copy()
	if err := normedScorer(t).Reestimate(h, g, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.bn.mean", "a.bn.var"} {
		for c, v := range h.Node(name).Value {
			toy.Near(t, name, float64(v), float64(g.Node(name).Value[c]), 1e-5)
		}
	}
}

// TestReestimateFollows: a layer in front of the normalization whose outputs are scaled and shifted
// changes nothing behind it.
func TestReestimateFollows(t *testing.T) {
	g := toy.SmallNet(toy.Classes...)
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
	want, err := eval.Forward(s.Ctx, s.Env, g, s.Samples, 3)
	if err != nil {
		t.Fatal(err)
	}
	got, err := eval.Forward(s.Ctx, s.Env, h, s.Samples, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		toy.Near(t, "logit", float64(got[i]), float64(want[i]), 1e-3)
	}
}

// TestReestimateCut: what a normalization gives for the images has the mean and variance of before,
// channel for channel that stays.
func TestReestimateCut(t *testing.T) {
	l := toy.New(8, 3).Conv("a", 16, 1).Conv("b", 8, 1).Norm("b.bn")
	g := l.Vector().Linear("fc", 3).Model(toy.Classes...)
	st, err := groups.Find(g)
	if err != nil {
		t.Fatal(err)
	}
	remove := map[int][]int{st.Named("a").ID: {0, 3, 4, 5, 9}, st.Named("b").ID: {2, 6}}
	s := normedScorer(t)
	h, change, err := s.Apply(st, remove, Rebuild)
	if err != nil {
		t.Fatal(err)
	}
	s = s.mixed()
	given := func(g *graph.Graph) []float32 {
		sub, _, err := g.Sub(nil, []*graph.Node{g.Node("b.bn")})
		if err != nil {
			t.Fatal(err)
		}
		v, err := eval.Forward(s.Ctx, s.Env, sub, s.Samples, 3)
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
		m0, v0 := toy.Moments(before, change.Origin("b.bn.mean", 0, c), 8)
		m1, v1 := toy.Moments(after, c, 6)
		toy.Near(t, "mean", m1, m0, 1e-4)
		toy.Near(t, "deviation", math.Sqrt(v1), math.Sqrt(v0), 1e-3)
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
