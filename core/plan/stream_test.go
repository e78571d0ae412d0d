package plan

import (
	"fmt"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// widened is a pointwise convolution with act behind it, none for nil, whose output is too large for a cache, and a depthwise one.
func widened(act graph.Op, d op.Depthwise, kernel int, shared bool) *builder {
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{2, 64, 61, 5}, nil)
	y := b.Add("wide", op.Conv{}, x, b.param("wide.w", 72, 1, 1, 5), b.leaf(graph.Param, "wide.b", 0, 0.3, 72))
	if act != nil {
		y = b.Add("act", act, y)
	}
	z := b.Add("dw", d, y, b.param("dw.w", 72, kernel, kernel, 1), b.leaf(graph.Param, "dw.b", 0, 0.3, 72))
	b.Outputs = []*graph.Node{b.Add("relu", op.Relu{}, z)}
	if shared {
		b.Outputs = append(b.Outputs, b.Add("gap", op.GlobalAveragePool{}, y))
	}
	return b
}

// TestStreamedDepthwise: the same bits on any number of threads, and the large tensor is nowhere.
func TestStreamedDepthwise(t *testing.T) {
	sets(t, func(t *testing.T, set kernels.Set) {
		for i, act := range []graph.Op{nil, op.Relu{}, op.Clip{Max: 0.4}, op.HardSwish{}, op.Silu{}} {
			for _, d := range []struct {
				op.Depthwise
				kernel int
			}{{op.Depthwise{Pads: [4]int{1, 1, 1, 1}}, 3}, {op.Depthwise{Pads: [4]int{2, 2, 2, 2}, Stride: [2]int{2, 2}}, 5},
				{op.Depthwise{Stride: [2]int{3, 1}}, 1}, {op.Depthwise{Dilation: [2]int{2, 2}}, 3}} {
				b := widened(act, d.Depthwise, d.kernel, false)
				apart := compile(t, b.Graph, Options{Env: envOf(set, 1), Keep: []string{"wide"}})
				feed(apart, 1)
				run(t, apart)
				for threads := 1; threads <= 3; threads += 2 {
					p := compile(t, b.Graph, Options{Env: envOf(set, threads)})
					if p.Graph.Node("wide") != nil || p.Graph.Node("act") != nil || p.ArenaBytes() >= apart.ArenaBytes() {
						t.Fatalf("act %d, %+v: not streamed, or in %d bytes, %d apart", i, d, p.ArenaBytes(), apart.ArenaBytes())
					}
					feed(p, 1)
					run(t, p)
					wantBits(t, fmt.Sprintf("act %d, %+v, %d threads", i, d, threads), p.Data("relu"), apart.Data("relu"))
				}
			}
		}
	})
}

// TestNotStreamed: what somebody else reads, what is small, and what is no pointwise convolution.
func TestNotStreamed(t *testing.T) {
	same := op.Depthwise{Pads: [4]int{1, 1, 1, 1}}
	if p := compile(t, widened(op.Relu{}, same, 3, true).Graph, Options{}); p.Graph.Node("act") == nil {
		t.Error("what the pooling reads is nowhere")
	}
	if p := compile(t, toy(1).Graph, Options{Fold: true}); p.kindsFrom("Depthwise") != 1 {
		t.Errorf("%d depthwise convolutions of the toy, want one", p.kindsFrom("Depthwise"))
	}
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{1, 66, 66, 3}, nil)
	y := b.Add("conv", op.Conv{}, x, b.param("w", 72, 3, 3, 3), b.leaf(graph.Param, "b", 0, 0.3, 72))
	b.Outputs = []*graph.Node{b.Add("dw", same, y, b.param("dw.w", 72, 3, 3, 1))}
	if p := compile(t, b.Graph, Options{}); p.Graph.Node("conv") == nil {
		t.Error("a convolution of 3×3 is streamed")
	}
}

// TestStreamedStatistics: the sums of a normalization behind it are those of the same parts on any number of threads.
func TestStreamedStatistics(t *testing.T) {
	sets(t, func(t *testing.T, set kernels.Set) {
		b := widened(op.Relu{}, op.Depthwise{Pads: [4]int{1, 1, 1, 1}}, 3, false)
		b.Outputs = []*graph.Node{b.batchNorm("bn", b.Node("dw"))}
		var want []float32
		for threads := 1; threads <= 4; threads++ {
			p := compile(t, b.Graph, Options{Env: envOf(set, threads)})
			if p.kinds("Conv+Clip+Depthwise+BatchStats") != 1 {
				t.Fatal("no streamed convolution makes sums")
			}
			feed(p, 1)
			run(t, p)
			if want == nil {
				want = slices.Clone(p.Data("bn"))
			}
			wantBits(t, fmt.Sprintf("%d threads", threads), p.Data("bn"), want)
		}
	})
}
