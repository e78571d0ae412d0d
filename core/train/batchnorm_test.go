package train

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/plan"
)

// TestTrainNorm: torch.nn.BatchNorm2d in training: the output by the batch's biased variance, the
// running statistics by (1-m)·old + m·batch with the unbiased one.
func TestTrainNorm(t *testing.T) {
	g := toy.New(4, 3).Norm("bn").Model()
	old := g.Copy()
	b, _, err := g.WithBatch(2)
	if err != nil {
		t.Fatal(err)
	}
	trained, err := trainNorm(b, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Compile(trained, plan.Options{Env: toy.Env(t)})
	if err != nil {
		t.Fatal(err)
	}
	x := p.Data("input")
	for i := range x {
		x[i] = float32(math.Sin(float64(i*i))) + float32(i%3)
	}
	x = slices.Clone(x)
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	value := func(name string, c int) float64 { return float64(old.Node(name).Value[c]) }
	for c := range 3 {
		mean, variance := toy.Moments(x, c, 3)
		rows := float64(len(x) / 3)
		toy.Near(t, "running mean", float64(g.Node("bn.mean").Value[c]), 0.9*value("bn.mean", c)+0.1*mean, 1e-6)
		toy.Near(t, "running variance", float64(g.Node("bn.var").Value[c]), 0.9*value("bn.var", c)+0.1*variance*rows/(rows-1), 1e-6)
		want := (float64(x[c])-mean)/math.Sqrt(variance+1e-5)*value("bn.gamma", c) + value("bn.beta", c)
		toy.Near(t, "output", float64(p.Data("bn")[c]), want, 1e-5)
	}
}

// TestTrainNormPadding: with batch statistics the last batch of an epoch is full.
func TestTrainNormPadding(t *testing.T) {
	j := &job{task: classifier{}, Config: Config{Batch: 16, TrainNorm: true, Data: &data.Splits{Classes: toy.Classes}}}
	if o := j.loading(recipe{}); o.Last != data.WrapLast {
		t.Errorf("the last batch is %v", o.Last)
	}
	j.TrainNorm = false
	if o := j.loading(recipe{}); o.Last != data.PadLast {
		t.Errorf("the last batch is %v", o.Last)
	}
}

// TestTrainNormRefuses: a flag that would do nothing is no success.
func TestTrainNormRefuses(t *testing.T) {
	c := smallConfig(t)
	c.TrainNorm, c.Model = true, toy.New(16, 3).Conv("conv", 8, 1).Vector().Linear("fc", 2).Model(toy.Classes...)
	if _, err := Adapt(t.Context(), c); err == nil || !strings.Contains(err.Error(), "--train-bn") {
		t.Errorf("a network without batch normalization: error %v", err)
	}
}
