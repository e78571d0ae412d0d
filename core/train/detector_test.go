package train

import (
	"context"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/internal/toy"
)

// squaresConfig makes a detector of a small classifier, for squares on grey.
func squaresConfig(t testing.TB) Config {
	t.Helper()
	c := DetectDefaults()
	c.Model, c.Env = toy.Backbone(), toy.Env(t)
	c.Data = &data.Splits{Classes: []string{"red", "blue"}, Train: toy.Squares(t, toy.Folder(t, "train"), 32), Test: toy.Squares(t, toy.Folder(t, "test"), 16)}
	c.Detect = &Detect{Head: detect.Head{Strides: []int{4, 8}, Width: 16, Depth: 1, Seed: 1}}
	c.Rate, c.Backbone, c.HeadSteps, c.Epochs = 1e-2, 1, 8, 40
	c.Augment = data.Augment{Flip: 0.5, FlipUp: 0.5}
	return c
}

// TestDetector: a classifier learns to find, and its reports are those of its model.
func TestDetector(t *testing.T) {
	c := squaresConfig(t)
	r, events := watched(t, c)
	if !detect.Is(r.Model) || !r.Dense.Detector || r.Dense.Map50 < 0.8 {
		t.Errorf("AP@.5 %.3f: %+v", r.Dense.Map50, r.Dense.Objects)
	}
	again, err := detect.Measure(context.Background(), c.Env, r.Model, c.Data.Test, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	toy.Near(t, "AP@.5 of the model", again.Map50, r.Dense.Map50, 1e-6)
	phases := map[string]int{}
	for _, e := range events {
		if e.Event == "epoch" {
			phases[e.Phase]++
		}
	}
	if phases["head"] != 2 || phases["tune"] != 40 {
		t.Errorf("epochs %v, want 8 steps of the head and 40 epochs of everything", phases)
	}
}

// TestDetectorResumes: killed after an epoch and resumed, a run ends with the same bits; a model that is a detector
// of these classes already keeps its head.
func TestDetectorResumes(t *testing.T) {
	c := squaresConfig(t)
	c.Epochs, c.Average = 3, 0.9
	want, _ := watched(t, c)
	c.RunDir = t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	c.On = func(e Event) {
		if e.Phase == "tune" && e.Epoch == 2 {
			cancel()
		}
	}
	if _, err := Adapt(ctx, c); err == nil {
		t.Fatal("the run was not stopped")
	}
	c.On, c.Resume = nil, true
	r, err := Adapt(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if dump(r.Model) != dump(want.Model) {
		t.Error("resumed, the run ends with other weights")
	}
	c = squaresConfig(t)
	c.Model, c.Detect, c.HeadSteps, c.Epochs = r.Model, nil, 0, 0
	kept, _ := watched(t, c)
	if dump(kept.Model) != dump(r.Model) {
		t.Error("a detector of these classes is not kept as it is")
	}
}

// TestDetectorStep: the head alone leaves the backbone as it is, and a step allocates nothing.
func TestDetectorStep(t *testing.T) {
	c := squaresConfig(t)
	j, err := newJob(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	u, err := j.newTuner(recipe{name: "x", epochs: 1, rate: 0.01, part: Head, objective: j.plain()})
	if err != nil {
		t.Fatal(err)
	}
	defer u.loader.Close()
	before := j.params()
	u.loader.Epoch(0, 0, true)
	n, err := u.loader.Next(&u.batch)
	if err != nil {
		t.Fatal(err)
	}
	u.feed(0, n)
	if err := u.plan.Run(); err != nil {
		t.Fatal(err)
	}
	for name, v := range before {
		same := true
		for i, x := range j.net.Node(name).Value {
			same = same && x == v[i]
		}
		if own := strings.HasPrefix(name, detect.Prefix); own == same && !strings.Contains(name, "box8") {
			t.Errorf("%s: changed %v, of the head %v", name, !same, own)
		}
	}
	if allocs := testing.AllocsPerRun(2, func() { u.plan.Run() }); allocs > 0 {
		t.Errorf("%v allocations a step", allocs)
	}
}
