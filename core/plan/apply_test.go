package plan

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// heavyNet is a pooled stem and a block of ResNet's kind whose weights are more than its activations: three convolutions of
// width filters, one of them of stride 2, beside a projection.
func heavyNet(batch, width int) *builder {
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{batch, 8, 8, 3}, nil)
	same := [4]int{1, 1, 1, 1}
	conv := func(name string, x *graph.Node, filters, size, stride int, pads [4]int) *graph.Node {
		w := b.param(name+".w", filters, size, size, x.Shape.Channels())
		return b.batchNorm(name+".bn", b.Add(name, op.Conv{Pads: pads, Stride: [2]int{stride, stride}}, x, w))
	}
	y := b.Add("stem.relu", op.Relu{}, conv("stem", x, 16, 3, 1, same))
	y = b.Add("pool", op.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pads: same}, y)
	y = b.Add("wide.relu", op.Relu{}, conv("wide", y, width, 3, 1, same))
	work := b.Add("half.relu", op.Relu{}, conv("half", y, width, 3, 2, same))
	work = conv("last", work, width, 3, 1, same)
	y = b.Add("join.relu", op.Relu{}, b.Add("join", op.Add{}, work, conv("down", y, width, 1, 2, [4]int{})))
	b.classifier(y, false)
	return b
}

// TestUpdatesThatMakeTheirGradients: the weights are those of updates that wait for the norm of gradients that are
// stored, bit by bit. 16 maps of 4×4 are few tiles, 52 are many.
func TestUpdatesThatMakeTheirGradients(t *testing.T) {
	sets(t, func(t *testing.T, set kernels.Set) {
		for name, rule := range map[string]optim.Rule{"SGDUpdate": {Momentum: 0.9, Decay: 0.01, Average: 0.9}, "AdamWUpdate": optim.AdamW(0.01)} {
			for size, on := range map[[2]int][]int{{16, 32}: {1, 2, 3, 4}, {52, 96}: {3}} {
				train := func(rule optim.Rule, threads int) (*builder, *Plan) {
					b := heavyNet(size[0], size[1])
					p := training(t, b, envOf(set, threads), Options{Rule: &rule})
					for k := range 2 {
						feed(p, k)
						run(t, p)
					}
					return b, p
				}
				waits := rule
				waits.Clip = math.MaxFloat32
				want, stored := train(waits, 1)
				for _, threads := range on {
					got, p := train(rule, threads)
					if n, s := p.kinds("ConvGradWeight+"+name), stored.kinds("ConvGradWeight+"+name); n != 3 || s != 0 {
						t.Fatalf("%d updates make their gradients, and %d of those that wait, want 3 and 0", n, s)
					}
					for i, n := range got.Graph.Nodes {
						wantBits(t, fmt.Sprintf("%s of %v: %s on %d threads", name, size, n.Name, threads), n.Value, want.Graph.Nodes[i].Value)
					}
				}
			}
		}
	})
}

// TestAnUpdateThatMakesItsGradientLeavesOutWhatIsNotFinite, as others do.
func TestAnUpdateThatMakesItsGradientLeavesOutWhatIsNotFinite(t *testing.T) {
	b := heavyNet(16, 32)
	before := slices.Clone(b.Node("wide.w").Value)
	p := training(t, b, plain(), Options{Rule: &optim.Rule{Momentum: 0.9, Decay: 0.01}})
	feed(p, 1)
	p.Data("x")[5] = float32(math.NaN())
	run(t, p)
	wantBits(t, "wide.w", b.Node("wide.w").Value, before)
}

// TestPoolingNormalizesAsItReads: in front of a pooling nothing is stored, and what it makes is made again.
func TestPoolingNormalizesAsItReads(t *testing.T) {
	sets(t, func(t *testing.T, set kernels.Set) {
		for threads := 1; threads <= 4; threads++ {
			b := heavyNet(3, 32)
			o := Options{Env: envOf(set, threads), Loss: "loss", Wrt: params(b.Graph, "")}
			p := compile(t, b.Graph, o)
			const kind = "BatchNormTrain+Clip+MaxPool"
			if n, i := p.kinds(kind), p.kinds(kind+"Index"); n != 2 || i != 1 {
				t.Errorf("%d poolings and %d indices normalize as they read, want 2 and 1", n, i)
			}
			o.Keep = []string{"stem.relu", "pool"}
			apart := compile(t, b.Graph, o)
			for _, q := range []*Plan{p, apart} {
				feed(q, 1)
				run(t, q)
			}
			if a := apart.kindsFrom(kind); a != 0 {
				t.Errorf("%d loops normalize what is kept, want none", a)
			}
			for _, name := range o.Wrt {
				wantBits(t, name, p.Grad(name), apart.Grad(name))
			}
		}
	})
}

// TestTheShorterBranchRunsFirst, and so its gradient last.
func TestTheShorterBranchRunsFirst(t *testing.T) {
	b := heavyNet(3, 32)
	p := training(t, b, plain(), Options{Rule: &optim.Rule{Momentum: 0.9}})
	at := map[string]int{}
	for i, s := range p.steps {
		at[s.node.Name] = i
	}
	order := []string{"down", "half", "last", "last.dx", "half.dx", "down.dx"}
	for i := 1; i < len(order); i++ {
		if from, to := at[order[i-1]], at[order[i]]; from >= to {
			t.Errorf("%s is step %d, %s step %d, want the other order", order[i-1], from, order[i], to)
		}
	}
}
