package op

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// TestBatchNormClipFrozen: with constants for statistics the op is one like others. Channels are
// spread so that z keeps away from the bounds.
func TestBatchNormClipFrozen(t *testing.T) {
	fill := byInput(map[int]func(int, *rand.Rand, []float32){
		0: awayFrom(-0.5, 1.5), 1: uniform(1, 1), 2: uniform(0, 0), 3: uniform(0, 0), 4: uniform(1, 1), 5: uniform(0, 0)})
	opts := gradOpts{fill: fill, noGrad: []int{3, 4}, noCut: true}
	for _, c := range []int{1, 5, 16} {
		v := tensor.Shape{c}
		x := tensor.Shape{3, 6, 5, c}
		testOps(t, []opCase{
			{"clip", BatchNormClip{Min: -0.5, Max: 1.5, Frozen: true}, []tensor.Shape{x, v, v, v, v}, opts},
			{"bare", BatchNormClip{Min: -infinity, Max: infinity, Frozen: true}, []tensor.Shape{x, v, v, v, v}, opts},
			{"residual", BatchNormClip{Min: -infinity, Max: infinity, Frozen: true}, []tensor.Shape{x, v, v, v, v, x}, opts},
			{"residual and clip", BatchNormClip{Min: -0.5, Max: 1.5, Frozen: true}, []tensor.Shape{x, v, v, v, v, x}, opts},
		})
	}
}

// normBlock is a batch normalization over its own statistics, in three nodes, with a residual r
// where there is one, and an activation behind it.
func normBlock(x, gamma, beta value, r *value, act graph.Op) (*graph.Graph, []*graph.Node, *graph.Node) {
	g, y := trainedNorm(x, gamma, beta)
	wrt := append([]*graph.Node{}, y.In[:3]...)
	if r != nil {
		wrt = append(wrt, g.Leaf("r", graph.Param, r.shape, r.v))
		y = g.Add("sum", Add{}, y, wrt[3])
	}
	if act != nil {
		y = g.Add("act", act, y)
	}
	return g, wrt, y
}

// fusedBlock is normBlock as one op.
func fusedBlock(x, gamma, beta value, r *value, act graph.Op) (*graph.Graph, []*graph.Node, *graph.Node) {
	g, y := trainedNorm(x, gamma, beta)
	o, _ := FuseNorm(y.Op)
	if act != nil {
		o, _ = o.With(act)
	}
	wrt, in := append([]*graph.Node{}, y.In[:3]...), y.In
	if r != nil {
		wrt = append(wrt, g.Leaf("r", graph.Param, r.shape, r.v))
		in = append(in[:5:5], wrt[3])
	}
	return g, wrt, g.Add("act", o, in...)
}

// backward adds the gradients of what y is made from by the chain of nodes behind the statistics.
func backward(g *graph.Graph, y *graph.Node, dy value, grads map[string]*graph.Node) {
	d := g.Leaf("dy", graph.Const, dy.shape, dy.v)
	for n := y; n != nil; {
		want := make([]bool, len(n.In))
		for i, in := range n.In {
			want[i] = in.Is(graph.Param) || i == 0
		}
		var next *graph.Node
		for i, dx := range n.Op.(graph.Grader).Grad(g, n, d, want) {
			switch {
			case dx == nil:
			case n.In[i].IsLeaf():
				grads[n.In[i].Name] = dx
			default:
				next, d = n.In[i], dx
			}
		}
		n = next
	}
}

// TestBatchNormClipIsWhatItIsMadeOf compares output and gradients with those of the single ops, on
// every set and number of threads.
func TestBatchNormClipIsWhatItIsMadeOf(t *testing.T) {
	for _, s := range []tensor.Shape{{2, 3, 2, 3}, {4, 30, 30, 5}, {3, 9, 8, 24}} {
		v := tensor.Shape{s[3]}
		in := randomIn([]tensor.Shape{s, v, v, s, s}, gradOpts{})
		for name, act := range map[string]graph.Op{"bare": nil, "relu": Relu{}, "relu6": Clip{-0.5, 0.75}} {
			for _, r := range []*value{nil, &in[3]} {
				var outs []*testPlan
				var nodes []map[string]*graph.Node
				for _, build := range []func(x, gamma, beta value, r *value, act graph.Op) (*graph.Graph, []*graph.Node, *graph.Node){normBlock, fusedBlock} {
					g, _, y := build(in[0], in[1], in[2], r, act)
					grads := map[string]*graph.Node{"y": y}
					backward(g, y, in[4], grads)
					outs, nodes = append(outs, sameEverywhere(t, g)), append(nodes, grads)
				}
				if len(nodes[0]) != len(nodes[1]) || len(nodes[0]) < 4 {
					t.Fatalf("%s: %d and %d gradients", name, len(nodes[0])-1, len(nodes[1])-1)
				}
				for what, n := range nodes[0] {
					wantClose(t, name+" "+what, outs[1].mem[nodes[1][what].ID], outs[0].mem[n.ID], 2e-5)
				}
			}
		}
	}
}

// TestBatchStats: mean and variance hold far from zero, and where the first rows are not like the
// others.
func TestBatchStats(t *testing.T) {
	for _, c := range []int{1, 7, 40} {
		s := tensor.Shape{6, 37, 31, c}
		for _, offset := range []float64{0, 1, 1e3, 1e5} {
			x := value{s, make([]float32, s.Elems())}
			r := rand.New(rand.NewPCG(5, uint64(c)))
			for i := range x.v {
				x.v[i] = float32(offset + r.NormFloat64())
				if i < 3*c {
					x.v[i] += 20
				}
			}
			got := runNode(t, BatchStats{}, x)
			for j := range c {
				mean, variance := moments(x.v[j:], c)
				if math.Abs(float64(got[j])-mean) > 2e-5+0x1p-24*offset || math.Abs(float64(got[c+j])-variance) > 1e-4*variance {
					t.Errorf("offset %g, channel %d of %d: mean %v and variance %v, want %v and %v", offset, j, c, got[j], got[c+j], mean, variance)
				}
			}
		}
	}
}

// moments are mean and variance of every c-th of v in float64.
func moments(v []float32, c int) (mean, variance float64) {
	n := 0.0
	for i := 0; i < len(v); i += c {
		mean, n = mean+float64(v[i]), n+1
	}
	mean /= n
	for i := 0; i < len(v); i += c {
		variance += (float64(v[i]) - mean) * (float64(v[i]) - mean) / n
	}
	return mean, variance
}

// TestBatchStatsKeepNaN: a diverged channel is seen, and is the only one.
func TestBatchStatsKeepNaN(t *testing.T) {
	x := randomIn([]tensor.Shape{{2, 5, 5, 4}}, gradOpts{})[0]
	x.v[4*30+2] = float32(math.NaN())
	g, y := oneNode(t, BatchStats{}, []value{x})
	for _, set := range kernels.Available() {
		p := prepare(t, g, set, 2, -1)
		p.run()
		for i, v := range p.mem[y.ID] {
			if (v != v) != (i%4 == 2) {
				t.Errorf("%s: statistic %d is %v", set.Name, i, v)
			}
		}
	}
}

func TestRow(t *testing.T) {
	x := val(tensor.Shape{2, 3}, 1, 2, 3, 4, 5, 6)
	wantClose(t, "row", runNode(t, Row{1}, x), []float32{4, 5, 6}, 0)
	checkRefuses(t, Row{2}, x.shape)
	checkRefuses(t, Row{0}, tensor.Shape{3})
}

func TestBatchNormClipShapeErrors(t *testing.T) {
	x, v, w := tensor.Shape{2, 3, 3, 4}, tensor.Shape{4}, tensor.Shape{3}
	checkRefuses(t, BatchNormClip{}, x, v, v, v)
	checkRefuses(t, BatchNormClip{}, x, v, v, v, w)
	checkRefuses(t, BatchNormClip{}, x, v, v, v, v, tensor.Shape{2, 3, 1, 4})
	checkRefuses(t, BatchNormClip{Min: 1}, x, v, v, v, v)
	checkRefuses(t, BatchNormSums{}, tensor.Shape{2, 3, 1, 4}, x, v, v, v, v)
	checkRefuses(t, BatchNormSums{}, x, x, v, v, v)
	checkRefuses(t, BatchNormClipGrad{}, x, x, v, v, v, v)
	checkRefuses(t, BatchNormClipGrad{}, x, x, v, v, v, v, v)
	checkRefuses(t, BatchNormClipGrad{Frozen: true}, x, x, v, v, v, v, tensor.Shape{2, 4})
	checkRefuses(t, BatchStats{}, v)
}

// TestBatchNormClipReadsItsInputOnly: the gradient of a block without a residual needs no output.
func TestBatchNormClipReadsItsInputOnly(t *testing.T) {
	in := randomIn([]tensor.Shape{{2, 3, 2, 3}, {3}, {3}}, gradOpts{})
	g, _, y := fusedBlock(in[0], in[1], in[2], nil, Relu{})
	backward(g, y, randomIn([]tensor.Shape{y.Shape}, gradOpts{})[0], map[string]*graph.Node{})
	if n := len(g.Users()[y.ID]); n != 0 {
		t.Errorf("%d gradient nodes read the output, want none", n)
	}
	prepare(t, g, kernels.Generic(), 1, -1).run()
}
