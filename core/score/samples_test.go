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

// TestContributions: ten rows an image and four a channel at least; over the channels a row sums to an output of the
// layer without its bias, wherever it was drawn; other seeds draw others.
func TestContributions(t *testing.T) {
	s, st := probing(t)
	all, err := s.Collect(st, criteria.Samples)
	if err != nil {
		t.Fatal(err)
	}
	values := outputs(t, s, st.Graph, "d")
	bias := st.Graph.Node("d.bias").Value
	rows, c := all.Added["d"], 6
	if len(rows) != 10*len(s.Samples)*c {
		t.Fatalf("%d values for %d images, want rows of %d", len(rows), len(s.Samples), c)
	}
	for k := 0; k < len(rows)/c; k += 7 {
		sum := float32(0)
		for _, v := range rows[k*c : (k+1)*c] {
			sum += v
		}
		image := values[k/10*len(values)/len(s.Samples) : (k/10+1)*len(values)/len(s.Samples)]
		if !slices.ContainsFunc(image, closeWith(bias, sum)) {
			t.Fatalf("row %d sums to %v, which is no output of image %d", k, sum, k/10)
		}
	}
	s.Seed = 2
	other, err := s.Collect(st, criteria.Samples)
	if err != nil || slices.Equal(other.Added["d"], rows) {
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

// closeWith reports whether a value less one of the biases is sum.
func closeWith(bias []float32, sum float32) func(float32) bool {
	return func(v float32) bool {
		for _, b := range bias {
			if math.Abs(float64(v-b-sum)) < 1e-5 {
				return true
			}
		}
		return false
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
	added := func(g *graph.Graph) []float32 {
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
		toy.Near(t, "contribution", float64(two[i]), 2*float64(one[i]), 1e-5)
	}
}

// TestRanks: of each image and channel, from maps no larger than the op takes.
func TestRanks(t *testing.T) {
	s, st := probing(t)
	all, err := s.Collect(st, criteria.MapRanks)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range gateNames(st) {
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
