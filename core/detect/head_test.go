package detect

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/pruning/groups"
)

// small is a detector of two levels on it.
func small(t testing.TB) *graph.Graph {
	t.Helper()
	g, err := Head{Strides: []int{4, 8}, Width: 16, Depth: 2, Seed: 1}.AddHead(toy.Backbone(), []string{"x", "y"})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// run is the outputs of a network for pictures of noise.
func run(t testing.TB, g *graph.Graph) [][]float32 {
	t.Helper()
	p, err := plan.Compile(g, plan.Options{Env: toy.Env(t), Fold: true})
	if err != nil {
		t.Fatal(err)
	}
	r, x := random.Stream(1, "picture", 0), p.Data(g.Role(graph.Input)[0].Name)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	var out [][]float32
	for _, o := range g.Outputs {
		out = append(out, slices.Clone(p.Data(o.Name)))
	}
	return out
}

// TestAddHead: logits at the prior and boxes around the centres of their anchors, level by level; the backbone's values
// are copies and the classifier is gone.
func TestAddHead(t *testing.T) {
	b := toy.Backbone()
	g := small(t)
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	if !Is(g) || Is(b) || !slices.Equal(g.Labels(), []string{"x", "y"}) || g.Node("fc") != nil || g.Node("c.relu") == nil {
		t.Fatalf("outputs %v, labels %v", g.Outputs, g.Labels())
	}
	for n := range OwnParams(g) {
		if strings.HasSuffix(n.Name, "weight") && (strings.Contains(n.Name, "box4") || strings.Contains(n.Name, "class8")) {
			clear(n.Value)
		}
	}
	out := run(t, g)
	anchors := 8*8 + 4*4
	if len(out[0]) != anchors*2 || len(out[1]) != anchors*4 {
		t.Fatalf("%d logits, %d edges for %d anchors", len(out[0]), len(out[1]), anchors)
	}
	toy.Near(t, "score of the level with weights 0", float64(Score(out[0][2*64])), prior, 1e-6)
	for a := range 64 {
		x, y := float64(4*(a%8)+2), float64(4*(a/8)+2)
		for k, want := range []float64{x - 8, y - 8, x + 8, y + 8} {
			toy.Near(t, "edge", float64(out[1][4*a+k]), want, 1e-4)
		}
	}
	for a := 64; a < anchors; a++ {
		c, e := g.Node(Centres).Value[4*a:], out[1][4*a:]
		if x, y := float32(8*((a-64)%4)+4), float32(8*((a-64)/4)+4); c[0] != x || c[1] != y || c[2] != x || c[3] != y {
			t.Errorf("anchor %d lies at %v", a, c[:4])
		}
		if !(e[0] < c[0] && e[1] < c[1] && c[2] < e[2] && c[3] < e[3]) {
			t.Errorf("box %v does not hold its centre %v", e[:4], c[:4])
		}
	}
	g.Node("a.weight").Value[0]++
	if b.Node("a.weight").Value[0] == g.Node("a.weight").Value[0] {
		t.Error("the backbone shares its values")
	}
}

// TestHeadShares: levels share the towers and nothing else, and a seed makes the same head again.
func TestHeadShares(t *testing.T) {
	g := small(t)
	uses := map[*graph.Node]int{}
	for _, n := range g.Nodes {
		for _, in := range n.In {
			uses[in]++
		}
	}
	for n := range OwnParams(g) {
		want := 1
		if strings.HasPrefix(n.Name, Prefix+"class.") || strings.HasPrefix(n.Name, Prefix+"box.") {
			want = 2
		}
		if uses[n] != want {
			t.Errorf("%s is read %d times, want %d", n.Name, uses[n], want)
		}
	}
	again := small(t)
	for n := range OwnParams(g) {
		if !slices.Equal(n.Value, again.Node(n.Name).Value) {
			t.Errorf("%s is drawn anew", n.Name)
		}
	}
}

// TestHeadGroups: what anchors answer is locked, pyramid and towers may be pruned, and a cut of them leaves a network that
// computes what the gated one does.
func TestHeadGroups(t *testing.T) {
	g := small(t)
	st, err := groups.Find(g)
	if err != nil {
		t.Fatal(err)
	}
	free := map[string]bool{}
	for _, gr := range st.Groups {
		free[gr.Name] = !gr.Locked
	}
	for name, want := range map[string]bool{"a": true, "c": true, Prefix + "class4": false, Prefix + "box4": false, Prefix + "lateral8": true,
		Prefix + "smooth4": true, Prefix + "class.0.4": true, Prefix + "box.1.4": true} {
		if got, ok := free[name]; !ok || got != want {
			t.Errorf("%s: free %v, known %v, want %v", name, got, ok, want)
		}
	}
	gated, remove := g.Copy(), map[int][]int{}
	for _, gr := range st.Free() {
		remove[gr.ID] = []int{0, 2}
		for _, u := range []int{0, 2} { // what reads the filter reads nothing
			for _, s := range gr.Units[u].Slices {
				if n := gated.Node(s.Node.Name); n.Is(graph.Param) && s.Axis == len(n.Shape)-1 && len(n.Shape) == 4 && n.Shape[3] > 1 {
					for i := s.Index; i < len(n.Value); i += n.Shape[3] {
						n.Value[i] = 0
					}
				}
			}
		}
	}
	compact, _, err := groups.Cut(g, st, remove)
	if err != nil {
		t.Fatal(err)
	}
	near(t, run(t, compact), run(t, gated))
}

func near(t *testing.T, got, want [][]float32) {
	t.Helper()
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("output %d has %d values, want %d", i, len(got[i]), len(want[i]))
		}
		for k := range want[i] {
			if d := math.Abs(float64(got[i][k] - want[i][k])); d > 1e-4*(1+math.Abs(float64(want[i][k]))) {
				t.Fatalf("output %d, value %d is %v, want %v", i, k, got[i][k], want[i][k])
			}
		}
	}
}

// TestHeadExport: the ONNX file of a detector, read back, is that detector.
func TestHeadExport(t *testing.T) {
	g := small(t)
	path := filepath.Join(t.TempDir(), "d.onnx")
	if err := onnx.Export(g, path); err != nil {
		t.Fatal(err)
	}
	back, err := onnx.Import(path, onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !Is(back) {
		t.Fatalf("outputs of %v", shapes(back.Outputs))
	}
	near(t, run(t, back), run(t, g))
}

// TestHeadReplaced: a new head reads what the old one read.
func TestHeadReplaced(t *testing.T) {
	g, err := Head{Strides: []int{8}, Width: 8, Depth: 1, Seed: 1}.AddHead(small(t), toy.Classes)
	if err != nil {
		t.Fatal(err)
	}
	if lateral := g.Node(Prefix + "lateral8"); lateral.In[0].Name != "c.relu" || g.Node(Prefix+"smooth4") != nil {
		t.Errorf("the new head reads %s of\n%v", lateral.In[0].Name, g)
	}
}

// TestHeadRefuses: a backbone without a level.
func TestHeadRefuses(t *testing.T) {
	if _, err := (Head{Strides: []int{16, 32}, Width: 8, Depth: 1}).AddHead(toy.Backbone(), toy.Classes); err == nil || !strings.Contains(err.Error(), "stride 16") {
		t.Errorf("error %v", err)
	}
}
