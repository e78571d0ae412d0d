package plan

import (
	"fmt"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// stemNet begins with what residual networks have: a convolution of few channels over many pixels, pooled. With skip what it makes
// is added to something further on instead.
func stemNet(batch int, skip bool) *builder {
	b := newBuilder()
	same := [4]int{1, 1, 1, 1}
	y := b.Leaf("x", graph.Input, tensor.Shape{batch, 16, 16, 3}, nil)
	y = b.Add("stem.relu", op.Relu{}, b.batchNorm("stem.bn", b.Add("stem", op.Conv{}, y, b.param("stem.w", 16, 1, 1, 3))))
	if !skip {
		y = b.Add("pool", op.MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, y)
	}
	for i := range 3 {
		n := fmt.Sprint("conv", i)
		z := b.batchNorm(n+".bn", b.Add(n, op.Conv{Pads: same}, y, b.param(n+".w", 16, 3, 3, 16)))
		y = b.Add(n+".relu", op.Relu{}, b.Add(n+".add", op.Add{}, z, y))
	}
	b.classifier(y, true)
	return b
}

// TestLargeConvolutionsAreMadeAgain: the same gradients to the bit, in less memory, and the backward pass reads nothing of the first one.
func TestLargeConvolutionsAreMadeAgain(t *testing.T) {
	sets(t, func(t *testing.T, set kernels.Set) {
		b := stemNet(8, false)
		o := Options{Env: envOf(set, 2), Loss: "loss", Wrt: params(b.Graph, "")}
		again := compile(t, b.Graph, o)
		o.Keep = []string{"stem"}
		kept := compile(t, b.Graph, o)
		if again.Graph.Node("stem.again") == nil || kept.Graph.Node("stem.again") != nil {
			t.Fatal("stem is not made again, or though it is kept")
		}
		if again.ArenaBytes() >= kept.ArenaBytes() {
			t.Errorf("arena %d bytes, %d with the convolution kept", again.ArenaBytes(), kept.ArenaBytes())
		}
		end := again.Graph.Node("loss").ID
		for _, u := range again.Graph.Users()[again.Graph.Node("stem").ID] {
			if u.ID > end {
				t.Errorf("%s reads stem in the backward pass", u.Name)
			}
		}
		for _, p := range []*Plan{again, kept} {
			feed(p, 1)
			run(t, p)
		}
		for _, name := range o.Wrt {
			wantBits(t, name, again.Grad(name), kept.Grad(name))
		}
	})
}

// TestResidualsAreNotMadeAgain: what blocks further on add would be made for them, and live as long.
func TestResidualsAreNotMadeAgain(t *testing.T) {
	b := stemNet(8, true)
	if p := compile(t, b.Graph, Options{Loss: "loss", Wrt: params(b.Graph, "")}); p.Graph.Node("stem.again") != nil {
		t.Error("stem is made again for the blocks behind it")
	}
}
