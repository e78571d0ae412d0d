package groups_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/internal/nets"
)

// draw picks random units of every free group, at least one staying.
func draw(rng *rand.Rand, s *groups.Structure, share float64) map[int][]int {
	remove := map[int][]int{}
	for _, g := range s.Free() {
		for u := range g.Units {
			if rng.Float64() < share && len(remove[g.ID]) < len(g.Units)-1 {
				remove[g.ID] = append(remove[g.ID], u)
			}
		}
	}
	return remove
}

// TestZeroGroups is the random zero-group test (OTO): a net whose units are silent equals the
// net without them.
func TestZeroGroups(t *testing.T) {
	for name, make := range nets.All() {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(6) {
				rng := rand.New(rand.NewPCG(seed, 3))
				g := make(seed).Copy()
				remove := draw(rng, nets.Structure(t, g), .15+.15*float64(seed))
				nets.Silence(g, nets.Structure(t, g), remove)
				small, _, err := groups.Cut(g, nets.Structure(t, g), remove)
				if err != nil {
					t.Fatal(err)
				}
				full, compact := nets.Run(t, g, nets.Images(seed, 2)), nets.Run(t, small, nets.Images(seed, 2))
				for i, o := range g.Outputs {
					nets.Near(t, o.Name, compact[small.Outputs[i].Name], full[o.Name], 1e-5)
				}
				if small.MACs() >= g.MACs() || small.Params() >= g.Params() {
					t.Errorf("%d units less, but %d MACs and %d parameters", len(remove), small.MACs(), small.Params())
				}
			}
		})
	}
}

// TestCutValues holds that kept nets.Values keep their bits and that Change slices like the cut.
func TestCutValues(t *testing.T) {
	for name, make := range nets.All() {
		g := make(1)
		s := nets.Structure(t, g)
		small, change, err := groups.Cut(g, s, draw(rand.New(rand.NewPCG(1, 1)), s, .4))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, n := range g.Nodes {
			if n.Value == nil {
				continue
			}
			got := small.Node(n.Name).Value
			if !slices.Equal(change.Slice(n.Name, n.Value), got) {
				t.Errorf("%s: %s is not what Change makes of it", name, n.Name)
			}
			if _, touched := change.Leaves[n.Name]; touched == (len(got) == len(n.Value)) {
				t.Errorf("%s: %s has %d of %d nets.Values but touched is %v", name, n.Name, len(got), len(n.Value), touched)
			}
		}
	}
}

// TestSliceByHand compares the slicer with an index calculation on a weight of 3×2×1×4.
func TestSliceByHand(t *testing.T) {
	c := groups.Change{Leaves: map[string]groups.LeafChange{
		"w": {From: []int{3, 2, 1, 4}, Keep: [][]int{{0, 2}, nil, nil, {1, 3}}}}}
	v := make([]float32, 24)
	for i := range v {
		v[i] = float32(i)
	}
	want := []float32{1, 3, 5, 7, 17, 19, 21, 23}
	if got := c.Slice("w", v); !slices.Equal(got, want) {
		t.Errorf("slice %v, want %v", got, want)
	}
	if got := c.Slice("other", v); &got[0] != &v[0] {
		t.Error("a leaf that kept everything was copied")
	}
}

// TestPutBack is the way back from Slice, by hand and by the identity; what was cut off keeps its values.
func TestPutBack(t *testing.T) {
	change := &groups.Change{Leaves: map[string]groups.LeafChange{"w": {From: []int{3, 2, 4}, Keep: [][]int{{0, 2}, nil, {1, 2, 3}}}}}
	before := make([]float32, 24)
	for i := range before {
		before[i] = float32(i)
	}
	kept := change.Slice("w", before)
	into := slices.Clone(before)
	for i := range kept {
		kept[i] += 100
	}
	change.PutBack("w", kept, into)
	if !slices.Equal(change.Slice("w", into), kept) {
		t.Errorf("what was put back is %v, want %v", change.Slice("w", into), kept)
	}
	for i, v := range into {
		if gone := i/8 == 1 || i%4 == 0; (v == before[i]) != gone {
			t.Errorf("value %d is %v, was %v, cut off: %v", i, v, before[i], gone)
		}
	}
	whole := []float32{1, 2}
	change.PutBack("b", []float32{3, 4}, whole)
	if !slices.Equal(whole, []float32{3, 4}) || change.Length("b", 2) != 2 || change.Length("w", 12) != 24 {
		t.Error("a leaf that kept everything is not put back as it is")
	}
}

// TestCompose cuts twice and holds that one change says the same, in JSON as well.
func TestCompose(t *testing.T) {
	g := nets.Residual(2)
	rng := rand.New(rand.NewPCG(4, 4))
	s := nets.Structure(t, g)
	once, first, err := groups.Cut(g, s, draw(rng, s, .3))
	if err != nil {
		t.Fatal(err)
	}
	s = nets.Structure(t, once)
	twice, second, err := groups.Cut(once, s, draw(rng, s, .3))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(groups.Compose(groups.Compose(nil, first), second))
	if err != nil {
		t.Fatal(err)
	}
	var both groups.Change
	if err := json.Unmarshal(text, &both); err != nil {
		t.Fatal(err)
	}
	for _, n := range g.Nodes {
		if n.Value != nil && !slices.Equal(both.Slice(n.Name, n.Value), twice.Node(n.Name).Value) {
			t.Errorf("%s: the composed change makes something else", n.Name)
		}
	}
	w := twice.Node("b3.a.w")
	size := len(w.Value) / w.Shape[0]
	for i := range w.Shape[0] {
		from := both.Origin("b3.a.w", 0, i)
		in := both.Leaves["b3.a.w"].Keep[3]
		if old := g.Node("b3.a.w"); w.Value[i*size] != old.Value[from*len(old.Value)/old.Shape[0]+in[0]] {
			t.Errorf("filter %d does not come from %d", i, from)
		}
	}
}

// TestNamesOutliveCuts holds that a group keeps its name whatever units go.
func TestNamesOutliveCuts(t *testing.T) {
	for name, make := range nets.All() {
		g := make(1)
		s := nets.Structure(t, g)
		for seed := range uint64(20) {
			remove := draw(rand.New(rand.NewPCG(seed, 9)), s, .5)
			small, _, err := groups.Cut(g, s, remove)
			if err != nil {
				t.Fatal(err)
			}
			after := nets.Structure(t, small)
			if len(after.Groups) != len(s.Groups) {
				t.Fatalf("%s: %d groups, want %d", name, len(after.Groups), len(s.Groups))
			}
			for _, old := range s.Groups {
				if len(old.Units)-len(remove[old.ID]) == 1 {
					continue // nothing more can go, and a Reshape of one channel locks it
				}
				now := after.Named(old.Name)
				if now == nil || len(now.Units) != len(old.Units)-len(remove[old.ID]) || !slices.Equal(leaves(now), leaves(old)) {
					t.Errorf("%s: group %s is not found again", name, old.Name)
				}
			}
		}
	}
}

func leaves(g *groups.Group) []string {
	var names []string
	for _, m := range g.Members {
		names = append(names, m.Leaf.Name)
	}
	return names
}

// TestCutRefuses holds the errors of Cut.
func TestCutRefuses(t *testing.T) {
	g := nets.Mobile(1)
	s := nets.Structure(t, g)
	locked := s.Named("logits").ID
	for want, remove := range map[string]map[int][]int{
		"group 9, want 0 to 3":                           {9: {0}},
		"stem: 6 of 6 units, want at least one left":     {0: {0, 1, 2, 3, 4, 5}},
		"stem: unit 6 is named twice or is not one of 6": {0: {6}},
		"stem: unit 1 is named twice or is not one of 6": {0: {1, 1}},
		"logits is locked: graph output logits":          {locked: {0}},
	} {
		if _, _, err := groups.Cut(g, s, remove); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if _, _, err := groups.Cut(nets.Mobile(1), s, nil); err == nil {
		t.Error("a structure of another graph was taken")
	}
}

// TestCutNothing holds that an empty removal changes nothing.
func TestCutNothing(t *testing.T) {
	g := nets.Excite(1)
	same, change, err := groups.Cut(g, nets.Structure(t, g), map[int][]int{0: {}})
	if err != nil || len(change.Leaves) != 0 {
		t.Fatalf("error %v, change %v", err, change)
	}
	if d := cmp.Diff(g.String(), same.String()); d != "" {
		t.Error(d)
	}
}
