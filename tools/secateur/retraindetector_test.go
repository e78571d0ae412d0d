package main

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
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
	r := b.squaresJob("first", 40, nil)
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
func (b *boxFixture) squaresJob(name string, epochs int, label func(picture int, s labelled) labelled) box.Retrain {
	r := b.job(name, 1)
	writeSquares(r.Folder, 32, uint64(len(name)+1000*epochs), label)
	r.Epochs, r.HeadSteps, r.Backbone, r.Augment = epochs, 8, 1, data.Augment{Flip: 0.5, FlipUp: 0.5}
	return r
}

// TestDetectorRetrains: a good retraining of a live detector goes live, without the golden pictures among its own; bad
// ones do not, and the live model is as it was.
func TestDetectorRetrains(t *testing.T) {
	b := newDetectorBox(t)
	r := b.squaresJob("good", 12, nil)
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
	for _, bad := range badSquares {
		r := b.squaresJob(bad.name, 12, bad.label)
		b.staysOut(t, bad.name, r, data.ErrUnusable)
		if bad.teaches { // somebody believes these labels: the golden set does not
			r.Doubt.Share = 1
			b.staysOut(t, bad.name, r, accept.ErrRefused)
		}
	}
}

// staysOut wants a retraining to end as that error, and model 2 to be live as before; a refused model is kept with its report.
func (b *boxFixture) staysOut(t *testing.T, what string, r box.Retrain, want error) {
	t.Helper()
	s, err := b.Retrain(context.Background(), r, io.Discard)
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
	if s != nil && !strings.Contains(string(s.Model.Report), `"candidate":{"images":24`) {
		t.Errorf("%s: the model's report is %s", what, s.Model.Report)
	}
	if st, _, err := b.Models.State(); err != nil || st.Live != 2 || st.Trial != nil {
		t.Fatalf("%s: state %+v, %v", what, st, err)
	}
	t.Logf("%s: %v", what, err)
}

// badSquares are ways to spoil the labels of a retraining.
var badSquares = []struct {
	name    string
	label   func(picture int, s labelled) labelled
	teaches bool // something can be trained on them
}{
	{"classes swapped", otherClass, true},
	{"a third flipped", func(picture int, s labelled) labelled {
		if picture%3 > 0 {
			return s
		}
		return otherClass(picture, s)
	}, true},
	{"boxes shifted", func(_ int, s labelled) labelled {
		s.at = s.at.Add(image.Pt(s.at.Dx()/2, s.at.Dy()/2)).Intersect(image.Rect(0, 0, 32, 32))
		return s
	}, true},
	{"one class only", func(_ int, s labelled) labelled { s.class = 1; return s }, false},
}

func otherClass(_ int, s labelled) labelled { s.class = 1 - s.class; return s }
