package train

import (
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
)

// looped is a short loop of pruning, or a control of it, on the small network.
func looped(t *testing.T, control string, rate float64) (*Result, *graph.Graph) {
	t.Helper()
	c := smallConfig(t)
	c.Data.Val = nil
	c.HeadSteps, c.Epochs, c.Rate = 0, 0, rate
	c.Prune = DefaultPrune("l1", pruning.Budget{Of: "macs", Share: 0.5})
	c.Prune.Allocator, c.Prune.Turns, c.Prune.TurnUpdates, c.Prune.FinalEpochs, c.Prune.Tolerance = "uniform", 2, 4, 1, 1
	c.Prune.Control = control
	r, _ := watched(t, c)
	start, err := ReplaceHead(c.Model, c.Data.Classes, c.Seed)
	if err != nil {
		t.Fatal(err)
	}
	return r, start
}

// TestControls: a control takes as many steps as the loop and ends with the whole network, trained; the one that ablates
// has cut filters in every turn.
func TestControls(t *testing.T) {
	loop, start := looped(t, "", 1e-3)
	if groups.CostOf(loop.Model).MACs >= groups.CostOf(start).MACs {
		t.Fatal("the loop cut nothing")
	}
	for _, control := range Controls() {
		r, _ := looped(t, control, 1e-3)
		if r.Steps != loop.Steps || r.Steps == 0 {
			t.Errorf("%s took %d steps, the loop %d", control, r.Steps, loop.Steps)
		}
		if groups.CostOf(r.Model) != groups.CostOf(start) {
			t.Errorf("%s ends at %+v, want the whole network's %+v", control, groups.CostOf(r.Model), groups.CostOf(start))
		}
		if moved(t, r.Model, start) == 0 {
			t.Errorf("%s trained nothing", control)
		}
		for _, turn := range r.Turns {
			if len(turn.Removed) == 0 || !turn.Accepted {
				t.Errorf("%s: turn %d removed %d filters, accepted %v", control, turn.Turn, len(turn.Removed), turn.Accepted)
			}
		}
	}
}

// TestRestoredIsWhole: where training hardly moves a weight, what ablate-and-restore ends with is the network it began with,
// whatever repair did to the weights that were kept.
func TestRestoredIsWhole(t *testing.T) {
	r, start := looped(t, AblateRestore, 1e-9)
	if m := moved(t, r.Model, start); m > 1e-5 {
		t.Errorf("a weight moved by %g", m)
	}
}

// moved is the largest change of a parameter.
func moved(t *testing.T, now, before *graph.Graph) float64 {
	t.Helper()
	most := 0.0
	for _, n := range before.Role(graph.Param) {
		other := now.Node(n.Name)
		if other == nil || len(other.Value) != len(n.Value) {
			t.Fatalf("%s is gone or has another size", n.Name)
		}
		for i, v := range n.Value {
			most = max(most, float64(v-other.Value[i]), float64(other.Value[i]-v))
		}
	}
	return most
}

// TestWholeMoments: what is known of kept weights returns to their places, the rest keeps what was known before the cut.
func TestWholeMoments(t *testing.T) {
	change := &groups.Change{Leaves: map[string]groups.LeafChange{"conv.w": {From: []int{3, 1, 1, 2}, Keep: [][]int{{0, 2}, nil, nil, nil}}}}
	after := map[string][]float32{"conv.w.m": {10, 20, 50, 60}, "conv.w.ema": {0, 0, 0, 0}, "head.b.m": {7, 8}}
	for _, c := range []struct {
		before map[string][]float32
		want   []float32
	}{
		{nil, []float32{10, 20, 0, 0, 50, 60}},
		{map[string][]float32{"conv.w.m": {1, 2, 3, 4, 5, 6}}, []float32{10, 20, 3, 4, 50, 60}},
	} {
		got := wholeMoments(change, c.before, after)
		if len(got) != 2 || !slices.Equal(got["conv.w.m"], c.want) || !slices.Equal(got["head.b.m"], after["head.b.m"]) {
			t.Errorf("%v, want conv.w.m %v", got, c.want)
		}
	}
	toy.Near(t, "a leaf that kept all", float64(change.Length("head.b", 2)), 2, 0)
}
