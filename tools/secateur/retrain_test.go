package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/device/slot"
	"github.com/secateur/secateur/kernels"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/tools/secateur/box"
)

// boxFixture is a box with a golden set and a live model that was retrained from the fixture's untrained one.
type boxFixture struct {
	*box.Box
	dir string
}

func newBox(t *testing.T) *boxFixture {
	t.Helper()
	b := emptyBox(t)
	writePictures(b.Golden, 12, 77)
	if _, err := accept.Seal(b.Golden, false); err != nil {
		t.Fatal(err)
	}
	writePictures(filepath.Join(b.dir, "good"), 20, 5)
	r := b.job("good", 1)
	r.Base = filepath.Join(fixtures(), "line.secateur")
	s, err := b.Retrain(context.Background(), r, io.Discard)
	if err != nil {
		t.Fatalf("the first retraining: %v", err)
	}
	t.Logf("live: %.1f %% of the golden set", 100*s.Verdict.Candidate.Accuracy)
	return b
}

// emptyBox is a box without a model, and without a golden set where it looks for one.
func emptyBox(t *testing.T) *boxFixture {
	t.Helper()
	b := &boxFixture{dir: t.TempDir()}
	store, err := slot.Open(filepath.Join(b.dir, "models"), slot.Options{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := kernels.Default()
	if err != nil {
		t.Fatal(err)
	}
	pool := kernels.NewPool(1)
	t.Cleanup(pool.Close)
	b.Box = &box.Box{Models: store, Golden: filepath.Join(b.dir, "golden"), Rules: accept.DefaultRules(), Env: graph.Env{Kernels: set, Pool: pool}}
	return b
}

// job is a retraining on the pictures in a folder of the fixture.
func (b *boxFixture) job(folder string, seed uint64) box.Retrain {
	c := train.Defaults()
	c.Epochs, c.Rate, c.Seed, c.Augment = 6, 0.01, seed, data.Augment{}
	c.RunDir = filepath.Join(b.dir, fmt.Sprintf("run-%s-%d", folder, seed))
	return box.Retrain{Config: c, Folder: filepath.Join(b.dir, folder), Doubt: accept.DefaultDoubt()}
}

func TestRetrainGoesLive(t *testing.T) {
	b := newBox(t)
	writePictures(filepath.Join(b.dir, "more"), 20, 6)
	// a copy of a golden picture among the new ones is not trained on
	copyFile(t, filepath.Join(b.Golden, "nut", "nut00.png"), filepath.Join(b.dir, "more", "nut", "copy.png"))
	s, err := b.Retrain(context.Background(), b.job("more", 2), io.Discard)
	if err != nil || !s.Verdict.Accepted {
		t.Fatalf("%+v, %v", s, err)
	}
	st, _, err := b.Models.State()
	if err != nil || st.Live != 2 || st.Trial == nil {
		t.Errorf("state %+v, %v; want model 2 on trial", st, err)
	}
	began := time.Now()
	if _, err := b.Models.Rollback("by hand"); err != nil {
		t.Fatal(err)
	}
	if st, _, err = b.Models.State(); err != nil || st.Live != 1 {
		t.Errorf("after the rollback %+v, %v; want model 1 live", st, err)
	}
	t.Logf("rolled back in %v", time.Since(began).Round(time.Millisecond))
}

// TestRetrainPrunesOnce: a share is one of the factory model, however often the live one is retrained.
func TestRetrainPrunesOnce(t *testing.T) {
	b := newBox(t)
	s, err := b.Stage(t.Context(), filepath.Join(fixtures(), "line.secateur"), slot.About{Name: "factory", Factory: true})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := checkpoint.LoadModel(b.Models.Path(s.Model.Number))
	if err != nil {
		t.Fatal(err)
	}
	retrained := func(seed uint64) int64 {
		r := b.job("good", seed)
		r.Doubt.Share, r.Prune = 1, train.DefaultPrune("l1", pruning.Budget{Of: "macs", Share: 0.7})
		r.Prune.Turns, r.Prune.TurnUpdates, r.Prune.FinalEpochs, r.Prune.Tolerance = 1, 1, 1, 1
		var log strings.Builder
		s, err := b.Retrain(t.Context(), r, &log)
		if s == nil {
			t.Fatalf("%v; %s", err, &log)
		}
		if said := strings.Contains(log.String(), "nothing is pruned"); said != (seed == 8) {
			t.Errorf("retraining %d: %s", seed, &log)
		}
		g, err := checkpoint.LoadModel(b.Models.Path(s.Model.Number))
		if err != nil {
			t.Fatal(err)
		}
		return g.MACs()
	}
	first := retrained(7)
	if first > whole.MACs()*7/10 {
		t.Fatalf("%d multiply-adds of %d are left, want 0.7", first, whole.MACs())
	}
	if again := retrained(8); again != first {
		t.Errorf("retrained again %d multiply-adds, want the %d of before", again, first)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestBadRetrainsStayOut retrains on flipped labels (5 to 40 %), with a class missing, from a damaged network, and with
// the classes swapped: none goes live, and the live model is as it was. SECATEUR_BAD_RETRAINS is how many, 5 without.
func TestBadRetrainsStayOut(t *testing.T) {
	b := newBox(t)
	for i := range badRetrains(5) {
		rng := rand.New(rand.NewPCG(uint64(i), 9))
		folder := fmt.Sprintf("bad%d", i)
		writePictures(filepath.Join(b.dir, folder), 20, uint64(100+i))
		r := b.job(folder, uint64(i))
		what := b.spoil(t, i%5, &r, rng)
		_, refusal := b.Retrain(context.Background(), r, io.Discard)
		if refusal == nil {
			t.Errorf("%s: went live", what)
		}
		st, _, err := b.Models.State()
		if err != nil || st.Live != 1 {
			t.Fatalf("%s: state %+v, %v", what, st, err)
		}
		t.Logf("%s: %v", what, refusal)
	}
}

// badRetrains is how many SECATEUR_BAD_RETRAINS asks for, or else few.
func badRetrains(few int) int {
	if n, err := strconv.Atoi(os.Getenv("SECATEUR_BAD_RETRAINS")); err == nil {
		return n
	}
	return few
}

// spoil makes a retraining bad in one of five ways.
func (b *boxFixture) spoil(t *testing.T, way int, r *box.Retrain, rng *rand.Rand) string {
	t.Helper()
	switch way {
	case 0, 1:
		share := 0.05 + 0.35*rng.Float64()
		b.flip(t, r.Folder, share, rng)
		return fmt.Sprintf("%.0f %% of the labels flipped", 100*share)
	case 2:
		for _, c := range []string{"nut", "washer"} {
			os.RemoveAll(filepath.Join(r.Folder, c))
		}
		return "one class only"
	case 3:
		r.Base = b.model(t, func(g *graph.Graph) {
			for _, n := range g.Role(graph.Param) {
				n.Value[rng.IntN(len(n.Value))] = float32(math.NaN())
			}
		})
		return "a damaged network"
	}
	for _, c := range [][2]string{{"bolt", "tmp"}, {"nut", "bolt"}, {"tmp", "nut"}} {
		if err := os.Rename(filepath.Join(r.Folder, c[0]), filepath.Join(r.Folder, c[1])); err != nil {
			t.Fatal(err)
		}
	}
	return "classes swapped"
}

// flip moves a share of the pictures of each class to the next one.
func (b *boxFixture) flip(t *testing.T, folder string, share float64, rng *rand.Rand) {
	t.Helper()
	for i, c := range lineClasses {
		files, _ := filepath.Glob(filepath.Join(folder, c, c+"*.png")) // not those that were moved here
		for _, f := range files[:max(1, int(share*float64(len(files))))] {
			to := lineClasses[(i+1+rng.IntN(2))%3]
			if err := os.Rename(f, filepath.Join(folder, to, "moved-"+filepath.Base(f))); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// model is the fixture's network, changed.
func (b *boxFixture) model(t *testing.T, change func(*graph.Graph)) string {
	t.Helper()
	g := tinyNet(lineClasses)
	change(g)
	path := filepath.Join(b.dir, "changed.secateur")
	if err := checkpoint.SaveModel(path, g); err != nil {
		t.Fatal(err)
	}
	return path
}
