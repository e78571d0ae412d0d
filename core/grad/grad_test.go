package grad_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/grad"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// env is the plain kernels on one thread.
func env() graph.Env { return graph.Env{Kernels: kernels.Generic(), Pool: kernels.NewPool(1)} }

// builder adds random leaves to a graph.
type builder struct {
	*graph.Graph
	rng *rand.Rand
}

func newBuilder() *builder { return &builder{graph.New(), rand.New(rand.NewPCG(1, 2))} }

// random is a leaf of values between centre-spread and centre+spread.
func (b *builder) random(name string, role graph.Role, centre, spread float32, s ...int) *graph.Node {
	v := make([]float32, tensor.Shape(s).Elems())
	for i := range v {
		v[i] = centre + spread*(2*b.rng.Float32()-1)
	}
	return b.Leaf(name, role, s, v)
}

func (b *builder) param(name string, spread float32, s ...int) *graph.Node {
	return b.random(name, graph.Param, 0, spread, s...)
}

// net is a small network of everything that a backward pass has to join: convolution, frozen
// batch norm, relu read three times, depthwise, residual add, concatenation, classifier, loss.
// The shift of the norm keeps each channel of the relu on one side of its kink.
func net() *builder {
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{3, 6, 6, 4}, nil)
	c := b.Add("conv", op.Conv{Pads: [4]int{1, 1, 1, 1}}, x, b.param("conv.w", 0.2, 8, 3, 3, 4), b.param("conv.b", 0.5, 8))
	beta := b.param("bn.beta", 0.2, 8)
	for i := range beta.Value {
		beta.Value[i] += []float32{6, -6, 6, 6}[i%4]
	}
	n := b.Add("bn", op.BatchNormalization{Eps: 1e-3}, c, b.random("bn.gamma", graph.Param, 1, 0.2, 8), beta,
		b.random("bn.mean", graph.State, 0, 0.3, 8), b.random("bn.var", graph.State, 0.5, 0.2, 8))
	r := b.Add("relu", op.Relu{}, n)
	d := b.Add("dw", op.Depthwise{Pads: [4]int{1, 1, 1, 1}}, r, b.param("dw.w", 0.3, 8, 3, 3, 1), b.param("dw.b", 0.3, 8))
	a := b.Add("add", op.Add{}, d, r)
	k := b.Add("concat", op.Concat{Axis: 3}, a, r)
	f := b.Add("flat", op.Reshape{Dims: []int{16}}, b.Add("gap", op.GlobalAveragePool{}, k))
	logits := b.Add("fc", op.Gemm{}, f, b.param("fc.w", 0.3, 5, 16), b.param("fc.b", 0.3, 5))
	target := b.Leaf("target", graph.Const, tensor.Shape{3, 5}, []float32{1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0.25, 0, 0, 0.75})
	weight := b.Leaf("weight", graph.Const, tensor.Shape{3}, []float32{1, 0.5, 2})
	b.Add("loss", op.SoftmaxCrossEntropy{Smoothing: 0.1}, logits, target, weight)
	return b
}

// compile is plan.Compile of the loss for wrt.
func compile(t *testing.T, g *graph.Graph, wrt ...string) *plan.Plan {
	t.Helper()
	p, err := plan.Compile(g, plan.Options{Env: env(), Loss: "loss", Wrt: wrt})
	if err != nil {
		t.Fatal(err)
	}
	feed(p)
	return p
}

// feed fills the input, where the plan has one, with the same numbers each time.
func feed(p *plan.Plan) {
	if !p.Has("x") {
		return
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range p.Data("x") {
		p.Data("x")[i] = 2*rng.Float32() - 1
	}
}

// total runs p afresh and sums the loss.
func total(t *testing.T, p *plan.Plan) float64 {
	t.Helper()
	p.Refresh()
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	s := 0.0
	for _, v := range p.Data("loss") {
		s += float64(v)
	}
	return s
}

// wantNumeric compares got with the central differences of the loss over v, a step of h to both sides.
func wantNumeric(t *testing.T, p *plan.Plan, name string, v, got []float32, h float32) {
	t.Helper()
	want, scale := make([]float64, len(v)), 1e-3
	for i, at := range v {
		v[i] = at + h
		up := total(t, p)
		v[i] = at - h
		want[i] = (up - total(t, p)) / float64(2*h)
		v[i] = at
		scale = max(scale, math.Abs(want[i]))
	}
	for i, w := range want {
		if !(math.Abs(float64(got[i])-w) <= 2e-3*scale) {
			t.Errorf("d%s[%d] is %g, the difference quotient %g (largest %g)", name, i, got[i], w, scale)
			return
		}
	}
}

func TestBackwardOfANetIsItsNumericGradient(t *testing.T) {
	b := net()
	var wrt []string
	for _, n := range b.Role(graph.Param) {
		wrt = append(wrt, n.Name)
	}
	if len(wrt) != 8 {
		t.Fatalf("%d parameters, want 8", len(wrt))
	}
	p, forward := compile(t, b.Graph, wrt...), compile(t, b.Graph)
	total(t, p)
	for _, name := range wrt {
		wantNumeric(t, forward, name, b.Node(name).Value, p.Grad(name), 1.0/64)
	}
}

func TestGradientOfAnActivation(t *testing.T) {
	for _, name := range []string{"relu", "bn", "add", "flat", "fc", "loss"} {
		b := net()
		p, err := plan.Compile(b.Graph, plan.Options{Env: env(), Loss: "loss", Wrt: []string{name}, Keep: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		feed(p)
		total(t, p)
		tail, _, err := b.Sub([]*graph.Node{b.Node(name)}, []*graph.Node{b.Node("loss")})
		if err != nil {
			t.Fatal(err)
		}
		suffix := compile(t, tail)
		v := suffix.Data(name)
		copy(v, p.Data(name))
		wantNumeric(t, suffix, name, v[:min(len(v), 60)], p.Grad(name), 1.0/16)
	}
}

// differentiate is the nodes that grad.Differentiate adds to g.
func differentiate(t *testing.T, g *graph.Graph, wrt ...string) (map[*graph.Node]*graph.Node, []*graph.Node) {
	t.Helper()
	before := len(g.Nodes)
	var nodes []*graph.Node
	for _, name := range wrt {
		nodes = append(nodes, g.Node(name))
	}
	d, err := grad.Differentiate(g, g.Node("loss"), nodes)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	return d, g.Nodes[before:]
}

func kinds(nodes []*graph.Node) string {
	var s []string
	for _, n := range nodes {
		s = append(s, n.Op.Kind())
	}
	return strings.Join(s, " ")
}

func TestAFrozenPrefixHasNoBackwardNodes(t *testing.T) {
	for _, c := range []struct{ wrt, want string }{
		{"fc.b", "Const SoftmaxCrossEntropyGrad BiasGrad"},
		{"fc.w fc.b", "Const SoftmaxCrossEntropyGrad GemmGradWeight BiasGrad"},
		{"dw.b", "Const SoftmaxCrossEntropyGrad GemmGradInput Reshape MeanGrad Slice BiasGrad"},
		{"apart", "Const"},
	} {
		b := net()
		wrt := strings.Fields(c.wrt)
		b.param("apart", 1, 2) // the loss does not read it
		d, added := differentiate(t, b.Graph, wrt...)
		if got := kinds(added); got != c.want {
			t.Errorf("for %s the backward pass is\n%s, want\n%s", c.wrt, got, c.want)
		}
		if c.wrt == "apart" && len(d) != 0 {
			t.Errorf("the loss has a gradient %v for what it does not depend on", d)
		}
	}
}

func TestWhereReadersMeetGradientsAdd(t *testing.T) {
	b := net()
	d, added := differentiate(t, b.Graph, "relu")
	sum := d[b.Node("relu")]
	if sum.Op.Kind() != "AddN" || len(sum.In) != 3 {
		t.Errorf("the gradient of a relu with three readers is %s of %d, want AddN of 3", sum.Op.Kind(), len(sum.In))
	}
	if n := strings.Count(kinds(added), "AddN"); n != 1 {
		t.Errorf("%d sums, want 1", n)
	}
}

func TestFanOutOfOneGradient(t *testing.T) {
	// all = 3x + relu(x) through nodes that hand dy on as it is: twice by one reader, once more in
	// the same memory by another, with another gradient between them.
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{1, 4}, nil)
	same := b.Add("same", op.Identity{}, x)
	relu := b.Add("relu", op.Relu{}, x)
	twice := b.Add("twice", op.Add{}, x, x)
	b.Add("loss", op.Sum{}, b.Add("all", op.Add{}, b.Add("some", op.Add{}, same, relu), twice))
	p := compile(t, b.Graph, "x")
	copy(p.Data("x"), []float32{1, -2, 3, -4})
	total(t, p)
	for i, want := range []float32{4, 3, 4, 3} {
		if got := p.Grad("x")[i]; got != want {
			t.Errorf("dx[%d] is %g, want %g", i, got, want)
		}
	}
}

func TestAnOpWithoutGradientIsNamed(t *testing.T) {
	b := newBuilder()
	w := b.param("w", 1, 2, 3)
	m := b.Add("stats", op.BatchMean{}, w)
	b.Add("loss", op.Sum{}, m)
	_, err := grad.Differentiate(b.Graph, b.Node("loss"), []*graph.Node{w})
	if err == nil || !strings.Contains(err.Error(), "stats: BatchMean has no gradient") {
		t.Errorf("error %v, want it to name stats and BatchMean", err)
	}
	_, err = plan.Compile(b.Graph, plan.Options{Env: env(), Loss: "loss", Wrt: []string{"w"}})
	if err == nil || !strings.Contains(err.Error(), "stats: BatchMean has no gradient") {
		t.Errorf("error %v, want it to name stats and BatchMean", err)
	}
}

func TestAnOpWithoutGradientInFrontIsNoMatter(t *testing.T) {
	b := newBuilder()
	mean := b.Add("stats", op.BatchMean{}, b.param("x", 1, 2, 3))
	w := b.param("w", 1, 3)
	b.Add("loss", op.Sum{}, b.Add("prod", op.Mul{}, mean, w))
	d, _ := differentiate(t, b.Graph, "w")
	if d[w] == nil {
		t.Error("no gradient for w")
	}
}

func TestLossIsTheSumOfItsElements(t *testing.T) {
	b := newBuilder()
	w := b.Leaf("w", graph.Param, tensor.Shape{2, 2}, []float32{1, 2, 3, 4})
	b.Add("loss", op.Mul{}, w, w)
	p := compile(t, b.Graph, "w", "loss")
	total(t, p)
	for i, v := range w.Value {
		if p.Grad("w")[i] != 2*v || p.Grad("loss")[i] != 1 {
			t.Errorf("dw[%d] = %g, dloss = %g, want %g and 1", i, p.Grad("w")[i], p.Grad("loss")[i], 2*v)
		}
	}
	if p.Grad("nobody") != nil {
		t.Error("a gradient of a node that was not asked for")
	}
}
