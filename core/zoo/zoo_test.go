package zoo

import (
	"slices"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/zoo/line"
	"github.com/secateur/secateur/kernels"
)

func TestModelIsCompactTrained(t *testing.T) {
	g, err := Model()
	if err != nil {
		t.Fatal(err)
	}
	if len(File()) > 1<<20 {
		t.Errorf("the model file has %d bytes, want at most 1 MiB", len(File()))
	}
	if want := slices.Sorted(slices.Values(line.Source().Classes())); !slices.Equal(g.Labels(), want) {
		t.Errorf("labels %v, want the source line's", g.Labels())
	}
	fresh := Compact(g.Labels(), 1)
	if got, want := g.MACs(), fresh.MACs(); got != want {
		t.Errorf("%d multiply-adds, Compact has %d", got, want)
	}
}

// TestModelKnowsItsLine judges pictures that no training has seen: other seed, same line.
func TestModelKnowsItsLine(t *testing.T) {
	dir := t.TempDir()
	if err := line.Source().Write(dir, map[string]int{"test": 4}, 7); err != nil {
		t.Fatal(err)
	}
	g, err := Model()
	if err != nil {
		t.Fatal(err)
	}
	d, err := data.Open(dir, data.Options{Classes: g.Labels()})
	if err != nil {
		t.Fatal(err)
	}
	set, err := kernels.Default()
	if err != nil {
		t.Fatal(err)
	}
	pool := kernels.NewPool(0)
	defer pool.Close()
	r, err := eval.Evaluate(t.Context(), graph.Env{Kernels: set, Pool: pool}, g, d.Test, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Accuracy < 0.7 {
		t.Errorf("%.1f %% of %d pictures right, want at least 70", 100*r.Accuracy, r.Images)
	}
}
