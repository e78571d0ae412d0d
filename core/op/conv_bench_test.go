package op

import (
	"fmt"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// BenchmarkConv runs layers of ResNet-18 and MobileNet v2 forward and each gradient by itself, on
// the best kernels and one thread. MAC/ns counts the multiply-adds of the forward pass.
func BenchmarkConv(b *testing.B) {
	same, s1, s2 := [4]int{1, 1, 1, 1}, [2]int{1, 1}, [2]int{2, 2}
	for _, c := range []struct {
		op   graph.Op
		x, w tensor.Shape
	}{
		{Conv{Stride: s2, Pads: [4]int{3, 3, 3, 3}}, tensor.Shape{8, 112, 112, 3}, tensor.Shape{64, 7, 7, 3}},
		{Conv{Stride: s2, Pads: same}, tensor.Shape{2, 224, 224, 3}, tensor.Shape{32, 3, 3, 3}},
		{Conv{Stride: s1, Pads: same}, tensor.Shape{2, 56, 56, 16}, tensor.Shape{64, 3, 3, 16}},
		{Conv{Stride: s1, Pads: same}, tensor.Shape{8, 28, 28, 64}, tensor.Shape{64, 3, 3, 64}},
		{Conv{Stride: s2, Pads: same}, tensor.Shape{8, 28, 28, 64}, tensor.Shape{128, 3, 3, 64}},
		{Conv{Stride: s1, Pads: same}, tensor.Shape{8, 7, 7, 256}, tensor.Shape{256, 3, 3, 256}},
		{Conv{Stride: s2}, tensor.Shape{8, 28, 28, 128}, tensor.Shape{256, 1, 1, 128}},
		{Conv{}, tensor.Shape{8, 28, 28, 32}, tensor.Shape{192, 1, 1, 32}},
		{Conv{}, tensor.Shape{8, 14, 14, 384}, tensor.Shape{64, 1, 1, 384}},
		{Conv{}, tensor.Shape{1, 7, 7, 960}, tensor.Shape{160, 1, 1, 960}},
		{Gemm{}, tensor.Shape{8, 1280}, tensor.Shape{1000, 1280}},
		{Depthwise{Stride: s1, Pads: same}, tensor.Shape{8, 28, 28, 192}, tensor.Shape{192, 3, 3, 1}},
		{Depthwise{Stride: s2, Pads: same}, tensor.Shape{8, 28, 28, 192}, tensor.Shape{192, 3, 3, 1}},
	} {
		for i, what := range []string{"y", "dx", "dw"} {
			b.Run(fmt.Sprintf("%s/%v/%v/%s", c.op.Kind(), c.x, c.w, what), func(b *testing.B) { benchNode(b, c.op, c.x, c.w, i) })
		}
	}
}

func benchNode(b *testing.B, op graph.Op, x, w tensor.Shape, which int) {
	in := randomIn([]tensor.Shape{x, w}, gradOpts{})
	g, n := oneNode(b, op, in)
	macs := n.Op.(graph.Counter).MACs(n)
	if which > 0 {
		dy := value{n.Shape, make([]float32, n.Shape.Elems())}
		full := graph.New()
		leaves := []*graph.Node{full.Leaf("x", graph.Param, x, in[0].v), full.Leaf("w", graph.Param, w, in[1].v)}
		y := full.Add("y", op, leaves...)
		grads := op.(graph.Grader).Grad(full, y, full.Leaf("dy", graph.Param, n.Shape, dy.v), []bool{which == 1, which == 2})
		g, _ = oneNode(b, grads[which-1].Op, []value{dy, in[2-which]})
	}
	p := prepare(b, g, kernels.Best(), 1, -1)
	p.run()
	b.ResetTimer()
	for range b.N {
		p.loops[1]()
	}
	b.ReportMetric(float64(macs)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "MAC/ns")
}
