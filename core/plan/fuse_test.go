package plan

import (
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// chain is two convolutions with an activation each.
func chain() *builder {
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{2, 6, 6, 4}, nil)
	r := b.Add("a.relu", op.Relu{}, b.Add("a", op.Conv{}, x, b.param("a.w", 8, 3, 3, 4)))
	c := b.Add("b.relu6", op.Clip{Max: 6}, b.Add("b", op.Depthwise{}, r, b.param("b.w", 8, 3, 3, 1)))
	b.Outputs = []*graph.Node{c}
	return b
}

func TestFuseLeavesWhatOthersSee(t *testing.T) {
	for _, c := range []struct {
		what  string
		fused int
		edit  func(b *builder, o *Options)
	}{
		{"chain", 2, func(*builder, *Options) {}},
		{"kept in between", 1, func(_ *builder, o *Options) { o.Keep = []string{"a"} }},
		{"kept behind", 2, func(_ *builder, o *Options) { o.Keep = []string{"a.relu"} }},
		{"output in between", 1, func(b *builder, _ *Options) { b.Outputs = append(b.Outputs, b.Node("b")) }},
		{"read in between", 1, func(b *builder, _ *Options) {
			b.Outputs = append(b.Outputs, b.Add("other", op.Tanh{}, b.Node("a")))
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			b, o := chain(), Options{}
			c.edit(b, &o)
			p := compile(t, b.Graph, o)
			if n := p.kinds("Conv+Clip") + p.kinds("Depthwise+Clip"); n != c.fused {
				t.Errorf("%d loops end with an activation, want %d", n, c.fused)
			}
			o.Keep = []string{"a", "a.relu", "b"}
			apart := compile(t, b.Graph, o)
			for _, q := range []*Plan{p, apart} {
				feed(q, 1)
				run(t, q)
			}
			wantClose(t, "b.relu6", p.Data("b.relu6"), apart.Data("b.relu6"), 0)
		})
	}
}

func TestFuseMasksGradients(t *testing.T) {
	b := chain()
	b.Add("loss", op.Sum{}, b.Outputs[0])
	o := Options{Loss: "loss", Wrt: []string{"a.w", "b.w"}}
	p := compile(t, b.Graph, o)
	o.Wrt = []string{"a.w", "b.w", "a.relu", "a"} // the gradients of both are asked for
	apart := compile(t, b.Graph, o)
	if f, a := p.kinds("DepthwiseGradInput+ClipGrad"), apart.kinds("DepthwiseGradInput+ClipGrad"); f != 1 || a != 0 {
		t.Errorf("%d and %d gradients with a mask, want 1 and none", f, a)
	}
	for _, q := range []*Plan{p, apart} {
		feed(q, 1)
		run(t, q)
	}
	for _, name := range []string{"a.w", "b.w"} {
		wantClose(t, name, p.Grad(name), apart.Grad(name), 0)
	}
}

// TestFuseBends: hard swish, SiLU and hard sigmoid end the loops in front of them, and their gradients the
// gradients; what is fused has the bits of what is not.
func TestFuseBends(t *testing.T) {
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{2, 6, 6, 8}, nil)
	y := b.Add("a.act", op.HardSwish{}, b.Add("a", op.Conv{}, x, b.param("a.w", 8, 1, 1, 8), b.param("a.b", 8)))
	y = b.Add("b.act", op.Silu{}, b.Add("b", op.Depthwise{Pads: [4]int{1, 1, 1, 1}}, y, b.param("b.w", 8, 3, 3, 1), b.param("b.b", 8)))
	y = b.Add("c.act", op.HardSigmoid{Alpha: 0.2, Beta: 0.5}, b.Add("c", op.Conv{Pads: [4]int{1, 1, 1, 1}}, y, b.param("c.w", 8, 3, 3, 8), b.param("c.b", 8)))
	b.Outputs = []*graph.Node{y}
	params := []string{"a.w", "a.b", "b.w", "c.w"}
	b.Add("loss", op.Sum{}, y)
	sets(t, func(t *testing.T, set kernels.Set) {
		p := compile(t, b.Graph, Options{Env: envOf(set, 2)})
		apart := compile(t, b.Graph, Options{Env: envOf(set, 2), Keep: []string{"a", "b", "c"}})
		train := compile(t, b.Graph, Options{Env: envOf(set, 2), Loss: "loss", Wrt: params})
		trainApart := compile(t, b.Graph, Options{Env: envOf(set, 2), Loss: "loss", Wrt: append(params, "a.act", "b.act")})
		for kind, want := range map[string]int{"Conv+HardSwish": 1, "Depthwise+Silu": 1, "Conv+HardSigmoid": 1} {
			if n := p.kinds(kind); n != want {
				t.Errorf("%d loops of %s, want %d", n, kind, want)
			}
		}
		for kind, want := range map[string]int{"DepthwiseGradInput+HardSwishGrad": 1, "ConvGradInput+SiluGrad": 1} {
			if n, none := train.kinds(kind), trainApart.kinds(kind); n != want || none != 0 {
				t.Errorf("%d and %d loops of %s, want %d and none", n, none, kind, want)
			}
		}
		for _, q := range []*Plan{p, apart, train, trainApart} {
			feed(q, 1)
			run(t, q)
		}
		wantClose(t, "c.act", p.Data("c.act"), apart.Data("c.act"), 0)
		for _, name := range params {
			wantClose(t, name, train.Grad(name), trainApart.Grad(name), 0)
		}
		wantAsNaive(t, p, set, []string{"c.act"})
	})
}

// TestFuseResidual: convolution, residual and activation become one loop, with and without a bias;
// an Add that broadcasts does not.
func TestFuseResidual(t *testing.T) {
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{2, 6, 6, 8}, nil)
	y := b.Add("a", op.Conv{}, x, b.param("a.w", 8, 1, 1, 8), b.param("a.b", 8))
	y = b.Add("a.relu", op.Relu{}, b.Add("a.add", op.Add{}, y, x))
	z := b.Add("b", op.Depthwise{Pads: [4]int{1, 1, 1, 1}}, y, b.param("b.w", 8, 3, 3, 1))
	z = b.Add("b.add", op.Add{}, z, y)
	z = b.Add("c", op.Conv{}, z, b.param("c.w", 8, 1, 1, 8))
	b.Outputs = []*graph.Node{b.Add("c.add", op.Add{}, z, b.param("c.b", 8))}
	sets(t, func(t *testing.T, set kernels.Set) {
		p := compile(t, b.Graph, Options{Env: envOf(set, 2)})
		for kind, want := range map[string]int{"Conv+Add+Clip": 1, "Depthwise+Add": 1, "Conv": 1, "Add": 1} {
			if n := p.kinds(kind); n != want {
				t.Errorf("%d loops of %s, want %d", n, kind, want)
			}
		}
		apart := compile(t, b.Graph, Options{Env: envOf(set, 2), Keep: []string{"a", "a.add", "b"}})
		for _, q := range []*Plan{p, apart} {
			feed(q, 1)
			run(t, q)
		}
		wantClose(t, "c.add", p.Data("c.add"), apart.Data("c.add"), 0)
		wantAsNaive(t, p, set, []string{"c.add"})
	})
}
