package train

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// TestMatricesOfRun: a run that prunes leaves behind what criteria looked at, of the dense network and of the last.
func TestMatricesOfRun(t *testing.T) {
	c := smallConfig(t)
	c.Epochs, c.RunDir = 1, t.TempDir()
	c.Prune = DefaultPrune("l1", pruning.Budget{Of: "macs", Share: 0.8})
	c.Prune.Turns, c.Prune.TurnUpdates, c.Prune.FinalEpochs, c.Prune.Tolerance = 1, 1, 1, 1
	r, err := Adapt(context.Background(), c)
	if err != nil && !errors.Is(err, ErrTarget) {
		t.Fatal(err)
	}
	whole, dense, err := KeptMatrices(c.RunDir)
	if err != nil {
		t.Fatal(err)
	}
	final, err := score.LoadMatrices(filepath.Join(c.RunDir, finalMatrices))
	if err != nil {
		t.Fatal(err)
	}
	st, err := groups.Find(r.Model)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"fisher", "obs"} {
		criterion, err := criteria.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pruning.Rank(criterion, st, pruning.Limits{Streams: true}, final.Matrices); err != nil {
			t.Errorf("%s of the last network: %v", name, err)
		}
		if _, err := pruning.Rank(criterion, whole, pruning.Limits{Streams: true}, dense.Matrices); err != nil {
			t.Errorf("%s of the first network: %v", name, err)
		}
	}
	if len(dense.Labels) != len(c.Data.Train) || len(dense.Places) != len(final.Places) {
		t.Errorf("%d images, %d and %d places", len(dense.Labels), len(dense.Places), len(final.Places))
	}
}
