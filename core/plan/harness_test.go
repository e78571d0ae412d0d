package plan

import (
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// envOf is a kernel set on a pool of that many threads; pools are started once for all tests.
func envOf(set kernels.Set, threads int) graph.Env {
	poolsMu.Lock()
	defer poolsMu.Unlock()
	if pools[threads] == nil {
		pools[threads] = kernels.NewPool(threads)
	}
	return graph.Env{Kernels: set, Pool: pools[threads]}
}

var (
	poolsMu sync.Mutex
	pools   = map[int]*kernels.Pool{}
)

// plain is the generic kernels on two threads: the same plans on every machine.
func plain() graph.Env { return envOf(kernels.Generic(), 2) }

func compile(t testing.TB, g *graph.Graph, o Options) *Plan {
	t.Helper()
	if o.Env.Pool == nil {
		o.Env = plain()
	}
	p, err := Compile(g, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t testing.TB, p *Plan) {
	t.Helper()
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
}

// ramp fills v with numbers between -scale and scale that follow from their place and a seed.
// tools/golden/toy.py has the same.
func ramp(v []float32, seed int, scale float32) {
	for i := range v {
		v[i] = scale * (float32((i*7919+seed*104729+13)%1009)/504.5 - 1)
	}
}

// feed fills every input of a plan from a seed: rates and steps with numbers that are right.
func feed(p *Plan, seed int) {
	for i, n := range p.Graph.Role(graph.Input) {
		v := p.Data(n.Name)
		switch {
		case n.Name == "optim.lr":
			v[0] = 0.05
		case n.Name == "optim.step":
			v[0] = float32(seed + 1)
		case strings.HasPrefix(n.Name, "target"):
			oneHot(v, n.Shape[1], seed)
		case strings.HasPrefix(n.Name, "weight"):
			fill(v, 1/float32(len(v)))
		default:
			ramp(v, seed+31*i, 1)
		}
	}
}

func oneHot(v []float32, classes, seed int) {
	clear(v)
	for i := range len(v) / classes {
		v[i*classes+(i*i+seed)%classes] = 1
	}
}

func fill(v []float32, x float32) {
	for i := range v {
		v[i] = x
	}
}

// wantBits fails unless both are the same bits.
func wantBits(t testing.TB, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d floats, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s[%d] is %g, want the bits of %g", what, i, got[i], want[i])
		}
	}
}

// wantClose fails where the difference passes tol of the largest of want.
func wantClose(t testing.TB, what string, got, want []float32, tol float64) {
	t.Helper()
	scale := 0.0
	for _, x := range want {
		scale = max(scale, math.Abs(float64(x)))
	}
	for i, x := range want {
		if !(math.Abs(float64(got[i])-float64(x)) <= tol*scale) {
			t.Fatalf("%s[%d] is %g, want %g (largest %g)", what, i, got[i], x, scale)
		}
	}
}

func wantError(t testing.TB, err error, parts ...string) {
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
}

// builder adds leaves with numbers to a graph.
type builder struct {
	*graph.Graph
	seed int
}

func newBuilder() *builder { return &builder{Graph: graph.New()} }

// leaf is a leaf of values centre ± spread.
func (b *builder) leaf(role graph.Role, name string, centre, spread float32, s ...int) *graph.Node {
	v := tensor.Floats(tensor.Shape(s).Elems())
	b.seed++
	ramp(v, b.seed, spread)
	for i := range v {
		v[i] += centre
	}
	return b.Leaf(name, role, s, v)
}

func (b *builder) param(name string, s ...int) *graph.Node {
	fanIn := max(1, tensor.Shape(s).Elems()/s[0])
	return b.leaf(graph.Param, name, 0, float32(math.Sqrt(3/float64(fanIn))), s...)
}

// norm is a batch normalization with frozen statistics behind x.
func (b *builder) norm(name string, x *graph.Node) *graph.Node {
	c := x.Shape.Channels()
	return b.Add(name, op.BatchNormalization{Eps: 1e-3}, x, b.leaf(graph.Param, name+".gamma", 1, 0.25, c), b.leaf(graph.Param, name+".beta", 0, 0.25, c),
		b.leaf(graph.State, name+".mean", 0, 0.25, c), b.leaf(graph.State, name+".var", 0.75, 0.25, c))
}

// toy is a small classifier of 8×8 pictures: convolution, depthwise block with a residual, head.
// tools/golden/toy.py has the same.
func toy(batch int) *builder {
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{batch, 8, 8, 3}, nil)
	same := [4]int{1, 1, 1, 1}
	stem := b.Add("stem", op.Conv{Pads: same}, x, b.param("stem.w", 8, 3, 3, 3))
	r := b.Add("stem.relu", op.Relu{}, b.norm("stem.bn", stem))
	dw := b.Add("dw", op.Depthwise{Pads: same}, r, b.param("dw.w", 8, 3, 3, 1))
	d := b.Add("dw.relu6", op.Clip{Max: 6}, b.norm("dw.bn", dw))
	pw := b.norm("pw.bn", b.Add("pw", op.Conv{}, d, b.param("pw.w", 8, 1, 1, 8)))
	sum := b.Add("residual", op.Add{}, pw, r)
	wide := b.Add("wide", op.Conv{Stride: [2]int{2, 2}, Pads: same}, sum, b.param("wide.w", 16, 3, 3, 8), b.leaf(graph.Param, "wide.b", 0, 0.1, 16))
	gap := b.Add("gap", op.GlobalAveragePool{}, b.Add("wide.relu", op.Relu{}, wide))
	flat := b.Add("flat", op.Reshape{Dims: []int{16}}, gap)
	b.Outputs = []*graph.Node{b.Add("fc", op.Gemm{}, flat, b.param("fc.w", 5, 16), b.leaf(graph.Param, "fc.b", 0, 0.1, 5))}
	return b
}

// toyLoss is toy with a loss behind it, whose images weigh as the input weight says.
func toyLoss(batch int) *builder {
	b := toy(batch)
	target := b.Leaf("target", graph.Input, tensor.Shape{batch, 5}, nil)
	weight := b.Leaf("weight", graph.Input, tensor.Shape{batch}, nil)
	ce := b.Add("ce", op.SoftmaxCrossEntropy{Smoothing: 0.1}, b.Outputs[0], target, weight)
	b.Add("loss", op.Sum{}, ce)
	return b
}

// classifier is a classifier of the mean of map y into five classes, with a bias where biased, and its loss.
func (b *builder) classifier(y *graph.Node, biased bool) {
	batch, c := y.Shape[0], y.Shape.Channels()
	flat := b.Add("flat", op.Reshape{Dims: []int{c}}, b.Add("gap", op.GlobalAveragePool{}, y))
	in := []*graph.Node{flat, b.param("fc.w", 5, c)}
	if biased {
		in = append(in, b.leaf(graph.Param, "fc.b", 0, 0.1, 5))
	}
	b.Outputs = []*graph.Node{b.Add("fc", op.Gemm{}, in...)}
	target := b.Leaf("target", graph.Input, tensor.Shape{batch, 5}, nil)
	weight := b.Leaf("weight", graph.Input, tensor.Shape{batch}, nil)
	b.Add("loss", op.Sum{}, b.Add("ce", op.SoftmaxCrossEntropy{}, b.Outputs[0], target, weight))
}

// params are the names of the parameters of g that begin with one of the prefixes.
func params(g *graph.Graph, prefixes ...string) []string {
	var names []string
	for _, n := range g.Role(graph.Param) {
		for _, p := range prefixes {
			if strings.HasPrefix(n.Name, p) {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

// tally is y = x, counting how often it runs.
type tally struct{ runs *int }

func (tally) Kind() string                                  { return "Tally" }
func (tally) Infer(in []tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil }
func (c tally) Lower(_ *graph.Env, _ *graph.Node, m *graph.Mem) graph.Loop {
	return graph.Loop{Run: func() { *c.runs++; copy(m.Out, m.In[0]) }}
}

// lifeless is an op that cannot run.
type lifeless struct{ op.Relu }

func (lifeless) Kind() string { return "Lifeless" }
func (lifeless) Lower()       {}

func newRand(seed int) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), 77)) }
