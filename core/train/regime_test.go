package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
)

// deep is a small network with most of its multiply-adds in front.
func deep(labels ...string) *graph.Graph {
	l := toy.New(8, 3).Conv("a", 16, 1).Act("a.relu", op.Relu{}).Conv("b", 32, 1).Norm("b.bn").Act("b.relu", op.Relu{})
	skip := l.Conv("c", 32, 1).Act("c.relu", op.Relu{}).X
	l.Conv("d", 32, 1).Act("d.relu", op.Relu{}).Conv("e", 32, 1)
	l.X = l.Add("sum", op.Add{}, skip, l.X)
	return l.Conv("f", 32, 2).Act("f.relu", op.Relu{}).Conv("g", 24, 1).Act("g.relu", op.Relu{}).Vector().Linear("fc", len(labels)).Model(labels...)
}

// residualEnd has a third of its layers only in front of its residual block.
func residualEnd() *graph.Graph {
	l := toy.New(8, 3).Conv("a", 16, 1).Act("a.relu", op.Relu{})
	skip := l.X
	l.Conv("b", 16, 1).Conv("c", 16, 1).Conv("d", 16, 1)
	l.X = l.Add("sum", op.Add{}, skip, l.X)
	return l.Vector().Linear("fc", 2).Model("x", "y")
}

func suffixConfig(t *testing.T) Config {
	c := smallConfig(t)
	c.Model, c.Part, c.Epochs, c.Batch = deep("x", "y"), Suffix, 3, 8
	c.Prune = DefaultPrune("fisher", pruning.Budget{Of: "macs", Share: 0.5})
	c.Prune.Turns, c.Prune.TurnUpdates, c.Prune.FinalEpochs, c.Prune.Tolerance = 4, 9, 2, 1
	return c
}

// TestCutPoint: everything behind it sees the images through it alone, and a third of the layers is behind it.
func TestCutPoint(t *testing.T) {
	for want, g := range map[string]*graph.Graph{"sum": deep("x"), "a.relu": residualEnd()} {
		cut, err := cutPoint(g)
		if err != nil {
			t.Fatal(err)
		}
		if cut.Name != want {
			t.Errorf("cut at %s, want %s", cut.Name, want)
		}
		h, _, err := g.Sub([]*graph.Node{cut}, g.Outputs)
		if err != nil || len(h.Role(graph.Input)) != 1 {
			t.Errorf("behind %s there are other inputs: %v, %v", cut.Name, h.Role(graph.Input), err)
		}
	}
	if _, err := cutPoint(toy.New(8, 3).Vector().Linear("fc", 2).Model("x", "y")); err == nil || !strings.Contains(err.Error(), "train another part") {
		t.Errorf("a network of one layer: %v", err)
	}
}

// TestSuffix: the frozen prefix keeps its bits, what is behind it learns, and what is cached is what the prefix gives.
func TestSuffix(t *testing.T) {
	c := suffixConfig(t)
	c.Prune = nil
	r, _ := watched(t, c)
	cut, err := cutPoint(r.Model)
	if err != nil {
		t.Fatal(err)
	}
	need := r.Model.Need(cut)
	for _, p := range r.Model.Role(graph.Param) {
		before := c.Model.Node(p.Name)
		if before != nil && need[p.ID] != slices.Equal(p.Value, before.Value) {
			t.Errorf("%s, in the prefix: %v, keeps its bits: %v", p.Name, need[p.ID], !need[p.ID])
		}
	}
	c.Augment.MinArea, c.Augment.Flip, c.Augment.Brightness, c.Augment.Contrast = 0, 0, 0, 0
	j, err := newJob(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	f, err := j.cached()
	if err != nil {
		t.Fatal(err)
	}
	p, err := j.prefix()
	if err != nil {
		t.Fatal(err)
	}
	want, err := eval.Forward(j.ctx, j.Env, p, j.train, len(j.Data.Classes))
	if err != nil {
		t.Fatal(err)
	}
	for v, x := range f.x {
		for i := range want {
			if d := x[i] - want[i]; d > 1e-5 || d < -1e-5 {
				t.Fatalf("view %d, value %d: %g, want %g", v, i, x[i], want[i])
			}
		}
	}
	again, err := j.cached()
	if err != nil || again != f {
		t.Errorf("the same prefix fills its cache again, %v", err)
	}
	j.net.Node("a.weight").Value[0]++
	if again, err = j.cached(); err != nil || again == f {
		t.Errorf("the cache outlives its prefix, %v", err)
	}
}

// TestRegimes: A cuts the prefix once, B what trains, C the prefix again by imitation, each nothing else; then a run
// that is stopped in each of them and resumed ends with the same bits.
func TestRegimes(t *testing.T) {
	c := suffixConfig(t)
	c.Prune.Budget.Share, c.Prune.Regime = 0.3, "ABC"
	r, events := watched(t, c)
	cut, err := cutPoint(c.Model)
	if err != nil {
		t.Fatal(err)
	}
	st, err := groups.Find(c.Model)
	if err != nil {
		t.Fatal(err)
	}
	seen := ""
	for _, turn := range r.Turns {
		seen += turn.Regime
		for _, d := range turn.Removed {
			if in := sideOf(st.Named(d.Group), cut); in != map[string]side{"A": inPrefix, "B": inSuffix, "C": inPrefix}[turn.Regime] {
				t.Errorf("turn %d of regime %s took a filter of %s", turn.Turn, turn.Regime, d.Group)
			}
		}
	}
	if !strings.HasPrefix(seen, "AB") || !strings.HasSuffix(seen, "C") || strings.Count(seen, "A") != 1 || strings.Contains(seen, "CB") {
		t.Errorf("turns of regimes %s, want one A, then B, then C", seen)
	}
	caches := 0
	for _, e := range events {
		if e.Event == "cache" {
			caches++
		}
		if e.Event == "imitation" && !(e.Loss > 0 && e.Loss < 0.9) {
			t.Errorf("the prefix ended %g of its features away", e.Loss)
		}
	}
	if caches < 3 || !strings.HasPrefix(r.Regime, "ABC: asked for; ") {
		t.Errorf("the cache was filled %d times, want once more after each cut of the prefix; regime %s", caches, r.Regime)
	}
	for stop := 2; stop <= len(r.Turns); stop += 2 {
		checkResumed(t, c, stop, r.Model)
	}
}

// checkResumed stops a run at an event of some turn and goes on with it.
func checkResumed(t *testing.T, c Config, turn int, want *graph.Graph) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c.RunDir = t.TempDir()
	c.On = func(e Event) {
		if e.Turn == turn {
			cancel()
		}
	}
	if _, err := Adapt(ctx, c); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want %v", err, context.Canceled)
	}
	c.On, c.Resume = nil, true
	r, err := Adapt(context.Background(), c)
	if err != nil && !errors.Is(err, ErrTarget) {
		t.Fatal(err)
	}
	if dump(r.Model) != dump(want) {
		t.Errorf("stopped in turn %d and resumed, the run ends with other weights", turn)
	}
}

func dump(g *graph.Graph) string {
	var b bytes.Buffer
	for _, n := range g.Nodes {
		fmt.Fprintln(&b, n.Name, n.Shape, n.Value)
	}
	return b.String()
}

// TestAutoRegime: by what is measured, and refused where nothing is frozen.
func TestAutoRegime(t *testing.T) {
	c := suffixConfig(t)
	c.Epochs, c.Prune.FinalEpochs, c.Prune.TurnUpdates = 0, 0, 1
	for share, want := range map[float64]string{0.97: "BC", 0.5: "ABC"} {
		c.Prune.Budget.Share = share
		r, err := Adapt(context.Background(), c)
		if err != nil && !errors.Is(err, ErrTarget) {
			t.Fatal(err)
		}
		if !strings.HasPrefix(r.Regime, want+": ") {
			t.Errorf("macs=%g: regime %s, want %s", share, r.Regime, want)
		}
	}
	c.Part = Full
	if r, err := Adapt(context.Background(), c); err != nil && !errors.Is(err, ErrTarget) || !strings.HasPrefix(r.Regime, "B: ") {
		t.Errorf("regime %s, %v", r.Regime, err)
	}
	c.Prune.Regime = "ABC"
	if _, err := Adapt(context.Background(), c); err == nil || !strings.Contains(err.Error(), "use --train suffix") {
		t.Errorf("a prefix of a network that trains as a whole: %v", err)
	}
}
