package op

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// positiveVar fills input 4, the variance, with positive numbers.
var positiveVar = byInput(map[int]func(int, *rand.Rand, []float32){4: uniform(0.5, 2)})

func TestBatchNorm(t *testing.T) {
	for _, c := range []int{1, 5, 16} {
		v := tensor.Shape{c}
		opts := gradOpts{fill: positiveVar, noGrad: []int{3, 4}}
		testOps(t, []opCase{
			{"frozen", BatchNormalization{Eps: 1e-5}, []tensor.Shape{{3, 4, 5, c}, v, v, v, v}, opts},
			{"frozen vectors", BatchNormalization{Eps: 1e-3}, []tensor.Shape{{7, c}, v, v, v, v}, opts},
			{"frozen large", BatchNormalization{Eps: 1e-3}, []tensor.Shape{{4, 24, 24, c}, v, v, v, v}, opts},
			{"mean", BatchMean{}, []tensor.Shape{{3, 4, 5, c}}, gradOpts{noGrad: []int{0}}},
			{"variance", BatchVar{}, []tensor.Shape{{3, 14, 15, c}, v}, gradOpts{noGrad: []int{0, 1}}},
			{"update", RunningUpdate{Momentum: 0.1}, []tensor.Shape{v, v}, gradOpts{noGrad: []int{0, 1}}},
		})
	}
}

func TestFoldGrad(t *testing.T) {
	v := tensor.Shape{5}
	fill := func(variance int) gradOpts {
		return gradOpts{fill: byInput(map[int]func(int, *rand.Rand, []float32){variance: uniform(0.5, 2)}), noCut: true}
	}
	weight, bias := fill(2), fill(3)
	weight.noGrad, bias.noGrad = []int{2}, []int{2, 3}
	testOps(t, []opCase{
		{"weight", FoldWeight{Eps: 1e-3}, []tensor.Shape{{5, 3, 2, 4}, v, v}, weight},
		{"weight of a matrix", FoldWeight{Eps: 1e-3}, []tensor.Shape{{5, 700}, v, v}, weight},
		{"bias", FoldBias{Eps: 1e-3}, []tensor.Shape{v, v, v, v}, bias},
		{"bias on a bias", FoldBias{Eps: 1e-3}, []tensor.Shape{v, v, v, v, v}, bias},
	})
}

func TestFoldGradShapeErrors(t *testing.T) {
	w, v := tensor.Shape{5, 3, 3, 2}, tensor.Shape{5}
	checkRefuses(t, FoldWeightGradScale{}, w, w)
	checkRefuses(t, FoldWeightGradScale{}, w, tensor.Shape{5, 3, 3, 1}, v)
	checkRefuses(t, FoldWeightGradScale{}, w, w, tensor.Shape{4})
	checkRefuses(t, FoldBiasGradScale{}, v, v)
	checkRefuses(t, FoldBiasGradScale{}, v, v, tensor.Shape{4})
	checkRefuses(t, FoldBiasGradScale{}, v, v, v, v, v)
}

// trainedNorm is a batch norm over its own statistics.
func trainedNorm(x, gamma, beta value) (*graph.Graph, *graph.Node) {
	g := graph.New()
	in := g.Leaf("x", graph.Param, x.shape, x.v)
	mean := g.Add("mean", BatchMean{}, in)
	variance := g.Add("var", BatchVar{}, in, mean)
	return g, g.Add("y", BatchNormTrain{Eps: 1e-3}, in, g.Leaf("gamma", graph.Param, gamma.shape, gamma.v),
		g.Leaf("beta", graph.Param, beta.shape, beta.v), mean, variance)
}

func TestBatchNormTrainGrad(t *testing.T) {
	v := tensor.Shape{3}
	in := randomIn([]tensor.Shape{{2, 3, 2, 3}, v, v}, gradOpts{})
	r := make([]float32, len(in[0].v))
	distinct(0, rand.New(rand.NewPCG(1, 1)), r)
	f := func() (sum float64) {
		g, y := trainedNorm(in[0], in[1], in[2])
		p := prepare(t, g, kernels.Generic(), 1, -1)
		p.run()
		for i, v := range p.mem[y.ID] {
			sum += float64(v) * float64(r[i])
		}
		return sum
	}
	g, y := trainedNorm(in[0], in[1], in[2])
	grads := y.Op.(graph.Grader).Grad(g, y, g.Leaf("dy", graph.Const, y.Shape, r), []bool{true, true, true, false, false})
	p := sameEverywhere(t, g)
	for i := range in {
		for e := range in[i].v {
			const h = 1. / 64
			keep := in[i].v[e]
			quotient := func(h float32) float64 {
				in[i].v[e] = keep + h
				up := f()
				in[i].v[e] = keep - h
				down := f()
				in[i].v[e] = keep
				return (up - down) / (2 * float64(h))
			}
			want := (4*quotient(h) - quotient(2*h)) / 3
			if got := float64(p.mem[grads[i].ID][e]); math.Abs(got-want) > 5e-3*max(1, math.Abs(want)) {
				t.Errorf("gradient of input %d at %d is %g, difference quotient %g", i, e, got, want)
			}
		}
	}
}

func TestBatchNormTrainNormalizes(t *testing.T) {
	x := randomIn([]tensor.Shape{{4, 30, 30, 3}}, gradOpts{fill: uniform(99, 101)})[0]
	g, y := trainedNorm(x, val(tensor.Shape{3}, 1, 2, 3), val(tensor.Shape{3}, 0, 0, 10))
	p := sameEverywhere(t, g)
	mean := runNode(t, BatchMean{}, val(y.Shape, p.mem[y.ID]...))
	variance := runNode(t, BatchVar{}, val(y.Shape, p.mem[y.ID]...), val(tensor.Shape{3}, mean...))
	wantClose(t, "mean", mean, []float32{0, 0, 10}, 1e-4)
	wantClose(t, "variance", variance, []float32{1, 4, 9}, 5e-3)
}

// Real models have channels whose running variance is 1e-26 to 1e-36, and rounding can leave
// a negative one.
func TestBatchNormDeadChannels(t *testing.T) {
	v := tensor.Shape{5}
	variance := val(v, 1e-30, 0, -1e-9, 1e-38, 1)
	x := val(tensor.Shape{2, 5}, 0, 0, 0, 0, 0, 1e-15, 1e-6, 1, -1, 3)
	gamma, beta, mean := val(v, 1e-10, 1, 1, 1, 1), val(v, 0, 0, 0, 0, 0), val(v, 1e-16, 0, 0, 0, 0)
	for _, eps := range []float32{0, 1e-5} {
		g, n := oneNode(t, BatchNormalization{Eps: eps}, []value{x, gamma, beta, mean, variance})
		dy := g.Leaf("dy", graph.Const, n.Shape, slices.Repeat([]float32{1}, 10))
		n.Op.(graph.Grader).Grad(g, n, dy, []bool{true, true, true, false, false})
		p := sameEverywhere(t, g)
		for _, node := range g.Nodes {
			for i, v := range p.mem[node.ID] {
				if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
					t.Errorf("eps %g: %s: element %d is %g", eps, node.Name, i, v)
				}
			}
		}
	}
}

func TestRunningUpdate(t *testing.T) {
	v := tensor.Shape{2}
	got := runNode(t, RunningUpdate{Momentum: 0.25, Unbias: 2}, val(v, 4, 8), val(v, 2, 1))
	wantClose(t, "state", got, []float32{4, 6.5}, 1e-6)
	got = runNode(t, RunningUpdate{Momentum: 0.25}, val(v, 4, 8), val(v, 2, 1))
	wantClose(t, "state", got, []float32{3.5, 6.25}, 1e-6)
}

func TestBiasGrad(t *testing.T) {
	for _, s := range []tensor.Shape{{2, 3}, {3, 2, 2, 5}, {8, 30, 30, 7}} {
		dy := randomIn([]tensor.Shape{s}, gradOpts{})[0]
		want := make([]float64, s.Channels())
		for i, v := range dy.v {
			want[i%len(want)] += float64(v)
		}
		got := runNode(t, BiasGrad{}, dy)
		for j := range want {
			if math.Abs(float64(got[j])-want[j]) > 1e-4 {
				t.Errorf("%v: sum of channel %d is %g, want %g", s, j, got[j], want[j])
			}
		}
	}
}

func TestBatchNormShapeErrors(t *testing.T) {
	x, v, w := tensor.Shape{2, 3, 3, 4}, tensor.Shape{4}, tensor.Shape{3}
	checkRefuses(t, BatchNormalization{}, x, v, v, v)
	checkRefuses(t, BatchNormalization{}, x, v, v, v, w)
	checkRefuses(t, BatchNormalization{}, x, w, w, w, w)
	checkRefuses(t, BatchNormalization{Eps: -1}, x, v, v, v, v)
	checkRefuses(t, BatchNormTrain{}, v, v, v, v, v)
	checkRefuses(t, BatchMean{}, v)
	checkRefuses(t, BatchVar{}, x, w)
	checkRefuses(t, RunningUpdate{}, v, w)
}
