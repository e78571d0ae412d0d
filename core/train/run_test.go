package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
)

// prunedRun is a finished run of a small network, and its result.
func prunedRun(t *testing.T) (Config, *Result) {
	t.Helper()
	c := smallConfig(t)
	c.Epochs, c.RunDir = 2, t.TempDir()
	c.Folder = filepath.Dir(filepath.Dir(c.Data.Train[0].Path))
	c.Prune = DefaultPrune("fisher", pruning.Budget{Of: "macs", Share: 0.7})
	c.Prune.Turns, c.Prune.TurnUpdates, c.Prune.FinalEpochs, c.Prune.Tolerance = 2, 4, 1, 1
	c.Prune.KeepTurns = true
	r, _ := watched(t, c)
	return c, r
}

// TestOpenRun: the folder gives back both networks, the images and how one network came from the other.
func TestOpenRun(t *testing.T) {
	c, result := prunedRun(t)
	r, err := OpenRun(c.RunDir, "")
	if err != nil {
		t.Fatal(err)
	}
	dense, err := eval.Evaluate(context.Background(), c.Env, r.Dense, r.Tested, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	toy.Near(t, "loss of the dense network", dense.Loss, result.Dense.Loss, 1e-6)
	net, err := eval.Evaluate(context.Background(), c.Env, r.Net, r.Tested, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	toy.Near(t, "loss of the pruned network", net.Loss, result.Pruned.Loss, 1e-6)
	if r.Phase != "done" || len(r.Turns) != len(result.Turns) || len(r.Train) != result.Trained || r.JudgedOn != result.JudgedOn || r.Prune.Criterion != "fisher" {
		t.Errorf("phase %s, %d turns, %d images, judged on %s, pruned by %s", r.Phase, len(r.Turns), len(r.Train), r.JudgedOn, r.Prune.Criterion)
	}
	for _, n := range r.Net.Role(graph.Param) {
		if got := r.Change.Slice(n.Name, r.Dense.Node(n.Name).Value); len(got) != len(n.Value) {
			t.Errorf("%s: the change leaves %d values of the dense network, the pruned one has %d", n.Name, len(got), len(n.Value))
		}
	}
	if groups.CostOf(r.Dense) != r.Original {
		t.Errorf("the dense network costs %+v, want %+v", groups.CostOf(r.Dense), r.Original)
	}
}

// TestKeepTurns: the network of each accepted turn is in the folder and costs what the turn says.
func TestKeepTurns(t *testing.T) {
	c, r := prunedRun(t)
	for _, turn := range r.Turns {
		g, err := checkpoint.LoadModel(filepath.Join(c.RunDir, fmt.Sprintf("turn-%02d.secateur", turn.Turn)))
		if turn.Accepted != (err == nil) {
			t.Fatalf("turn %d, accepted %v: %v", turn.Turn, turn.Accepted, err)
		}
		if err == nil && groups.CostOf(g).MACs != turn.MACs {
			t.Errorf("turn %d: %d MACs, want %d", turn.Turn, groups.CostOf(g).MACs, turn.MACs)
		}
	}
}

// TestOpenRunRefuses: what is wrong with a folder is said.
func TestOpenRunRefuses(t *testing.T) {
	c, _ := prunedRun(t)
	var folder *RunError
	if _, err := OpenRun(t.TempDir(), ""); !errors.As(err, &folder) || !strings.Contains(err.Error(), "holds no run") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := OpenRun(c.RunDir, t.TempDir()); !errors.Is(err, data.ErrUnusable) {
		t.Errorf("images that are gone: %v, want %v", err, data.ErrUnusable)
	}
	plain := smallConfig(t)
	plain.Epochs, plain.RunDir = 1, t.TempDir()
	watched(t, plain)
	if _, err := OpenRun(plain.RunDir, ""); !errors.As(err, &folder) || !strings.Contains(err.Error(), "without pruning") {
		t.Errorf("a run without pruning: %v", err)
	}
	if err := os.Remove(filepath.Join(c.RunDir, denseName)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRun(c.RunDir, ""); err == nil || !strings.Contains(err.Error(), denseName) {
		t.Errorf("no dense network: %v", err)
	}
}
