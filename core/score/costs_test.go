package score

import (
	"context"
	"testing"
	"time"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/latency"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// TestTimeBudget: a cut to a share of the time meets it by the table, and where measuring says that everything takes a
// quarter longer than predicted the plan is made again until that is within the target.
func TestTimeBudget(t *testing.T) {
	g := smoothNet()
	table := latency.New(1, func(g *graph.Graph) (time.Duration, error) { return time.Duration(100 * g.MACs()), nil })
	s := &Scorer{Ctx: context.Background(), Env: toy.Env(t), Samples: toy.Pictures(t, toy.Folder(t, "time"), 3, 62), Classes: 3}
	c := Cut{Allocator: "latency", Budget: pruning.Budget{Of: "latency", Share: 0.6},
		Limits: pruning.Limits{Streams: true}}
	var err error
	if c.Criterion, err = criteria.Lookup("l1"); err != nil {
		t.Fatal(err)
	}
	c.Costs = Costs(s.Env, c.Budget, c.Allocator, table)
	if c.Original, err = c.Costs(g); err != nil {
		t.Fatal(err)
	}
	_, p, err := s.Plan(g, c)
	if err != nil || !p.Met || float64(p.After.Latency) > 0.6*float64(c.Original.Latency) {
		t.Fatalf("%d of %d ns, met %v, %v", p.After.Latency, c.Original.Latency, p.Met, err)
	}
	asked := 0
	c.Measure = func(g *graph.Graph) (groups.Cost, error) {
		asked++
		m, err := c.Costs(g)
		m.Latency += m.Latency / 4
		return m, err
	}
	_, q, err := s.Plan(g, c)
	if err != nil || !q.Met || asked < 2 || q.Target != p.Target || q.After.Latency > q.Target || len(q.Decisions) <= len(p.Decisions) {
		t.Errorf("measured %d times: %d ns for %d, met %v with %d units after %d, %v", asked, q.After.Latency, q.Target, q.Met,
			len(q.Decisions), len(p.Decisions), err)
	}
}

// TestCosts: only what is asked for is found out, and memory and file shrink with the network.
func TestCosts(t *testing.T) {
	g, env := smoothNet(), toy.Env(t)
	st, err := groups.Find(g)
	if err != nil {
		t.Fatal(err)
	}
	small, _, err := groups.Cut(g, st, map[int][]int{st.Free()[0].ID: {0, 1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range []string{"memory", "bytes", "macs"} {
		b := pruning.Budget{Of: of, Share: 0.5}
		costs := Costs(env, b, "uniform", nil)
		whole, err := costs(g)
		if err != nil {
			t.Fatal(err)
		}
		cut, err := costs(small)
		if err != nil || b.Part(cut) <= 0 || b.Part(cut) >= b.Part(whole) {
			t.Errorf("%s: %+v cut from %+v, %v", of, cut, whole, err)
		}
		if whole.Latency != 0 || (whole.Memory > 0) != (of == "memory") || (whole.Bytes > 0) != (of == "bytes") {
			t.Errorf("%s: %+v", of, whole)
		}
	}
}
