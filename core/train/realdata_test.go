package train

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/score"
)

// realConfig adapts a shared model to shots images a class of a shared data set, and tests on as
// many a class as said.
func realConfig(t *testing.T, model, set string, o onnx.Options, shots, tests int) Config {
	t.Helper()
	if testing.Short() {
		t.Skip("real data is left out with -short")
	}
	g, err := onnx.Import(filepath.Join(toy.SharedData(t, filepath.Dir(model)), filepath.Base(model)), o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := data.Open(toy.SharedData(t, set), data.Options{HeaderOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	d.Train, d.Test = data.Shots(d.Train, len(d.Classes), shots, 1), data.Shots(d.Test, len(d.Classes), tests, 1)
	c := Defaults()
	c.Model, c.Data, c.Env, c.Patience = g, d, toy.Env(t), 0
	return c
}

// TestDeadChannels: MobileNet v1 0.25 has running variances down to 1e-36. With batch norm frozen
// its gradients explode there, and without clipping it falls to chance, one in six.
func TestDeadChannels(t *testing.T) {
	c := realConfig(t, "model-mobilenet-v1-025/mobilenet_v1_0.25_224.onnx", "neu-det", onnx.Options{}, 8, 10)
	least := float32(1)
	for _, n := range c.Model.Nodes {
		if _, norm := n.Op.(op.BatchNormalization); norm {
			for _, v := range n.In[4].Value {
				least = min(least, v)
			}
		}
	}
	if least > 1e-20 {
		t.Errorf("the smallest running variance is %g: this model shows nothing", least)
	}
	c.HeadSteps, c.Epochs = 30, 4
	r, err := Adapt(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("accuracy %.3f of %d", r.Dense.Accuracy, r.Dense.Images)
	if r.Dense.Accuracy < 0.6 {
		t.Errorf("accuracy %.3f, want above 0.6", r.Dense.Accuracy)
	}
}

// TestReestimateFrozen: a network fine-tuned with the frozen statistics of its source keeps what it
// has learnt when its batch norm is estimated again after a small cut.
func TestReestimateFrozen(t *testing.T) {
	c := realConfig(t, "model-mobilenet-v1-025/mobilenet_v1_0.25_224.onnx", "neu-det", onnx.Options{}, 8, 10)
	c.HeadSteps, c.Epochs = 60, 0
	r, err := Adapt(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	s := &score.Scorer{Ctx: context.Background(), Env: c.Env, Samples: c.Data.Train, Classes: 6, Seed: 1}
	g := r.Model.Copy()
	if err := s.Reestimate(g, r.Model, nil); err != nil {
		t.Fatal(err)
	}
	after, err := eval.Evaluate(context.Background(), c.Env, g, c.Data.Test, eval.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("accuracy %.3f before, %.3f after", r.Dense.Accuracy, after.Accuracy)
	if r.Dense.Accuracy < 0.6 || after.Accuracy < r.Dense.Accuracy-0.05 {
		t.Errorf("accuracy %.3f before, %.3f after", r.Dense.Accuracy, after.Accuracy)
	}
}

// TestResNet20 knows these classes and learns their strong JPEG coding: it keeps its head, and what
// it knew.
func TestResNet20(t *testing.T) {
	o := onnx.Options{Mean: &[3]float32{123.675, 116.28, 103.53}, Std: &[3]float32{58.395, 57.12, 57.375},
		Labels: []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}}
	c := realConfig(t, "model-resnet20-cifar10/resnet20_cifar10.onnx", "cifar10-jpeg-mini", o, 40, 40)
	c.HeadSteps, c.Epochs, c.Rate, c.Smoothing, c.Augment = 0, 2, 0.001, 0, data.Augment{}
	r, err := Adapt(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("accuracy %.3f of %d", r.Dense.Accuracy, r.Dense.Images)
	if r.Dense.Accuracy < 0.8 {
		t.Errorf("accuracy %.3f, want 0.8", r.Dense.Accuracy)
	}
}
