package train

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// gated is a small run that prunes by the loss, with Γ of the training where train is set.
func gated(t *testing.T, train bool, criterion string) Config {
	t.Helper()
	c := smallConfig(t)
	c.Epochs, c.Prune = 2, DefaultPrune(criterion, pruning.Budget{Of: "macs", Share: 0.6})
	c.Prune.Turns, c.Prune.FinalEpochs, c.Prune.Tolerance, c.Prune.TrainGates = 3, 1, 1, train
	return c
}

// TestTrainGates: where training hardly moves a weight and shows pictures as they are, its Γ is that of a scoring pass.
func TestTrainGates(t *testing.T) {
	c := gated(t, true, "taylor-loss")
	c.Rate, c.Augment, c.Smoothing, c.NoWeights = 1e-12, data.Augment{}, 0, true
	j, err := newJob(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.tune(recipe{name: "tune", epochs: 2, rate: c.Rate, part: Full, objective: j.plain()}); err != nil {
		t.Fatal(err)
	}
	st, err := groups.Find(j.net)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := j.scorer().Collect(st, criteria.LossGradients|criteria.Activations)
	if err != nil {
		t.Fatal(err)
	}
	made := j.gates
	j.gates = nil
	apart, err := j.scorer().Collect(st, criteria.LossGradients|criteria.Activations)
	if err != nil {
		t.Fatal(err)
	}
	if len(made) == 0 || len(made) != len(apart.Places) {
		t.Fatalf("Γ at %d gates, want %d", len(made), len(apart.Places))
	}
	for name, p := range apart.Places {
		largest := 0.0
		for _, v := range p.Loss {
			largest = max(largest, float64(v), -float64(v))
		}
		if largest == 0 || !slices.Equal(ours.Places[name].Loss, made[name]) {
			t.Fatalf("%s: Γ is zero, or not the training's", name)
		}
		for i, v := range p.Loss {
			toy.Near(t, name, float64(made[name][i]), float64(v), 1e-4*largest)
		}
	}
}

// TestTrainGatesLeaveTraining: keeping Γ changes no bit of what is trained; a killed run that uses it ends with the same bits.
func TestTrainGatesLeaveTraining(t *testing.T) {
	trained := func(watch bool) *job {
		j, err := newJob(context.Background(), gated(t, watch, "fisher-loss"))
		if err != nil {
			t.Fatal(err)
		}
		if err := j.tune(recipe{name: "tune", epochs: 2, rate: 0.01, part: Full, objective: j.plain()}); err != nil {
			t.Fatal(err)
		}
		return j
	}
	plain, kept := trained(false), trained(true)
	for _, n := range plain.net.Nodes {
		if !slices.Equal(n.Value, kept.net.Node(n.Name).Value) {
			t.Fatalf("%s differs", n.Name)
		}
	}
	if len(plain.gates) > 0 || len(kept.gates) == 0 {
		t.Errorf("Γ at %d gates without being asked, at %d when asked", len(plain.gates), len(kept.gates))
	}
	c := gated(t, true, "fisher-loss")
	r, _ := watched(t, c)
	for turn := range r.Turns {
		checkResumed(t, c, turn+1, r.Model)
	}
}

// TestTrainGatesRefused: where nobody would look at what training keeps, a line says so before anything trains.
func TestTrainGatesRefused(t *testing.T) {
	suffix := gated(t, true, "fisher-loss")
	suffix.Part = Suffix
	finds := squaresConfig(t)
	finds.Prune = DefaultPrune("fisher-loss", pruning.Budget{Of: "macs", Share: 0.7})
	finds.Prune.TrainGates = true
	for want, c := range map[string]Config{"criterion obs looks at": gated(t, true, "obs"), "criterion fisher-margin": gated(t, true, "fisher"),
		"part suffix": suffix, "a detector's": finds} {
		if _, err := Adapt(context.Background(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want a line with %q", err, want)
		}
	}
	if _, err := newJob(context.Background(), gated(t, true, "fusion:obs+taylor-loss")); err != nil {
		t.Error(err)
	}
}
