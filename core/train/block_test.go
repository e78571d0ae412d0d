package train

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
)

// idle is a small network whose residual branch gives next to nothing: the first thing to go.
func idle() *toy.Layers {
	l := toy.New(8, 3).Conv("a", 16, 1).Act("a.relu", op.Relu{})
	skip := l.X
	l.Conv("b", 32, 1).Norm("b.bn").Act("b.relu", op.Relu{}).Conv("c", 16, 1)
	for i := range l.Node("c.weight").Value {
		l.Node("c.weight").Value[i] *= 1e-3
	}
	l.X = l.Add("sum", op.Add{}, skip, l.X)
	return l.Conv("d", 48, 1).Act("d.relu", op.Relu{}).Vector()
}

// TestBlockTurn: a turn takes a branch that does nothing before it takes filters, says so, and the folder of the run
// leads from one network to the other.
func TestBlockTurn(t *testing.T) {
	c := smallConfig(t)
	c.Model, c.RunDir, c.Epochs = idle().Linear("fc", 2).Model("x", "y"), t.TempDir(), 0
	c.Prune = DefaultPrune("fisher", pruning.Budget{Of: "macs", Share: 0.4})
	c.Prune.Turns, c.Prune.TurnUpdates, c.Prune.FinalEpochs, c.Prune.Tolerance, c.Prune.Blocks = 3, 4, 1, 1, true
	r, events := watched(t, c)
	first := r.Turns[0]
	if b := first.Block; b == nil || b.Name != "sum" || price(b.Fisher, b.Saved) >= price(b.Filters, b.Spared) || len(first.Removed) != 32 {
		t.Fatalf("the first turn is %+v, of %d filters, want the block", b, len(first.Removed))
	}
	if math.Abs(first.Block.Without-first.Block.Loss) > 0.05 || !strings.Contains(first.Reason, "block sum went as a whole") {
		t.Errorf("loss %g, without the block %g; %s", first.Block.Loss, first.Block.Without, first.Reason)
	}
	if r.Model.Node("b") != nil || r.Model.Node("sum.constant") == nil {
		t.Error("the branch is still there, or its constant is not")
	}
	gone := Width{}
	for _, w := range r.Widths {
		if w.Layer == "b" {
			gone = w
		}
	}
	if gone.Before != 32 || gone.After != 0 {
		t.Errorf("widths of the block's layer %+v", gone)
	}
	said := false
	for _, e := range events {
		said = said || e.Event == "turn" && e.Block == "sum" && e.Removed == 32
	}
	if !said {
		t.Error("no event tells of the block")
	}
	run, err := OpenRun(c.RunDir, "")
	if err != nil {
		t.Fatal(err)
	}
	v, err := eval.Evaluate(context.Background(), c.Env, run.Net, run.Tested, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	toy.Near(t, "loss of the network in the folder", v.Loss, r.Pruned.Loss, 1e-6)
}

// TestWeighBlocks compares a block's Fisher with the derivative by a gate on its branch, taken by differences, and its
// constant with the branch's mean: a network of which only the mean is left loses nothing.
func TestWeighBlocks(t *testing.T) {
	c := smallConfig(t)
	c.Model = toy.SmallNet(toy.Classes...)
	c.HeadSteps, c.Epochs = 0, 0
	j, err := newJob(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	s, blocks := j.scorer(), groups.Blocks(j.net)
	w, err := s.WeighBlocks(j.net, blocks)
	if err != nil || len(w) != 1 {
		t.Fatalf("%d blocks, %v", len(w), err)
	}
	margins := func(gate float32) []float64 {
		g := j.net.Copy() // the branch's last layer is the gate: gate·(a-mean) + mean
		for i := range g.Node("c.weight").Value {
			g.Node("c.weight").Value[i] *= gate
		}
		for i, b := range g.Node("c.bias").Value {
			g.Node("c.bias").Value[i] = gate*b + (1-gate)*w[0].Mean[i]
		}
		z, err := eval.Forward(s.Ctx, s.Env, g, s.Samples, s.Classes)
		if err != nil {
			t.Fatal(err)
		}
		var m []float64
		for i, x := range s.Samples {
			row, sum := z[3*i:3*i+3], 0.0
			for _, v := range row {
				sum += float64(v)
			}
			own := float64(row[x.Class])
			m = append(m, own-(sum-own)/2)
		}
		return m
	}
	up, down, want := margins(1+1./128), margins(1-1./128), 0.0
	for i := range up {
		want += math.Pow((up[i]-down[i])*64, 2) / (2 * float64(len(up)))
	}
	toy.Near(t, "fisher", w[0].Fisher/want, 1, 0.02)
	small, err := s.ApplyBlock(j.net, w[0])
	if err != nil {
		t.Fatal(err)
	}
	before, after := meansOf(t, j, j.net, "sum"), meansOf(t, j, small, "sum")
	for i := range before {
		toy.Near(t, "mean of the sum", after[i], before[i], 1e-4)
	}
}

// meansOf are the means over images and positions of each channel of a node.
func meansOf(t *testing.T, j *job, g *graph.Graph, name string) []float64 {
	t.Helper()
	h, _ := g.Clone()
	h.Outputs = []*graph.Node{h.Add("means", op.GlobalAveragePool{}, h.Node(name))}
	v, err := eval.Forward(j.ctx, j.Env, h, j.train, len(j.Data.Classes))
	if err != nil {
		t.Fatal(err)
	}
	c := len(v) / len(j.train)
	out := make([]float64, c)
	for i, x := range v {
		out[i%c] += float64(x) / float64(len(j.train))
	}
	return out
}
