package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// small is x → conv → bn → relu → gap → fc, with fc as output and a branch that nobody reads.
func small() *graph.Graph {
	g := graph.New()
	x := g.Leaf("x", graph.Input, tensor.Shape{2, 4, 4, 3}, nil)
	w := g.Leaf("conv.w", graph.Param, tensor.Shape{8, 3, 3, 3}, make([]float32, 216))
	c := g.Add("conv", op.Conv{Pads: [4]int{1, 1, 1, 1}}, x, w)
	in := []*graph.Node{c}
	for i, name := range []string{"gamma", "beta", "mean", "var"} {
		role := graph.Param
		if i > 1 {
			role = graph.State
		}
		in = append(in, g.Leaf("bn."+name, role, tensor.Shape{8}, make([]float32, 8)))
	}
	r := g.Add("relu", op.Relu{}, g.Add("bn", op.BatchNormalization{Eps: 1e-5}, in...))
	g.Add("dead", op.Sigmoid{}, r)
	p := g.Add("flat", op.Reshape{Dims: []int{8}}, g.Add("gap", op.GlobalAveragePool{}, r))
	fc := g.Add("fc", op.Gemm{}, p, g.Leaf("fc.w", graph.Param, tensor.Shape{5, 8}, make([]float32, 40)))
	g.Outputs = []*graph.Node{fc}
	g.Meta["made"] = "here"
	return g
}

func names(nodes []*graph.Node) string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.Name)
	}
	return strings.Join(out, " ")
}

// wantGraph fails unless g passes its own check and lists these nodes.
func wantGraph(t *testing.T, g *graph.Graph, want string) {
	t.Helper()
	if err := g.Check(); err != nil {
		t.Error(err)
	}
	if got := names(g.Nodes); got != want {
		t.Errorf("nodes %s\nwant  %s", got, want)
	}
}

// wantError fails unless err says all of parts.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q, want %q in it", err, p)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q has more than one line", err)
	}
}

func TestNamesAreUnique(t *testing.T) {
	g := graph.New()
	x := g.Leaf("x", graph.Input, tensor.Shape{1, 2}, nil)
	for range 3 {
		x = g.Add("x", op.Relu{}, x)
	}
	g.Add("x#2", op.Relu{}, x)
	wantGraph(t, g, "x x#2 x#3 x#4 x#2#2")
	for _, n := range g.Nodes {
		if g.Node(n.Name) != n {
			t.Errorf("name %q does not lead back to its node", n.Name)
		}
	}
	if g.Node("y") != nil {
		t.Error("a name that nobody has leads somewhere")
	}
}

func TestTryNamesTheNode(t *testing.T) {
	g := graph.New()
	x := g.Leaf("x", graph.Input, tensor.Shape{1, 4, 4, 3}, nil)
	w := g.Leaf("w", graph.Param, tensor.Shape{8, 3, 3, 2}, make([]float32, 144))
	_, err := g.Try("stem", op.Conv{}, x, w)
	wantError(t, err, "stem", "Conv", "3", "2")
	stranger := graph.New().Leaf("s", graph.Input, tensor.Shape{1}, nil)
	_, err = g.Try("r", op.Relu{}, stranger)
	wantError(t, err, "r:", `"s"`, "not a node of this graph")
	_, err = g.Try("r", graph.Leaf{Role: graph.Const})
	wantError(t, err, "Graph.Leaf")
	if len(g.Nodes) != 2 || g.Node("stem") != nil {
		t.Errorf("a refused node is in the graph: %s", names(g.Nodes))
	}
}

func TestLeafWantsAValueForEachElement(t *testing.T) {
	for _, c := range []func(){
		func() { graph.New().Leaf("w", graph.Param, tensor.Shape{2, 2}, make([]float32, 3)) },
		func() { graph.New().Leaf("x", graph.Input, tensor.Shape{0}, nil) },
		func() { graph.New().Add("r", op.Relu{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a leaf or node that fits nothing is accepted")
				}
			}()
			c()
		}()
	}
}

func TestCounts(t *testing.T) {
	g := small()
	if got, want := g.Params(), 216+16+40; got != want {
		t.Errorf("%d parameters, want %d", got, want)
	}
	if got, want := g.MACs(), int64(2*16*8*27+2*5*8); got != want {
		t.Errorf("%d multiply-adds, want %d", got, want)
	}
	if got := g.Batch(); got != 2 {
		t.Errorf("batch %d, want 2", got)
	}
	if got := graph.New().Batch(); got != 0 {
		t.Errorf("batch of nothing is %d, want 0", got)
	}
	if got := names(g.Role(graph.State)); got != "bn.mean bn.var" {
		t.Errorf("state is %q", got)
	}
}

func TestUsersCountsEachRead(t *testing.T) {
	g := graph.New()
	x := g.Leaf("x", graph.Input, tensor.Shape{1, 2}, nil)
	y := g.Add("y", op.Add{}, x, x)
	users := g.Users()
	if !slices.Equal(users[x.ID], []*graph.Node{y, y}) || len(users[y.ID]) != 0 {
		t.Errorf("users %v", users)
	}
}

func TestCloneSharesValuesAndCopyDoesNot(t *testing.T) {
	g := small()
	c, at := g.Clone()
	wantGraph(t, c, names(g.Nodes))
	for _, n := range g.Nodes {
		m := at[n]
		if m == n || m.Name != n.Name || m.ID != n.ID || !m.Shape.Equal(n.Shape) || len(m.In) != len(n.In) {
			t.Errorf("%s became %s", n.Name, m.Name)
		}
		if n.Value != nil && &m.Value[0] != &n.Value[0] {
			t.Errorf("%s: the clone has a value of its own", n.Name)
		}
	}
	if names(c.Outputs) != "fc" || c.Meta["made"] != "here" {
		t.Errorf("outputs %q, meta %v", names(c.Outputs), c.Meta)
	}
	c.Meta["made"] = "there"
	if g.Meta["made"] != "here" {
		t.Error("the clone's meta is the graph's")
	}
	own := g.Copy()
	own.Node("fc.w").Value[0] = 7
	if g.Node("fc.w").Value[0] != 0 {
		t.Error("the copy shares a value")
	}
}

func TestMapReplacesAndLeavesOut(t *testing.T) {
	g := small()
	swap := func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
		switch n.Name {
		case "bn": // skipped: its readers read the convolution
			return in[0], nil
		case "dead", "bn.gamma", "bn.beta", "bn.mean", "bn.var":
			return nil, nil
		case "relu":
			return dst.Try(n.Name, op.HardSwish{}, in...)
		}
		return dst.Keep(n, in)
	}
	m, at, err := graph.Map(g, swap)
	if err != nil {
		t.Fatal(err)
	}
	wantGraph(t, m, "x conv.w conv relu gap flat fc.w fc")
	if m.Node("relu").In[0] != m.Node("conv") || at[g.Node("bn")] != m.Node("conv") || m.Node("relu").Op.Kind() != "HardSwish" {
		t.Errorf("mapped to\n%v", m)
	}
	wantGraph(t, g, names(g.Nodes))
}

func TestMapRefuses(t *testing.T) {
	g := small()
	leaveOut := func(name string) error {
		_, _, err := graph.Map(g, func(dst *graph.Graph, n *graph.Node, in []*graph.Node) (*graph.Node, error) {
			if n.Name == name {
				return nil, nil
			}
			return dst.Keep(n, in)
		})
		return err
	}
	wantError(t, leaveOut("conv"), "bn", `"conv"`, "left out")
	wantError(t, leaveOut("fc"), `output "fc"`, "left out")
	_, _, err := graph.Map(g, func(*graph.Graph, *graph.Node, []*graph.Node) (*graph.Node, error) {
		return nil, fmt.Errorf("stop")
	})
	wantError(t, err, "stop")
}

func TestWithBatch(t *testing.T) {
	g := small()
	step := g.Leaf("step", graph.Input, tensor.Shape{1}, nil)
	g.Add("drop", op.DropoutTrain{Ratio: 0.5}, g.Node("fc"), step)
	b, at, err := g.WithBatch(7)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Check(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"x", "conv", "flat", "fc", "drop"} {
		if n := b.Node(name); n.Shape[0] != 7 || at[g.Node(name)] != n {
			t.Errorf("%s has shape %v, want a batch of 7", name, n.Shape)
		}
	}
	if !b.Node("step").Shape.Equal(tensor.Shape{1}) || &b.Node("conv.w").Value[0] != &g.Node("conv.w").Value[0] {
		t.Error("what is not of the batch did not stay")
	}
	_, _, err = g.WithBatch(0)
	wantError(t, err, "batch of 0")
	_, _, err = g.WithBatch(1 << 40)
	wantError(t, err, "x", "elements")
}

func TestNeed(t *testing.T) {
	g := small()
	need := g.Need(g.Node("relu"))
	var got []*graph.Node
	for _, n := range g.Nodes {
		if need[n.ID] {
			got = append(got, n)
		}
	}
	if names(got) != "x conv.w conv bn.gamma bn.beta bn.mean bn.var bn relu" {
		t.Errorf("relu needs %s", names(got))
	}
}

func TestSub(t *testing.T) {
	g := small()
	live, _, err := g.Sub(nil, g.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	wantGraph(t, live, "x conv.w conv bn.gamma bn.beta bn.mean bn.var bn relu gap flat fc.w fc")
	head, at, err := g.Sub([]*graph.Node{g.Node("flat")}, g.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	wantGraph(t, head, "flat fc.w fc")
	if f := head.Node("flat"); !f.Is(graph.Input) || !f.Shape.Equal(tensor.Shape{2, 8}) || at[g.Node("flat")] != f {
		t.Errorf("the cut is %v", head)
	}
	if names(head.Outputs) != "fc" || head.Meta["made"] != "here" || names(g.Outputs) != "fc" {
		t.Errorf("outputs %s, meta %v", names(head.Outputs), head.Meta)
	}
	both, _, err := g.Sub([]*graph.Node{g.Node("conv")}, []*graph.Node{g.Node("relu"), g.Node("conv")})
	if err != nil {
		t.Fatal(err)
	}
	wantGraph(t, both, "conv bn.gamma bn.beta bn.mean bn.var bn relu")
}

func TestCheckFindsABrokenGraph(t *testing.T) {
	for _, c := range []struct {
		what  string
		spoil func(g *graph.Graph)
		want  string
	}{
		{"shape", func(g *graph.Graph) { g.Node("relu").Shape = tensor.Shape{2, 4, 4, 9} }, "relu"},
		{"no axis", func(g *graph.Graph) { g.Node("relu").Shape = tensor.Shape{2, 0, 4, 8} }, "relu"},
		{"value", func(g *graph.Graph) { n := g.Node("fc.w"); n.Value = n.Value[1:] }, "fc.w"},
		{"value of a feed", func(g *graph.Graph) { g.Node("x").Value = make([]float32, 96) }, "x"},
		{"leaf shape", func(g *graph.Graph) { g.Node("fc.w").Shape = tensor.Shape{1 << 62, 4} }, "fc.w"},
		{"leaf input", func(g *graph.Graph) { n := g.Node("fc.w"); n.In = []*graph.Node{g.Node("x")} }, "fc.w"},
		{"weight", func(g *graph.Graph) {
			n := g.Node("conv.w")
			n.Shape, n.Value = tensor.Shape{8, 3, 3, 2}, make([]float32, 144)
		}, "conv"},
		{"order", func(g *graph.Graph) {
			a, b := g.Node("gap"), g.Node("flat")
			g.Nodes[a.ID], g.Nodes[b.ID] = b, a
			a.ID, b.ID = b.ID, a.ID
		}, "flat"},
		{"cycle", func(g *graph.Graph) { g.Node("conv").In[0] = g.Node("relu") }, "conv"},
		{"number", func(g *graph.Graph) { g.Node("gap").ID = 3 }, "gap"},
		{"name", func(g *graph.Graph) { g.Node("gap").Name = "flat" }, "flat"},
		{"stranger", func(g *graph.Graph) { g.Node("gap").In[0] = g.Copy().Node("relu") }, "gap"},
		{"nothing", func(g *graph.Graph) { g.Node("gap").In[0] = nil }, "gap"},
		{"output", func(g *graph.Graph) { g.Outputs = []*graph.Node{g.Copy().Node("fc")} }, "fc"},
		{"input count", func(g *graph.Graph) { n := g.Node("bn"); n.In = n.In[:4] }, "bn"},
	} {
		g := small()
		if err := g.Check(); err != nil {
			t.Fatal(err)
		}
		c.spoil(g)
		t.Run(c.what, func(t *testing.T) { wantError(t, g.Check(), c.want) })
	}
}

func TestStringListsTheNodes(t *testing.T) {
	s := small().String()
	if n := strings.Count(s, "\n"); n != 14 {
		t.Errorf("%d lines, want one for each of 14 nodes:\n%s", n, s)
	}
	for _, want := range []string{"Reshape{Dims:[8]}", "2×4×4×8", "bn.mean bn.var", "Relu "} {
		if !strings.Contains(s, want) {
			t.Errorf("%q is not in\n%s", want, s)
		}
	}
}
