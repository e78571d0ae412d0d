package train

import (
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/plan"
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
	t := tuner{job: j, recipe: recipe{name: "the head"}, plan: p, weights: j.classWeights(), logits: logits.Name, classes: len(j.Data.Classes),
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
	return eval.Forward(j.ctx, j.Env, g, j.train, len(j.Data.Classes))
}

func oneHot(y []float32, samples []data.Sample, classes int) {
	clear(y)
	for i, s := range samples {
		y[i*classes+s.Class] = 1
	}
}
