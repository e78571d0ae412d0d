package plan

import (
	"fmt"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/kernels"
)

// batchNorm is a batch normalization behind x over the batch's statistics, which running ones follow.
func (b *builder) batchNorm(name string, x *graph.Node) *graph.Node {
	c := x.Shape.Channels()
	mean := b.Add(name+".mean", op.BatchMean{}, x)
	variance := b.Add(name+".var", op.BatchVar{}, x, mean)
	b.Add(name+".follow", op.RunningUpdate{Momentum: 0.1}, b.leaf(graph.State, name+".running", 0, 0.25, c), mean)
	return b.Add(name, op.BatchNormTrain{Eps: 1e-3}, x, b.leaf(graph.Param, name+".gamma", 1, 0.25, c), b.leaf(graph.Param, name+".beta", 0, 0.25, c), mean, variance)
}

// residualNet is two inverted residuals and one of ResNet's kind, with trained batch norms.
func residualNet(batch int) *builder {
	b := newBuilder()
	x := b.Leaf("x", graph.Input, tensor.Shape{batch, 12, 12, 3}, nil)
	same := [4]int{1, 1, 1, 1}
	y := b.Add("stem.relu", op.Relu{}, b.batchNorm("stem.bn", b.Add("stem", op.Conv{Pads: same}, x, b.param("stem.w", 8, 3, 3, 3))))
	for i := range 2 {
		n := fmt.Sprint("block", i)
		e := b.Add(n+".wide.relu6", op.Clip{Max: 6}, b.batchNorm(n+".wide.bn", b.Add(n+".wide", op.Conv{}, y, b.param(n+".wide.w", 16, 1, 1, 8))))
		d := b.Add(n+".dw.relu6", op.Clip{Max: 6}, b.batchNorm(n+".dw.bn", b.Add(n+".dw", op.Depthwise{Pads: same}, e, b.param(n+".dw.w", 16, 3, 3, 1))))
		p := b.batchNorm(n+".narrow.bn", b.Add(n+".narrow", op.Conv{}, d, b.param(n+".narrow.w", 8, 1, 1, 16)))
		y = b.Add(n+".add", op.Add{}, p, y)
	}
	a := b.batchNorm("left.bn", b.Add("left", op.Conv{Pads: same}, y, b.param("left.w", 8, 3, 3, 8)))
	c := b.batchNorm("right.bn", b.Add("right", op.Conv{}, y, b.param("right.w", 8, 1, 1, 8)))
	y = b.Add("join.relu", op.Relu{}, b.Add("join", op.Add{}, a, c))
	b.classifier(y, true)
	return b
}

// apart are the names of what a plan must keep so that nothing is fused around a normalization.
func apart(g *graph.Graph) (names []string) {
	for _, n := range g.Nodes {
		switch n.Op.(type) {
		case op.BatchNormTrain, op.BatchNormalization, op.Add:
			names = append(names, n.Name)
		}
	}
	return names
}

func TestNormalizeTrainsAsTheSingleOpsDo(t *testing.T) {
	sets(t, func(t *testing.T, set kernels.Set) {
		b := residualNet(36) // rows enough that convolutions make sums
		o := Options{Env: envOf(set, 2), Loss: "loss", Wrt: params(b.Graph, "")}
		fused := compile(t, b.Graph, o)
		o.Keep = apart(b.Graph)
		single := compile(t, b.Graph, o)
		if f, s := fused.kindsFrom("BatchNormTrain+"), single.kinds("BatchNormTrain"); f < 10 || s != 9 {
			t.Errorf("%d loops with a fused normalization and %d bare ones, want 10 and 9", f, s)
		}
		for _, p := range []*Plan{fused, single} {
			feed(p, 1)
			run(t, p)
		}
		for _, name := range o.Wrt {
			wantClose(t, name, fused.Grad(name), single.Grad(name), 1e-4)
		}
		wantClose(t, "loss", fused.Data("loss"), single.Data("loss"), 1e-5)
		if s, g := fused.kinds("BatchStatsJoined"), fused.kinds("BatchNormSumsJoined"); s != 9 || g != 4 {
			t.Errorf("loops make %d statistics and %d sums of gradients, want 9 and 4", s, g)
		}
	})
}

func TestNormalizeInInference(t *testing.T) {
	b := toy(4) // frozen statistics
	fused, single := compile(t, b.Graph, Options{}), compile(t, b.Graph, Options{Keep: apart(b.Graph)})
	if f := fused.kindsFrom("BatchNormalization"); f != 3 {
		t.Errorf("%d normalizations with what follows, want 3", f)
	}
	for _, p := range []*Plan{fused, single} {
		feed(p, 1)
		run(t, p)
	}
	wantClose(t, "fc", fused.Data("fc"), single.Data("fc"), 1e-5)
}

func TestNormalizeTakesOneOfTwoBranches(t *testing.T) {
	b := residualNet(2)
	p := compile(t, b.Graph, Options{})
	if p.kinds("Add") != 0 || p.kinds("BatchNormTrain") != 3 {
		t.Errorf("%d additions and %d normalizations without an activation, want none and 3", p.kinds("Add"), p.kinds("BatchNormTrain"))
	}
	if _, bare := p.Graph.Node("right.bn").Op.(op.BatchNormTrain); !bare {
		t.Errorf("right.bn is %s, want it by itself", p.Graph.Node("right.bn").Op.Kind())
	}
	if p.kinds("BatchMean")+p.kinds("BatchVar") != 0 || p.kinds("BatchStats") != 9 {
		t.Errorf("%d statistics, want 9 of both kinds", p.kinds("BatchStats"))
	}
}

// TestRecomputedActivationsDoNotLive: nothing that a normalization makes is read by both passes, with a residual or without.
func TestRecomputedActivationsDoNotLive(t *testing.T) {
	b := residualNet(4)
	rule := optim.SGD(0)
	p := compile(t, b.Graph, Options{Loss: "loss", Wrt: params(b.Graph, ""), Rule: &rule})
	end := p.Graph.Node("loss").ID
	users := p.Graph.Users()
	for _, n := range p.Graph.Nodes[:end] {
		switch n.Op.(type) {
		case op.BatchNormClip, op.BatchNormTrain:
		default:
			continue
		}
		for _, u := range users[n.ID] {
			if u.ID > end {
				t.Errorf("%s is kept for %s", n.Name, u.Name)
			}
		}
	}
	if f, b := p.kindsFrom("BatchNormTrain+Clip+Depthwise"), p.kinds("BatchNormTrain+Clip+DepthwiseGradWeight"); f-b != 2 || b != 2 {
		t.Errorf("%d depthwise convolutions and %d gradients normalize as they read, want 2 and 2", f-b, b)
	}
}

func TestNormalizedStepsHaveTheSameBitsOnAnyThreads(t *testing.T) {
	sets(t, func(t *testing.T, set kernels.Set) {
		var want []*graph.Node
		for threads := 1; threads <= 4; threads++ {
			b, rule := residualNet(36), optim.SGD(0.01)
			p := training(t, b, envOf(set, threads), Options{Rule: &rule})
			for k := range 3 {
				feed(p, k)
				run(t, p)
			}
			got := append(b.Role(graph.Param), b.Role(graph.State)...)
			if want == nil {
				want = got
			}
			for i, n := range got {
				wantBits(t, fmt.Sprintf("%s on %d threads", n.Name, threads), n.Value, want[i].Value)
			}
		}
	})
}
