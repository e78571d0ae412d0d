package score

import (
	"math"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// TestContributions: summed over all pairs of channels, the products are the sum of squares of drawn outputs without their
// bias, which lies between what the smallest and the largest outputs would give; other seeds draw others.
func TestContributions(t *testing.T) {
	s, st := probing(t)
	all, err := s.Collect(st, criteria.Samples)
	if err != nil {
		t.Fatal(err)
	}
	products, c := all.Added["d"], 6
	if len(products) != c*c {
		t.Fatalf("%d products for %d channels", len(products), c)
	}
	sum, mean := 0.0, 0.0
	for i, v := range products {
		sum += v
		toy.Near(t, "product", v, products[i%c*c+i/c], 1e-3*math.Abs(v)+1e-6)
	}
	values, bias := outputs(t, s, st.Graph, "d"), st.Graph.Node("d.bias").Value
	for i, v := range values {
		r := float64(v - bias[i%len(bias)])
		mean += r * r / float64(len(values))
	}
	draws := float64(10 * len(s.Samples))
	if sum < 0.7*mean*draws || sum > 1.4*mean*draws {
		t.Errorf("%g is the sum of squares of %g outputs, whose mean is %g", sum, draws, mean)
	}
	s.Seed = 2
	other, err := s.Collect(st, criteria.Samples)
	if err != nil || slices.Equal(other.Added["d"], products) {
		t.Errorf("another seed draws the same, or %v", err)
	}
	if got := drawsEach(1, 100); got != 400 {
		t.Errorf("%d draws of one image for 100 channels, want 400", got)
	}
	m, err := all.Matrices(st.Named("a"))
	if err != nil {
		t.Fatal(err)
	}
	if sum := scored(t, "thinet", m, st.Named("a")); sum != 15 {
		t.Errorf("places sum to %v, want those of 6 units", sum)
	}
}

// outputs are the values of a node over the images.
func outputs(t *testing.T, s *Scorer, g *graph.Graph, name string) []float32 {
	t.Helper()
	sub, _, err := g.Sub(nil, []*graph.Node{g.Node(name)})
	if err != nil {
		t.Fatal(err)
	}
	v, err := eval.Forward(s.Ctx, s.Env, sub, s.Samples, s.Classes)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestContributionsScaled: behind a batch norm they count as it scales them.
func TestContributionsScaled(t *testing.T) {
	g := toy.New(8, 3).Conv("a", 6, 1).Conv("b", 4, 1).Norm("b.bn").Vector().Linear("fc", 3).Model(toy.Classes...)
	h := g.Copy()
	for i := range h.Node("b.bn.gamma").Value {
		h.Node("b.bn.gamma").Value[i] *= 2
	}
	s, _ := probing(t)
	added := func(g *graph.Graph) []float64 {
		st, err := groups.Find(g)
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.Collect(st, criteria.Samples)
		if err != nil {
			t.Fatal(err)
		}
		return c.Added["b"]
	}
	one, two := added(g), added(h)
	for i := range one {
		toy.Near(t, "product", two[i], 4*one[i], 1e-4*math.Abs(two[i])+1e-6)
	}
}

// TestRanks: of each image and channel, from maps no larger than the op takes.
func TestRanks(t *testing.T) {
	s, st := probing(t)
	all, err := s.Collect(st, criteria.MapRanks)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range GateNames(st) {
		n := st.Graph.Node(name)
		rank := all.Places[name].Rank
		if len(rank) != len(s.Samples)*n.Shape.Channels() {
			t.Fatalf("%s: %d ranks", name, len(rank))
		}
		if low, top := slices.Min(rank), slices.Max(rank); low < 1 || int(top) > n.Shape[1] || low == top {
			t.Errorf("%s: ranks from %v to %v for maps of %v", name, low, top, n.Shape)
		}
	}
	for side, want := range map[int]int{14: 14, 15: 8, 28: 14, 29: 10, 112: 14} {
		g := toy.New(side, 3)
		if s := smallMap(g.Graph, g.X).Shape; s[1] != want || s[2] != want || s[1] > op.MapRankSide {
			t.Errorf("maps of %d become %v, want %d", side, s, want)
		}
	}
}
