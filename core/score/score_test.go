package score

import (
	"context"
	"math"
	"testing"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// smoothNet has no kinks, so that difference quotients are good.
func smoothNet() *graph.Graph {
	l := toy.New(8, 3).Conv("a", 6, 2).Norm("a.bn").Act("a.silu", op.Silu{})
	skip := l.X
	l.Conv("b", 5, 1).Act("b.tanh", op.Tanh{}).Conv("c", 6, 1)
	l.X = l.Add("sum", op.Add{}, skip, l.X)
	return l.Conv("d", 7, 2).Act("d.sigmoid", op.Sigmoid{}).Vector().Linear("fc", 3).Model(toy.Classes...)
}

// gated is g for n images with a gate, an input of one factor a channel, behind the named node,
// and margin and loss of each image behind it all.
func gated(t *testing.T, g *graph.Graph, name string, n int) *graph.Graph {
	t.Helper()
	b, _, err := g.WithBatch(n)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := graph.Map(b, func(dst *graph.Graph, x *graph.Node, in []*graph.Node) (*graph.Node, error) {
		y, err := dst.Keep(x, in)
		if err != nil || x.Name != name {
			return y, err
		}
		return dst.Try("gated", op.Mul{}, y, dst.Leaf("gate", graph.Input, tensor.Shape{y.Shape.Channels()}, nil))
	})
	if err != nil {
		t.Fatal(err)
	}
	z := out.Outputs[0]
	y := out.Leaf("target", graph.Input, z.Shape, nil)
	w := out.Leaf("weight", graph.Input, tensor.Shape{n}, nil)
	out.Outputs = []*graph.Node{out.Add("margins", op.Margin{}, z, y), out.Add("losses", op.SoftmaxCrossEntropy{}, z, y, w)}
	return out
}

// TestGammas: Γ is the derivative of margin and loss with respect to a gate on each channel of each
// image, for every gate of every group; rows are in the order of the images, padding has none.
func TestGammas(t *testing.T) {
	g := smoothNet()
	st, err := groups.Find(g)
	if err != nil {
		t.Fatal(err)
	}
	samples := toy.Pictures(t, toy.Folder(t, "score"), 4, 60)[:11] // a full scoring batch and a short one
	s := &Scorer{Ctx: context.Background(), Env: toy.Env(t), Samples: samples, Classes: 3, Seed: 1}
	all, err := s.Collect(st, criteria.Activations|criteria.LossGradients|criteria.MarginGradients)
	if err != nil {
		t.Fatal(err)
	}
	places, labels := all.Places, all.Labels
	names := GateNames(st)
	if len(names) < 3 || len(labels) != len(samples) {
		t.Fatalf("gates %v, %d labels", names, len(labels))
	}
	for _, name := range names {
		margin, loss := gateDerivatives(t, s, g, name)
		compareRows(t, name+" margin", places[name].Margin, margin)
		compareRows(t, name+" loss", places[name].Loss, loss)
		if c := g.Node(name).Shape.Channels(); len(places[name].Pool) != len(samples)*4*c {
			t.Errorf("%s: %d pooled values for %d images of %d channels", name, len(places[name].Pool), len(samples), c)
		}
	}
}

func compareRows(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	top := 0.0
	for _, v := range want {
		top = math.Max(top, math.Abs(v))
	}
	if top == 0 {
		t.Fatalf("%s: all derivatives are zero", what)
	}
	for i, v := range want {
		if math.Abs(float64(got[i])-v) > 2e-3*top {
			t.Errorf("%s: value %d is %v, want %v", what, i, got[i], v)
			return
		}
	}
}

// gateDerivatives are central differences, one row an image.
func gateDerivatives(t *testing.T, s *Scorer, g *graph.Graph, name string) (margin, loss []float64) {
	t.Helper()
	n := len(s.Samples)
	p, err := plan.Compile(gated(t, g, name, n), plan.Options{Env: s.Env})
	if err != nil {
		t.Fatal(err)
	}
	gate := p.Data("gate")
	for i := range gate {
		gate[i] = 1
	}
	for i := range n {
		p.Data("weight")[i] = 1
	}
	const step = 2e-2
	margin, loss = make([]float64, n*len(gate)), make([]float64, n*len(gate))
	err = eval.EachBatch(p, g, s.Samples, n, 3, p.Data("target"), func(int) error {
		for c := range gate {
			for _, sign := range []float32{1, -1} {
				gate[c] = 1 + sign*step
				if err := p.Run(); err != nil {
					return err
				}
				for i := range n {
					margin[i*len(gate)+c] += float64(sign) * float64(p.Data("margins")[i]) / (2 * step)
					loss[i*len(gate)+c] += float64(sign) * float64(p.Data("losses")[i]) / (2 * step)
				}
			}
			gate[c] = 1
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return margin, loss
}

// TestMoments: mean and covariance of a consumer's input channels, against the activations.
func TestMoments(t *testing.T) {
	g := smoothNet()
	st, err := groups.Find(g)
	if err != nil {
		t.Fatal(err)
	}
	samples := toy.Pictures(t, toy.Folder(t, "moments"), 4, 60)[:11] // a prime number: no batch may be padded
	s := &Scorer{Ctx: context.Background(), Env: toy.Env(t), Samples: samples, Classes: 3, Seed: 1}
	stats, err := s.Moments(st, []*groups.Group{st.Named("b")})
	if err != nil {
		t.Fatal(err)
	}
	m, ok := stats["c"]
	if !ok || len(stats) != 1 {
		t.Fatalf("moments of %d layers, want those of c", len(stats))
	}
	sub, _, err := g.Sub(nil, []*graph.Node{g.Node("b.tanh")})
	if err != nil {
		t.Fatal(err)
	}
	v, err := eval.Forward(s.Ctx, s.Env, sub, samples, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		mean, variance := toy.Moments(v, i, 5)
		toy.Near(t, "mean", m.Mean[i], mean, 1e-5)
		toy.Near(t, "variance", m.Cov[i*5+i], variance, 1e-4)
	}
}
