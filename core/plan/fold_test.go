package plan

import (
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// norms is every layer that a batch norm folds into: convolution with and without bias, grouped,
// depthwise, fully connected.
func norms() *builder {
	b := newBuilder()
	same := [4]int{1, 1, 1, 1}
	x := b.Leaf("x", graph.Input, tensor.Shape{2, 6, 6, 4}, nil)
	x = b.norm("bare.bn", b.Add("bare", op.Conv{Pads: same}, x, b.param("bare.w", 8, 3, 3, 4)))
	x = b.norm("biased.bn", b.Add("biased", op.Conv{Pads: same}, x, b.param("biased.w", 8, 3, 3, 8), b.leaf(graph.Param, "biased.b", 0, 1, 8)))
	x = b.norm("grouped.bn", b.Add("grouped", op.Conv{Groups: 2}, b.Add("relu", op.Relu{}, x), b.param("grouped.w", 8, 1, 1, 4)))
	x = b.norm("dw.bn", b.Add("dw", op.Depthwise{Pads: same}, x, b.param("dw.w", 16, 3, 3, 1), b.leaf(graph.Param, "dw.b", 0, 1, 16)))
	f := b.Add("flat", op.Reshape{Dims: []int{16}}, b.Add("gap", op.GlobalAveragePool{}, x))
	b.Outputs = []*graph.Node{b.norm("fc.bn", b.Add("fc", op.Gemm{}, f, b.param("fc.w", 5, 16)))}
	return b
}

// wantFolded compares the outputs of g folded and as it is, and returns the folded plan.
func wantFolded(t *testing.T, g *graph.Graph, o Options) *Plan {
	t.Helper()
	o.Fold = true
	folded, apart := compile(t, g, o), compile(t, g, Options{Env: o.Env, Keep: o.Keep})
	for k := range 2 {
		feed(folded, k)
		feed(apart, k)
		run(t, folded)
		run(t, apart)
		for _, name := range lasting(g, o) {
			wantClose(t, name, folded.Data(name), apart.Data(name), 1e-5)
		}
	}
	return folded
}

// kinds counts the loops of an op's kind.
func (p *Plan) kinds(kind string) int {
	return p.count(func(k string) bool { return k == kind })
}

// kindsFrom is the number of loops whose kind begins that way: what was fused counts too.
func (p *Plan) kindsFrom(prefix string) int {
	return p.count(func(k string) bool { return strings.HasPrefix(k, prefix) })
}

func (p *Plan) count(f func(kind string) bool) (n int) {
	for _, s := range p.steps {
		if f(s.node.Op.Kind()) {
			n++
		}
	}
	return n
}

func TestFoldEqualsUnfolded(t *testing.T) {
	sets(t, func(t *testing.T, set kernels.Set) {
		p := wantFolded(t, norms().Graph, Options{Env: envOf(set, 2)})
		if n := p.kindsFrom("BatchNormalization"); n != 0 {
			t.Errorf("%d batch norms are left", n)
		}
		if len(p.static) != 15 {
			t.Errorf("%d prepared nodes, want weight, packed weight and bias of 5 layers", len(p.static))
		}
	})
}

func TestFoldOfDeadChannels(t *testing.T) {
	b := norms()
	for _, n := range b.Role(graph.State) {
		if strings.HasSuffix(n.Name, ".var") {
			n.Value[0], n.Value[1], n.Value[2] = 1e-30, 0, -1e-9
		}
	}
	for _, name := range []string{"bare", "biased", "dw"} { // dead: the layer gives next to nothing there
		w := b.Node(name + ".w")
		fill(w.Value[:3*w.Shape[1:].Elems()], 1e-20)
		fill(b.Node(name + ".bn.mean").Value[:3], 0)
	}
	wantFolded(t, b.Graph, Options{})
}

func TestFoldAfterAChangeOfTheWeights(t *testing.T) {
	b := norms()
	p := compile(t, b.Graph, Options{Fold: true})
	b.Node("dw.w").Value[5] += 3
	b.Node("bare.bn.var").Value[2] *= 4
	p.Refresh()
	apart := compile(t, b.Graph, Options{})
	for _, q := range []*Plan{p, apart} {
		feed(q, 1)
		run(t, q)
	}
	wantClose(t, "fc.bn", p.Data("fc.bn"), apart.Data("fc.bn"), 1e-5)
}

func TestFoldLeavesWhatOthersRead(t *testing.T) {
	for _, c := range []struct {
		what string
		left int
		edit func(b *builder, o *Options)
	}{
		{"kept", 1, func(_ *builder, o *Options) { o.Keep = []string{"dw"} }},
		{"kept norm", 0, func(_ *builder, o *Options) { o.Keep = []string{"dw.bn"} }},
		{"output", 1, func(b *builder, _ *Options) { b.Outputs = append(b.Outputs, b.Node("grouped")) }},
		{"read twice", 1, func(b *builder, _ *Options) {
			b.Outputs = append(b.Outputs, b.Add("other", op.Relu{}, b.Node("biased")))
		}},
		{"weight that is computed", 1, func(b *builder, _ *Options) {
			last := b.Outputs[0]
			v := b.Add("v", op.Gemm{}, last, b.Add("w.made", op.Tanh{}, b.param("v.w", 3, 5)))
			b.Outputs = []*graph.Node{b.norm("v.bn", v)}
		}},
		{"statistics of the batch", 1, func(b *builder, _ *Options) {
			v := b.Add("v", op.Gemm{}, b.Outputs[0], b.param("v.w", 3, 5))
			mean := b.Add("v.mean", op.BatchMean{}, v)
			gamma := b.leaf(graph.Param, "v.gamma", 1, 0.1, 3)
			b.Outputs = []*graph.Node{b.Add("v.bn", op.BatchNormalization{Eps: 1e-3}, v, gamma, gamma, mean, b.Add("v.var", op.BatchVar{}, v, mean))}
		}},
		{"no layer in front", 1, func(b *builder, _ *Options) {
			b.Outputs = []*graph.Node{b.norm("more", b.Add("act", op.Relu{}, b.Outputs[0]))}
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			b, o := norms(), Options{}
			c.edit(b, &o)
			p := wantFolded(t, b.Graph, o)
			if n := p.kindsFrom("BatchNormalization"); n != c.left {
				t.Errorf("%d batch norms are left, want %d", n, c.left)
			}
		})
	}
}

// TestFoldedTrainingHasTheSameGradients compares with a network whose layers are kept apart.
func TestFoldedTrainingHasTheSameGradients(t *testing.T) {
	sets(t, func(t *testing.T, set kernels.Set) {
		b := norms()
		b.Add("loss", op.Sum{}, b.Add("square", op.Mul{}, b.Outputs[0], b.Outputs[0]))
		o := Options{Env: envOf(set, 2), Loss: "loss", Wrt: params(b.Graph, "")}
		folded := compile(t, b.Graph, o)
		o.Keep = []string{"bare", "biased", "grouped", "dw", "fc"}
		apart := compile(t, b.Graph, o)
		if f, a := folded.kindsFrom("BatchNormalization"), apart.kindsFrom("BatchNormalization"); f != 0 || a < 5 {
			t.Errorf("%d and %d batch norms, want none and 5 or more", f, a)
		}
		for k := range 2 {
			for _, p := range []*Plan{folded, apart} {
				feed(p, k)
				run(t, p)
			}
			for _, name := range o.Wrt {
				wantClose(t, name, folded.Grad(name), apart.Grad(name), 2e-5)
			}
		}
	})
}

func TestFoldKeepsNames(t *testing.T) {
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{1, 4, 4, 2}, nil)
	y := b.norm("bn", b.Add("conv", op.Conv{}, x, b.param("conv.w", 2, 1, 1, 2)))
	// These names are those that folding would like to give.
	y = b.Add("bn.w", op.Add{}, y, b.leaf(graph.Param, "bn.b", 0, 1, 2))
	b.Outputs = []*graph.Node{b.Add("y", op.Relu{}, y)}
	p := wantFolded(t, b.Graph, Options{Keep: []string{"bn.w", "bn"}})
	wantBits(t, "bn.b", p.Data("bn.b"), b.Node("bn.b").Value)
}
