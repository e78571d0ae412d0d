package op

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// BenchmarkWinograd runs 3×3 layers of ResNet-18 and SqueezeNet forward and each gradient, by rows
// and by Winograd in turn: medians in ms, and their ratio. "rest" is inference: weights that are
// packed beforehand.
func BenchmarkWinograd(b *testing.B) {
	for _, d := range [][4]int{
		{8, 56, 64, 64}, {8, 28, 128, 128}, {8, 14, 256, 256}, {8, 7, 512, 512},
		{1, 56, 64, 64}, {1, 28, 128, 128}, {1, 14, 256, 256}, {1, 7, 512, 512},
		{1, 55, 16, 64}, {1, 27, 32, 128}, {1, 13, 48, 192}, {1, 13, 64, 256},
		{8, 55, 16, 64}, {8, 27, 32, 128}, {8, 13, 48, 192}, {8, 13, 64, 256},
	} {
		x, w := tensor.Shape{d[0], d[1], d[1], d[2]}, tensor.Shape{d[3], 3, 3, d[2]}
		for _, what := range []string{"y", "dx", "dw", "rest"} {
			for threads := 1; threads <= 2; threads++ {
				b.Run(fmt.Sprintf("%dx%dx%dx%dx%d/%s/threads%d", d[0], d[1], d[1], d[2], d[3], what, threads), func(b *testing.B) {
					benchBoth(b, winogradPair(b, what, x, w, threads))
				})
			}
		}
	}
}

// winogradPair is the loops of both.
func winogradPair(b *testing.B, what string, x, w tensor.Shape, threads int) [2]func() {
	pads := [4]int{1, 1, 1, 1}
	conv := Conv{Pads: pads}
	back := ConvGradInput{Pads: pads, InSize: [2]int{x[1], x[2]}}
	weight := ConvGradWeight{Pads: pads, Kernel: [2]int{3, 3}}
	dy := tensor.Shape{x[0], x[1], x[2], w[0]}
	few := dy[0]*((dy[1]+3)/4)*((dy[2]+3)/4) <= winogradFewTiles
	switch what {
	case "y":
		return [2]func(){benchLoop(b, rowsOp{conv}, threads, x, w), benchLoop(b, winogradOp{conv, conv.winograd, few, false}, threads, x, w)}
	case "dx":
		return [2]func(){benchLoop(b, rowsOp{back}, threads, dy, w), benchLoop(b, winogradOp{back, back.winograd, few, false}, threads, dy, w)}
	case "dw":
		return [2]func(){benchLoop(b, rowsOp{weight}, threads, dy, x), benchLoop(b, winogradWeightOp{weight, winogradGroup}, threads, dy, x)}
	}
	return [2]func(){restLoop(b, rowsOp{conv}, threads, x, w), restLoop(b, winogradOp{conv, conv.winograd, false, false}, threads, x, w)}
}

// benchLoop is the loop of an op, ready to run.
func benchLoop(b *testing.B, o graph.Op, threads int, shapes ...tensor.Shape) func() {
	g, _ := oneNode(b, o, randomIn(shapes, gradOpts{}))
	p := prepare(b, g, kernels.Best(), threads, -1)
	p.run()
	return p.loops[1]
}

// restLoop is the loop of an op whose weights are packed already.
func restLoop(b *testing.B, o packer, threads int, x, w tensor.Shape) func() {
	e := &graph.Env{Kernels: kernels.Best(), Pool: testPool(threads)}
	in := randomIn([]tensor.Shape{x, w}, gradOpts{})
	_, n := oneNode(b, o, in)
	pack, of, ok := Pack(e, n, true)
	if !ok {
		return benchLoop(b, o, threads, x, w)
	}
	g := graph.New()
	packed := g.Add("packed", pack, g.Leaf("w", graph.Param, w, in[1].v))
	g.Add("y", of, g.Leaf("x", graph.Param, x, in[0].v), packed)
	p := prepare(b, g, kernels.Best(), threads, -1)
	p.run()
	return p.loops[3]
}

// benchBoth runs two loops in turn.
func benchBoth(b *testing.B, loops [2]func()) {
	var times [2][]time.Duration
	for range max(b.N, 3) {
		for i, loop := range loops {
			start := time.Now()
			loop()
			times[i] = append(times[i], time.Since(start))
		}
	}
	var ms [2]float64
	for i, t := range times {
		slices.Sort(t)
		ms[i] = t[len(t)/2].Seconds() * 1e3
	}
	b.ReportMetric(ms[0], "rows-ms")
	b.ReportMetric(ms[1], "winograd-ms")
	b.ReportMetric(ms[1]/ms[0], "ratio")
	b.ReportMetric(0, "ns/op")
}
