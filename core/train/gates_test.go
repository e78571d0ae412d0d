package train

import (
	"context"
	"slices"
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
	plain, _ := watched(t, gated(t, false, "l1"))
	kept, _ := watched(t, gated(t, true, "l1"))
	for _, n := range plain.Model.Nodes {
		if !slices.Equal(n.Value, kept.Model.Node(n.Name).Value) {
			t.Fatalf("%s differs", n.Name)
		}
	}
	c := gated(t, true, "fisher-loss")
	r, _ := watched(t, c)
	for turn := range r.Turns {
		checkResumed(t, c, turn+1, r.Model)
	}
}
