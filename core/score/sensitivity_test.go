package score

import (
	"context"
	"math"
	"testing"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// TestSensitivityCurves holds that a curve begins at the network's own loss and takes units in the selector's order,
// and that every group that scores has one.
func TestSensitivityCurves(t *testing.T) {
	g := smoothNet()
	st, err := groups.Find(g)
	if err != nil {
		t.Fatal(err)
	}
	samples := toy.Pictures(t, toy.Folder(t, "curves"), 3, 61)
	s := &Scorer{Ctx: context.Background(), Env: toy.Env(t), Samples: samples, Classes: 3}
	l1, err := criteria.Lookup("l1")
	if err != nil {
		t.Fatal(err)
	}
	r, err := pruning.Rank(l1, st, pruning.Limits{Streams: true}, func(*groups.Group) (*criteria.Matrices, error) { return &criteria.Matrices{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	curves, err := s.Sensitivity(st, r)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := eval.Evaluate(s.Ctx, s.Env, g, samples, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, free := range st.Free() {
		c := curves[free.ID]
		if len(c) != 10 || math.Abs(c[0]-whole.Loss) > 1e-4 {
			t.Fatalf("%s: %v, want ten points from %g", free.Name, c, whole.Loss)
		}
		p, err := s.Probe(st, free)
		if err != nil {
			t.Fatal(err)
		}
		keep := make([]float64, len(free.Units))
		for _, u := range r.Scores[free.ID].Order[len(keep)/2+len(keep)%2:] {
			keep[u] = 1
		}
		half, err := p.Losses(keep, true)
		if err != nil {
			t.Fatal(err)
		}
		toy.Near(t, free.Name+" at half", c[5], mean(half), 1e-9)
	}
}
