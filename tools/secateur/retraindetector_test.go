package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/tools/secateur/box"
)

// newDetectorBox is a box whose golden set has boxes, with a live detector that was retrained from an untrained one.
func newDetectorBox(t *testing.T) *boxFixture {
	t.Helper()
	b := emptyBox(t)
	b.Rules.Margin = 0.03
	writeSquares(b.Golden, 24, 77, nil)
	if _, err := accept.Seal(b.Golden, true); err != nil {
		t.Fatal(err)
	}
	r := b.squaresJob("first", 40, 40005, nil)
	r.Base = filepath.Join(b.dir, "untrained.secateur")
	must(checkpoint.SaveModel(r.Base, untrainedFinder()))
	s, err := b.Retrain(context.Background(), r, io.Discard)
	if err != nil {
		t.Fatalf("the first retraining: %v", err)
	}
	t.Logf("live: AP@.5 %.3f on the golden set, at %.2f recall %.3f and precision %.3f", s.Verdict.Candidate.Map50, s.Verdict.Candidate.Threshold,
		s.Verdict.Candidate.Recall, s.Verdict.Candidate.Precision)
	return b
}

// untrainedFinder is a detector of the squares that has seen none yet.
func untrainedFinder() *graph.Graph {
	g, _, err := tinyNet(lineClasses).WithSize(32, 32)
	must(err)
	g, err = detect.Head{Strides: []int{4}, Width: 16, Depth: 1, Seed: 1}.AddHead(g, squareClasses)
	must(err)
	return g
}

// squaresJob is a retraining on new pictures, labelled as told.
func (b *boxFixture) squaresJob(name string, epochs int, seed uint64, label func(picture int, s labelled) labelled) box.Retrain {
	r := b.job(name, 1)
	writeSquares(r.Folder, 32, seed, label)
	r.Epochs, r.HeadSteps, r.Backbone, r.Augment = epochs, 8, 1, data.Augment{Flip: 0.5, FlipUp: 0.5}
	return r
}

// TestDetectorRetrains: a good retraining of a live detector goes live, without the golden pictures among its own; bad
// ones do not, and the live model is as it was. SECATEUR_BAD_RETRAINS is how many, one of each sort without.
func TestDetectorRetrains(t *testing.T) {
	b := newDetectorBox(t)
	r := b.squaresJob("good", 12, 12004, nil)
	copyFile(t, filepath.Join(b.Golden, "00.png"), filepath.Join(r.Folder, "31.png"))
	var log bytes.Buffer
	s, err := b.Retrain(context.Background(), r, &log)
	if err != nil || !s.Verdict.Accepted || !s.Verdict.Live.Detector {
		t.Fatalf("a good retraining: %+v, %v", s, err)
	}
	if !strings.Contains(log.String(), "1 pictures are of the golden set") {
		t.Errorf("log %s", &log)
	}
	if err := b.Models.Confirm(); err != nil {
		t.Fatal(err)
	}
	for i := range badRetrains(len(badSquares)) {
		b.badDetector(t, i)
	}
}

// badDetector spoils a retraining in one of the ways, as the box's rules have it; where only doubt of the labels keeps it out,
// once more with nobody who doubts, so that the golden set alone judges. What did no harm there is told, and taken back.
func (b *boxFixture) badDetector(t *testing.T, i int) {
	t.Helper()
	way, rng := badSquares[i%len(badSquares)], rand.New(rand.NewPCG(uint64(i), 19))
	what, label := way.spoil(rng)
	r := b.squaresJob(fmt.Sprintf("bad%d", i), 12, uint64(1000+i), label)
	r.Seed = uint64(i)
	if way.damage != nil {
		g := untrainedFinder()
		way.damage(g, rng)
		r.Base = filepath.Join(b.dir, "damaged.secateur")
		must(checkpoint.SaveModel(r.Base, g))
	}
	_, err := b.retrainBad(t, what, r)
	if err == nil {
		t.Errorf("%s: went live", what)
	}
	if !way.teaches || !errors.Is(err, data.ErrUnusable) {
		return
	}
	r.Doubt.Share, r.RunDir = 1, r.RunDir+"-believed"
	s, err := b.retrainBad(t, what+", believed", r)
	switch {
	case err == nil && !way.harmless:
		t.Errorf("%s: the golden set lets it pass", what)
	case err == nil:
		t.Logf("%s, believed: no harm, AP@.5 %.3f, class by class %.3f and %.3f, precision %.3f", what, s.Verdict.Candidate.Map50, s.Verdict.Candidate.Objects["blue"].AP50,
			s.Verdict.Candidate.Objects["red"].AP50, s.Verdict.Candidate.Precision)
	case !errors.Is(err, accept.ErrRefused) || !strings.Contains(string(s.Model.Report), `"candidate":{"images":24`):
		t.Errorf("%s, believed: %v, want the golden set to refuse it, and its report", what, err)
	}
}

// retrainBad retrains, and has model 2 live in the end; one that went live is taken back.
func (b *boxFixture) retrainBad(t *testing.T, what string, r box.Retrain) (*box.Staged, error) {
	t.Helper()
	s, err := b.Retrain(t.Context(), r, io.Discard)
	if err == nil {
		_, e := b.Models.Rollback("by the test")
		must(e)
	}
	if st, _, err := b.Models.State(); err != nil || st.Live != 2 || st.Trial != nil {
		t.Fatalf("%s: state %+v, %v", what, st, err)
	}
	if err != nil {
		t.Logf("%s: %v", what, err)
	}
	return s, err
}

// badSquares are ways to spoil a retraining of squares: labels that say what is not there, or a network to begin with.
var badSquares = []struct {
	spoil    func(rng *rand.Rand) (what string, label func(picture int, s labelled) labelled)
	damage   func(g *graph.Graph, rng *rand.Rand)
	teaches  bool // something can be trained on the labels
	harmless bool // a network that believes them may be as good as before on the golden set
}{
	{spoil: flippedSquares, teaches: true, harmless: true},
	{spoil: flippedSquares, teaches: true, harmless: true},
	{spoil: func(*rand.Rand) (string, func(int, labelled) labelled) {
		return "classes swapped", otherClass
	}, teaches: true},
	{spoil: shiftedSquares, teaches: true},
	{spoil: func(*rand.Rand) (string, func(int, labelled) labelled) { return "one class only", redOnly }},
	{spoil: func(*rand.Rand) (string, func(int, labelled) labelled) { return "weights that are no numbers", nil },
		damage: func(g *graph.Graph, rng *rand.Rand) {
			for _, n := range g.Role(graph.Param) {
				n.Value[rng.IntN(len(n.Value))] = float32(math.NaN())
			}
		}},
	{spoil: func(*rand.Rand) (string, func(int, labelled) labelled) { return "pixels that are no numbers", nil },
		damage: func(g *graph.Graph, rng *rand.Rand) {
			p := g.Preprocess()
			p.Std[rng.IntN(3)] = 0
			g.SetPreprocess(p)
		}},
}

// flippedSquares gives 5 to 40 % of the boxes the other class.
func flippedSquares(rng *rand.Rand) (string, func(int, labelled) labelled) {
	share, due := 0.05+0.35*rng.Float64(), rng.Float64()
	return fmt.Sprintf("%.0f %% of the labels flipped", 100*share), func(picture int, s labelled) labelled {
		if due += share; due >= 1 {
			due--
			return otherClass(picture, s)
		}
		return s
	}
}

// shiftedSquares moves every box by half of its size, one way or the other.
func shiftedSquares(rng *rand.Rand) (string, func(int, labelled) labelled) {
	x, y := 1-2*rng.IntN(2), 1-2*rng.IntN(2)
	return fmt.Sprintf("boxes shifted by half to %d, %d", x, y), func(_ int, s labelled) labelled {
		s.at = s.at.Add(image.Pt(x*s.at.Dx()/2, y*s.at.Dy()/2)).Intersect(image.Rect(0, 0, 32, 32))
		return s
	}
}

func redOnly(_ int, s labelled) labelled { s.class = 1; return s }

func otherClass(_ int, s labelled) labelled { s.class = 1 - s.class; return s }
