package pruning_test

import (
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/internal/nets"
)

// saving is the allocation of wide to a budget by an allocator, with these costs.
func saving(t *testing.T, allocator, keep string, costs func(*graph.Graph) (groups.Cost, error)) (*groups.Structure, *pruning.Plan) {
	t.Helper()
	s := nets.Structure(t, wide(1))
	l := pruning.Limits{Multiple: 4}
	a := pruning.Allocation{Allocator: allocator, Budget: budget(t, keep), Costs: costs, Limits: l, Select: ranking(t, "fisher", s, l)}
	var err error
	if a.Original, err = costs(s.Graph); err != nil {
		t.Fatal(err)
	}
	p, err := a.Allocate(s)
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

// slow is a cost function in which one layer takes nearly all of the time, by its output width.
func slow(layer string) func(*graph.Graph) (groups.Cost, error) {
	return func(g *graph.Graph) (groups.Cost, error) {
		c := groups.CostOf(g)
		c.Latency = c.MACs/1000 + 1000*int64(g.Node(layer).Shape[3])
		c.Memory = c.Latency
		return c, nil
	}
}

// TestSavingPrefersSlowLayers holds that what is slow, or large, goes first, whichever layer that is.
func TestSavingPrefersSlowLayers(t *testing.T) {
	for _, x := range []struct{ allocator, keep string }{{"latency", "latency=0.8"}, {"memory", "memory=0.8"}, {"budget", "latency=0.8"}} {
		allocator, keep := x.allocator, x.keep
		for _, layer := range []string{"a", "b", "c"} {
			s, p := saving(t, allocator, keep, slow(layer))
			for _, g := range s.Free() {
				if gone := len(p.Remove[g.ID]); (gone > 0) != (g.Name == layer) {
					t.Errorf("%s, %s is slow: %s loses %d of %d", keep, layer, g.Name, gone, len(g.Units))
				}
			}
			if !p.Met || p.After.Latency > p.Target {
				t.Errorf("%s, %s is slow: %d, target %d", keep, layer, p.After.Latency, p.Target)
			}
		}
	}
}

// TestStairsAreTakenWhole: where time falls at every 16th channel only, no width between is chosen by time.
func TestStairsAreTakenWhole(t *testing.T) {
	costs := func(g *graph.Graph) (groups.Cost, error) {
		c := groups.CostOf(g)
		c.Latency = int64(100 * ((g.Node("a").Shape[3]+15)/16*16 + 2*((g.Node("b").Shape[3]+7)/8*8)))
		return c, nil
	}
	for _, keep := range []string{"latency=0.9", "latency=0.7", "latency=0.5"} {
		s, p := saving(t, "latency", keep, costs)
		if w := after(s, p); w["a"]%16 != 0 || w["b"]%8 != 0 || w["c"] != 20 || w["d"] != 12 || !p.Met {
			t.Errorf("%s: %v, met %v", keep, w, p.Met)
		}
	}
}

// TestCostsAreAsked refuses budgets and allocators that shapes do not answer.
func TestCostsAreAsked(t *testing.T) {
	s := nets.Structure(t, wide(1))
	r := ranking(t, "fisher", s, pruning.Limits{})
	for _, x := range []struct{ allocator, keep string }{{"latency", "macs=0.5"}, {"memory", "macs=0.5"}, {"global", "latency=0.5"}, {"uniform", "bytes=0.5"}} {
		a := pruning.Allocation{Allocator: x.allocator, Budget: budget(t, x.keep), Original: groups.CostOf(s.Graph), Select: r}
		if _, err := a.Allocate(s); err == nil || !strings.Contains(err.Error(), "wants a function that says what a network costs") {
			t.Errorf("%v: error %v", x, err)
		}
	}
}
