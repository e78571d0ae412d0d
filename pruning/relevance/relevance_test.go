package relevance_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/internal/nets"
	"github.com/secateur/secateur/pruning/relevance"
)

// begin is a constant start at the graph's first output: 1 at one logit of each image where these are logits, else random.
func begin(g *graph.Graph) *graph.Node {
	s := g.Outputs[0].Shape
	v := tensor.Floats(s.Elems())
	if len(s) == 2 {
		for i := range s[0] {
			v[i*s[1]+(i+1)%s[1]] = 1
		}
	} else {
		rng := rand.New(rand.NewPCG(4, 4))
		for i := range v {
			v[i] = rng.Float32()
		}
	}
	return g.Leaf("start", graph.Const, s, v)
}

// activations are the nodes of g that are made from the picture, and the picture.
func activations(g *graph.Graph) []*graph.Node {
	live := map[*graph.Node]bool{}
	var list []*graph.Node
	for _, n := range g.Nodes {
		live[n] = n.Is(graph.Input)
		for _, in := range n.In {
			live[n] = live[n] || live[in]
		}
		if live[n] {
			list = append(list, n)
		}
	}
	return list
}

// propagate runs g with the relevance of all activations; "r." before a name is its relevance.
func propagate(t testing.TB, g *graph.Graph, rules relevance.Rules, feeds nets.Values) nets.Values {
	t.Helper()
	at := activations(g)
	r, err := relevance.Propagate(g, g.Outputs[0], begin(g), at, rules)
	if err != nil {
		t.Fatal(err)
	}
	mem := nets.Run(t, g, feeds)
	for n, d := range r {
		mem["r."+n.Name] = mem[d.Name]
	}
	return mem
}

// TestNaive: every node of every small net has the relevance that handing out element by element gives.
func TestNaive(t *testing.T) {
	for name, net := range nets.All() {
		t.Run(name, func(t *testing.T) {
			g := net(3)
			plain := net(3)
			feeds := nets.Images(5, 2)
			mem := propagate(t, g, relevance.Rules{}, feeds)
			want := naively(t, plain, plain.Outputs[0], nets.Run(t, plain, feeds), mem["start"])
			compared := 0
			for _, n := range activations(plain) {
				got, ok := mem["r."+n.Name]
				if !ok {
					continue
				}
				compared++
				close32(t, n.Name, got, want[n.Name], 2e-4)
			}
			if compared < 10 && name != "flat" {
				t.Errorf("%d nodes have relevance", compared)
			}
		})
	}
}

func close32(t testing.TB, what string, got []float32, want []float64, tol float64) {
	t.Helper()
	top := 1e-9
	for _, v := range want {
		top = math.Max(top, math.Abs(v))
	}
	for i, v := range want {
		if !(math.Abs(float64(got[i])-v) <= tol*top) {
			t.Errorf("%s: relevance %d is %g, want %g (largest %g)", what, i, got[i], v, top)
			return
		}
	}
}

// unbiased is g without what is added to its activations.
func unbiased(g *graph.Graph) *graph.Graph {
	for _, n := range g.Nodes {
		for _, suffix := range []string{".b", ".beta", ".mean"} {
			if strings.HasSuffix(n.Name, suffix) && n.IsLeaf() {
				clear(n.Value)
			}
		}
	}
	return g
}

// TestConserved is identity j: what stands at one logit is neither lost nor won in any layer of a chain; at a fork the
// branches have it together. An output that is active by its bias alone has nobody to hand its relevance to, so
// biases are 0 here.
func TestConserved(t *testing.T) {
	for name, layers := range map[string][][]string{
		"mobile":   {{"gap"}, {"pw2.relu"}, {"dw2.relu"}, {"pw1.relu"}, {"dw1.relu"}, {"stem.relu"}, {"image"}},
		"fire":     {{"reduce.relu"}, {"cat"}, {"e1.relu", "e3.relu"}, {"squeeze.relu"}, {"pool"}, {"conv1.relu"}, {"image"}},
		"residual": {{"b3.relu"}, {"b3.b", "b3.short"}, {"b2.relu"}, {"b1.relu"}, {"stem.relu"}},
		"shuffle":  {{"last.relu"}, {"s2.cat"}},
		"excite":   {{"se.mul"}, {"dw.act"}, {"expand.relu"}},
	} {
		g := unbiased(nets.All()[name](3))
		mem := propagate(t, g, relevance.Rules{}, nets.Images(5, 2))
		for _, names := range layers {
			for image := range 2 {
				sum := 0.0
				for _, n := range names {
					r := mem["r."+n]
					for _, v := range r[image*len(r)/2 : (image+1)*len(r)/2] {
						sum += float64(v)
						if v < 0 {
							t.Fatalf("%s, %s: relevance %g, want none below 0", name, n, v)
						}
					}
				}
				if math.Abs(sum-1) > 1e-4 {
					t.Errorf("%s, %v, image %d: relevance adds up to %g, want 1", name, names, image, sum)
				}
			}
		}
	}
}

// vector is a net of one op behind a picture of one pixel, read as two values.
func vector(w []float32, bias []float32) *graph.Graph {
	g := graph.New()
	x := g.Leaf("x", graph.Input, tensor.Shape{1, 2}, nil)
	in := []*graph.Node{g.Add("a", op.Identity{}, x), g.Leaf("w", graph.Param, tensor.Shape{2, 2}, w)}
	if bias != nil {
		in = append(in, g.Leaf("b", graph.Param, tensor.Shape{2}, bias))
	}
	g.Outputs = []*graph.Node{g.Add("y", op.Gemm{}, in...)}
	return g
}

// TestRules has each rule by hand: y2 = w·x + b with relevance 1.
func TestRules(t *testing.T) {
	w := []float32{9, 9, 2, -1} // the second row counts
	for _, c := range []struct {
		name string
		rule relevance.Rule
		x    []float32
		b    []float32
		want []float32
	}{
		{"z+", relevance.ZPlus{}, []float32{1, 3}, []float32{0, 5}, []float32{1, 0}},
		{"z+ of two signs", relevance.ZPlus{}, []float32{1, -2}, []float32{0, 5}, []float32{0.5, 0.5}},
		{"eps", relevance.Epsilon{}, []float32{1, 3}, []float32{0, 5}, []float32{0.5, -0.75}},
		{"eps below 0", relevance.Epsilon{Eps: 1}, []float32{1, 3}, nil, []float32{-1, 1.5}},
		{"gamma", relevance.Gamma{Factor: 1}, []float32{1, 1}, []float32{0, 0.5}, []float32{1, -0.25}},
		{"gamma of two signs", relevance.Gamma{Factor: 1}, []float32{1, -1}, []float32{0, -3}, []float32{4. / 3, 2. / 3}},
		{"alpha-beta", relevance.AlphaBeta{}, []float32{1, 3}, []float32{0, 5}, []float32{2, -1}},
		{"alpha 1", relevance.AlphaBeta{Alpha: 1}, []float32{1, -2}, nil, []float32{0.5, 0.5}},
		{"alpha-beta of two signs", relevance.AlphaBeta{}, []float32{-1, -2}, nil, []float32{-1, 2}},
		{"box", relevance.ZBox{Low: []float32{-1, -1}, High: []float32{2, 3}}, []float32{1, 1}, nil, []float32{4. / 6, 2. / 6}},
	} {
		g := vector(w, c.b)
		mem := propagate(t, g, relevance.Rules{Layers: c.rule}, nets.Values{"x": c.x})
		var want []float64
		for _, v := range c.want {
			want = append(want, float64(v))
		}
		close32(t, c.name, mem["r.a"], want, 1e-4)
	}
}

// TestFirst: another rule where the picture itself is read, and only there.
func TestFirst(t *testing.T) {
	first := relevance.ZBox{Low: []float32{-1, -1, -1}, High: []float32{1, 1, 1}}
	boxed := propagate(t, nets.Fire(3), relevance.Rules{First: first}, nets.Images(5, 2))
	plain := propagate(t, nets.Fire(3), relevance.Rules{}, nets.Images(5, 2))
	nets.Near(t, "conv1.relu", boxed["r.conv1.relu"], plain["r.conv1.relu"], 0)
	sum := 0.0
	for i, v := range boxed["r.image"] {
		sum += float64(v)
		if v < 0 || v == plain["r.image"][i] && v != 0 {
			t.Fatalf("pixel %d has %g, and %g by signs", i, v, plain["r.image"][i])
		}
	}
	if math.Abs(sum-2) > 1e-4 {
		t.Errorf("relevance of two images adds up to %g", sum)
	}
}

// TestPixels: the range of a picture's values is that of its preprocessing.
func TestPixels(t *testing.T) {
	z := relevance.Pixels(graph.Preprocess{Mean: [3]float32{127.5, 0, 255}, Std: [3]float32{127.5, 255, 1}})
	for c, want := range [][2]float32{{-1, 1}, {0, 1}, {-255, 0}} {
		if z.Low[c] != want[0] || z.High[c] != want[1] {
			t.Errorf("channel %d lies in %g to %g, want %v", c, z.Low[c], z.High[c], want)
		}
	}
}

// TestDead: where nothing is active nothing is handed on, and no value is a NaN.
func TestDead(t *testing.T) {
	for name, net := range nets.All() {
		g := net(3)
		for _, n := range g.Nodes {
			if n.Is(graph.Param) {
				clear(n.Value)
			}
		}
		for what, v := range propagate(t, g, relevance.Rules{First: relevance.ZBox{Low: []float32{-1, -1, -1}, High: []float32{1, 1, 1}}}, nets.Images(5, 2)) {
			if strings.HasPrefix(what, "r.") && !nets.Finite(v) {
				t.Errorf("%s: %s is not finite", name, what)
			}
		}
	}
}

// odd is an op that relevance has never heard of.
type odd struct{ op.Identity }

func (odd) Kind() string { return "Odd" }

// TestRefuses: the error names what there is no rule for.
func TestRefuses(t *testing.T) {
	for want, build := range map[string]func(g *graph.Graph, x, y *graph.Node) *graph.Node{
		"no rule for Odd":                  func(g *graph.Graph, x, _ *graph.Node) *graph.Node { return g.Add("z", odd{}, x) },
		"cannot tell the gate: a or b":     func(g *graph.Graph, x, y *graph.Node) *graph.Node { return g.Add("z", op.Mul{}, x, y) },
		"no rule for Max of two activatio": func(g *graph.Graph, x, y *graph.Node) *graph.Node { return g.Add("z", op.Max{}, x, y) },
		"Add repeats m": func(g *graph.Graph, x, y *graph.Node) *graph.Node {
			return g.Add("z", op.Add{}, x, g.Add("m", op.ReduceMean{Axis: 1, Keep: true}, y))
		},
	} {
		g := graph.New()
		x := g.Leaf("x", graph.Input, tensor.Shape{1, 2}, nil)
		z := build(g, g.Add("a", op.Relu{}, x), g.Add("b", op.Tanh{}, x))
		_, err := relevance.Propagate(g, z, g.Leaf("start", graph.Const, z.Shape, []float32{1, 1}), []*graph.Node{x}, relevance.Rules{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	g := graph.New()
	x := g.Leaf("x", graph.Input, tensor.Shape{1, 2}, nil)
	if _, err := relevance.Propagate(g, x, g.Leaf("start", graph.Const, tensor.Shape{2}, []float32{1, 1}), nil, relevance.Rules{}); err == nil {
		t.Error("a start of another shape is taken")
	}
}
