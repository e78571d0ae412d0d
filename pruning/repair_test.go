package pruning_test

import (
	"math"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/internal/nets"
	"github.com/secateur/secateur/pruning/ridge"
)

// momentsAt is the moments of a tensor's channels over images and positions.
func momentsAt(t testing.TB, mem nets.Values, n *graph.Node) ridge.Moments {
	t.Helper()
	c := n.Shape.Channels()
	rows := n.Shape.Rows()
	sums := make([]float64, (c+1)*c)
	for r := range rows {
		a := mem[n.Name][r*c : (r+1)*c]
		for i := range c {
			sums[c*c+i] += float64(a[i])
			for j := range c {
				sums[i*c+j] += float64(a[i]) * float64(a[j])
			}
		}
	}
	m, err := ridge.MomentsOf(sums, c, rows)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// momentsOf is the moments at the inputs of all consumers.
func momentsOf(t testing.TB, s *groups.Structure, mem nets.Values, covariance bool) map[string]ridge.Moments {
	stats := map[string]ridge.Moments{}
	for _, g := range s.Free() {
		for _, c := range g.Consumers {
			m := momentsAt(t, mem, c.Op.In[0])
			if !covariance {
				m.Cov = nil
			}
			stats[c.Op.Name] = m
		}
	}
	return stats
}

// freeze makes the units' activations constant: the producer says nothing but β, behind it
// there are no borders.
func freeze(g *graph.Graph, name string, u int, beta float32) {
	g.Node(name + ".bn.gamma").Value[u] = 0
	g.Node(name + ".bn.beta").Value[u] = beta
}

// TestConstant is identity k: a masked channel that emits a constant, and the compact net with
// the constant folded into its consumer, agree to 1e-5: into a bias, into the mean of a batch norm
// behind it, into a bias made for it, and through a depthwise convolution.
func TestConstant(t *testing.T) {
	for _, test := range []struct {
		name, frozen string
		make         func(uint64) *graph.Graph
		groups       string
		biasAdded    bool
	}{
		{name: "into a gemm's bias", make: nets.Mobile, frozen: "pw2", groups: "pw2"},
		{name: "into batch norm", make: plain, frozen: "a", groups: "a"},
		{name: "into a new bias", make: plain, frozen: "b", groups: "b", biasAdded: true},
		{name: "through a depthwise convolution", make: nets.Mobile, frozen: "dw2", groups: "pw1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := test.make(1).Copy()
			s := nets.Structure(t, g)
			gr := s.Named(test.groups)
			remove := map[int][]int{gr.ID: {1, 3}}
			for _, u := range remove[gr.ID] {
				for _, i := range gr.Units[u].Indices(g.Node(test.frozen+".bn.gamma"), 0) {
					freeze(g, test.frozen, i, .3+.1*float32(u))
				}
			}
			full := nets.Run(t, g, nets.Images(1, 2))
			small, change, done, err := pruning.Prune(g, s, remove, momentsOf(t, s, full, false))
			if err != nil {
				t.Fatal(err)
			}
			nets.Near(t, "logits", nets.Run(t, small, nets.Images(1, 2))["logits"], full["logits"], 1e-5)
			if len(done) != 1 || done[0].Skipped != "" || done[0].Removed < 2 || len(change.Leaves) == 0 {
				t.Errorf("repaired %+v", done)
			}
			if added := small.Node("c.bias") != nil; added != test.biasAdded {
				t.Errorf("a bias was added: %v", added)
			}
			cut, _, err := groups.Cut(g, s, remove)
			if err != nil {
				t.Fatal(err)
			}
			if d := distance(nets.Run(t, cut, nets.Images(1, 2))["logits"], full["logits"]); d < 1e-3 {
				t.Errorf("the cut alone is %g away: the test shows nothing", d)
			}
		})
	}
}

// plain has three 1×1 convolutions: batch norm behind b, nothing behind c.
func plain(seed uint64) *graph.Graph {
	b, x := nets.New(seed)
	x = b.Unit("a", x, 6, 1, 1)
	x = b.Unit("b", x, 7, 1, 1)
	x = b.Relu("c.relu", b.Conv("c", x, 5, 1, 1, false))
	return b.PooledHead(x)
}

func distance(a, b []float32) float64 {
	d := 0.0
	for i := range a {
		d = max(d, math.Abs(float64(a[i]-b[i])))
	}
	return d
}

// TestRebuild removes a channel that is the sum of two others plus a constant: the kept ones
// rebuild it, but for the ridge.
func TestRebuild(t *testing.T) {
	b, x := nets.New(3)
	x = b.Conv("a", x, 5, 1, 1, true) // linear, so that channels can depend on each other
	g := b.PooledHead(b.Relu("c.relu", b.Conv("c", x, 4, 3, 1, true)))
	w, bias := g.Node("a.w").Value, g.Node("a.b").Value
	for i := range 3 {
		w[2*3+i] = w[0*3+i] + w[1*3+i]
	}
	bias[2] = bias[0] + bias[1] + .25
	before := tensor.Shape{4, 3, 3, 5}
	old := append([]float32(nil), g.Node("c.w").Value...)
	s := nets.Structure(t, g)
	full := nets.Run(t, g, nets.Images(3, 2))
	remove := map[int][]int{s.Named("a").ID: {2}}
	errs := map[bool]float64{}
	for _, rebuild := range []bool{false, true} {
		small, _, done, err := pruning.Prune(g, s, remove, momentsOf(t, s, full, rebuild))
		if err != nil {
			t.Fatal(err)
		}
		errs[rebuild] = distance(nets.Run(t, small, nets.Images(3, 2))["logits"], full["logits"])
		if rebuild && (done[0].Explained < .95 || done[0].Explained > 1+1e-6) {
			t.Errorf("explained %g of a channel that is a sum of two others", done[0].Explained)
		}
	}
	if !(errs[true] < errs[false]/4) {
		t.Errorf("off by %g with the rebuild, %g with the mean alone", errs[true], errs[false])
	}
	for i, v := range g.Node("c.w").Value {
		if v != old[i] || len(old) != before.Elems() {
			t.Fatal("the graph's own weights were changed")
		}
	}
}

// TestRidgeByHand compares Repair with the solution of one kept and one removed channel:
// B = cov/(var+λ), λ = 0.01·trace/2.
func TestRidgeByHand(t *testing.T) {
	g := graph.New()
	x := g.Leaf("x", graph.Input, tensor.Shape{1, 3}, nil)
	leaf := func(name string, v []float32, s ...int) *graph.Node { return g.Leaf(name, graph.Param, s, v) }
	h := g.Add("h", op.Gemm{}, x, leaf("h.w", []float32{1, 2, 3, 4, 5, 6}, 2, 3))
	y := g.Add("y", op.Gemm{}, h, leaf("y.w", []float32{.5, 2, -1, 3}, 2, 2), leaf("y.b", []float32{1, 2}, 2))
	g.Outputs = []*graph.Node{y}
	stats := map[string]ridge.Moments{"y": {Mean: []float64{.7, -.4}, Cov: []float64{2, .6, .6, 1}}}
	small, _, done, err := pruning.Prune(g, nets.Structure(t, g), map[int][]int{0: {1}}, stats)
	if err != nil {
		t.Fatal(err)
	}
	coef := .6 / (2 + .01*3/2)
	constant := -.4 - coef*.7
	nets.Near(t, "weight", small.Node("y.w").Value, []float32{float32(.5 + 2*coef), float32(-1 + 3*coef)}, 1e-6)
	nets.Near(t, "bias", small.Node("y.b").Value, []float32{float32(1 + 2*constant), float32(2 + 3*constant)}, 1e-6)
	if math.Abs(done[0].Explained-coef*.6) > 1e-9 {
		t.Errorf("explained %g, want %g", done[0].Explained, coef*.6)
	}
}

// TestRepairKeepsStructure runs the full repair on every net: units are found again, and dead
// channels, whose covariance is singular, do no harm.
func TestRepairKeepsStructure(t *testing.T) {
	for name, make := range nets.All() {
		g := make(1).Copy()
		s := nets.Structure(t, g)
		nets.Silence(g, s, map[int][]int{0: {0}})
		full := nets.Run(t, g, nets.Images(1, 2))
		remove := map[int][]int{}
		for _, gr := range s.Free() {
			if len(gr.Units) > 1 {
				remove[gr.ID] = []int{0}
			}
		}
		small, _, done, err := pruning.Prune(g, s, remove, momentsOf(t, s, full, true))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, r := range done {
			if shared := strings.HasPrefix(r.Consumer, "tower") || strings.HasPrefix(r.Consumer, "box"); shared != (r.Skipped != "") {
				t.Errorf("%s: %+v", name, r)
			}
		}
		mem := nets.Run(t, small, nets.Images(1, 2))
		for _, o := range small.Outputs {
			if !nets.Finite(mem[o.Name]) {
				t.Errorf("%s: output %s is not finite", name, o.Name)
			}
		}
	}
}

// TestRepairRefuses holds the errors of bad moments.
func TestRepairRefuses(t *testing.T) {
	g := plain(1)
	s := nets.Structure(t, g)
	bad := map[string]ridge.Moments{
		"moments of 2 channels": {Mean: []float64{1, 2}},
		"moments hold NaN":      {Mean: []float64{1, 2, 3, 4, 5, math.NaN()}},
	}
	for want, m := range bad {
		_, _, _, err := pruning.Prune(g, s, map[int][]int{0: {1}}, map[string]ridge.Moments{"b": m})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
