package train

import (
	"context"
	"io"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
)

// Linear probing (LP-FT, Kumar 2022, 2202.10054): the recipe of the baselines.
const (
	headRate  = 1e-2
	headDecay = 1e-4
)

// runHead trains the classifier alone: every training image goes through the frozen network once,
// then full-batch AdamW steps run on the cached features.
func (j *job) runHead() error {
	if err := j.emitStart(); err != nil {
		return err
	}
	if j.HeadSteps > 0 {
		l, right, err := j.trainHead()
		if err != nil {
			return err
		}
		if err := j.log.emit(Event{Event: "head", Phase: "head", Epoch: j.HeadSteps, Loss: l, Accuracy: right}); err != nil {
			return err
		}
	}
	if j.Part == Head || j.Epochs == 0 {
		return j.afterTune()
	}
	return j.enter("tune")
}

// trainHead returns the loss and the share of images right in the last step.
func (j *job) trainHead() (lastLoss, right float64, err error) {
	logits := j.net.Outputs[0]
	features := logits.In[0]
	x, err := j.cacheFeatures(features.Name)
	if err != nil {
		return 0, 0, err
	}
	n := len(j.train)
	g, err := headGraph(j.net, features, n)
	if err != nil {
		return 0, 0, err
	}
	rule := optim.AdamW(headDecay)
	p, err := plan.Compile(withLoss(g, Objective{Smoothing: float32(j.Smoothing)}), plan.Options{Env: j.Env, Loss: loss,
		Wrt: Head.params(j.net), Rule: &rule, Keep: []string{logits.Name}})
	if err != nil {
		return 0, 0, err
	}
	p.Hook = j.ctx.Err
	t := tuner{job: j, plan: p, weights: j.classWeights(), logits: logits.Name, classes: len(j.Data.Classes),
		sched: optim.Schedule{Base: headRate, Steps: j.HeadSteps}}
	copy(p.Data(features.Name), x)
	oneHot(p.Data(target), j.train, t.classes)
	var sum epochSum
	for k := range j.HeadSteps {
		t.feed(k, n)
		if err := p.Run(); err != nil {
			return 0, 0, err
		}
		sum = epochSum{}
		if err := sum.add(&t, n); err != nil {
			return 0, 0, err
		}
	}
	return sum.loss, float64(sum.right) / float64(n), nil
}

// headGraph is the classifier alone, reading n cached feature vectors. Its parameters are those
// of net.
func headGraph(net *graph.Graph, features *graph.Node, n int) (*graph.Graph, error) {
	h, _, err := net.Sub([]*graph.Node{features}, net.Outputs)
	if err != nil {
		return nil, err
	}
	h, _, err = h.WithBatch(n)
	return h, err
}

// cacheFeatures is the N×F matrix of a node over all training images, unaugmented, in eval mode.
func (j *job) cacheFeatures(name string) ([]float32, error) {
	g, _, err := j.net.Sub(nil, []*graph.Node{j.net.Node(name)})
	if err != nil {
		return nil, err
	}
	return forward(j.ctx, j.Env, g, j.train, len(j.Data.Classes))
}

// forward runs a network over images in order, batch norm folded, and returns the rows of its
// first output.
func forward(ctx context.Context, e graph.Env, g *graph.Graph, samples []data.Sample, classes int) ([]float32, error) {
	batch := min(evalBatch, len(samples))
	p, err := plan.Compile(g, plan.Options{Env: e, Batch: batch, Fold: true})
	if err != nil {
		return nil, err
	}
	p.Hook = ctx.Err
	f := g.Outputs[0].Shape.Elems() / g.Batch()
	out := tensor.Floats(len(samples) * f)
	done := 0
	err = eachBatch(p, g, samples, batch, classes, nil, func(n int) error {
		copy(out[done*f:], p.Data(g.Outputs[0].Name)[:n*f])
		done += n
		return nil
	})
	return out, err
}

// eachBatch feeds images in order to a plan of batch images, runs it and calls after with the
// number of images that count. y, when not nil, gets the targets.
func eachBatch(p *plan.Plan, g *graph.Graph, samples []data.Sample, batch, classes int, y []float32, after func(n int) error) error {
	if err := checkInput(g); err != nil {
		return err
	}
	l, err := data.NewLoader(samples, preprocess(g), data.LoaderOptions{Batch: batch, Classes: classes})
	if err != nil {
		return err
	}
	defer l.Close()
	l.Epoch(0, 0, false)
	for {
		n, err := l.Next(&data.Batch{X: p.Data(input(g)), Targets: y})
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.Run(); err != nil {
			return err
		}
		if err := after(n); err != nil {
			return err
		}
	}
}

func oneHot(y []float32, samples []data.Sample, classes int) {
	clear(y)
	for i, s := range samples {
		y[i*classes+s.Class] = 1
	}
}
