package plan

import (
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
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
