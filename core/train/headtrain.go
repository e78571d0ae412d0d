package train

import (
	"errors"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/random"
)

// Linear probing (LP-FT, Kumar 2022, 2202.10054): the recipe of the baselines.
const (
	headRate  = 1e-2
	headDecay = 1e-4
)

// headRows is the number of images of a step on packed features: unpacked they are what takes memory.
const headRows = 256

// runHead trains the head alone.
func (j *job) runHead() error {
	if err := j.emitStart(); err != nil {
		return err
	}
	if j.HeadSteps > 0 {
		if err := j.task.trainHead(j); err != nil {
			return err
		}
	}
	if j.Part == Head || j.Epochs == 0 {
		return j.afterTune()
	}
	return j.enter("tune")
}

// trainHead sends every training image through the frozen network once; then AdamW steps run on the cached features, over
// all images or, where these are packed, headRows. It tells the loss and the share of images right in the last step.
func (classifier) trainHead(j *job) error {
	p, packed, err := j.compileHead()
	if err != nil {
		return err
	}
	p.Hook = j.ctx.Err
	logits := j.net.Outputs[0]
	x, err := j.cacheFeatures(logits.In[0], packed)
	if err != nil {
		return err
	}
	t := tuner{job: j, recipe: recipe{name: "the head"}, plan: p, weights: j.classWeights(), logits: logits.Name, classes: len(j.Data.Classes),
		sched: optim.Schedule{Base: headRate, Steps: j.HeadSteps}}
	feed := headFeed{headFeatures: x, samples: j.train, seed: j.Seed, classes: t.classes}
	var sum epochSum
	for k := range j.HeadSteps {
		n := feed.next(p.Data(logits.In[0].Name), p.Data(target))
		t.feed(k, n)
		if err := p.Run(); err != nil {
			return err
		}
		sum = epochSum{}
		if err := sum.add(&t, n); err != nil {
			return err
		}
	}
	return j.log.emit(Event{Event: "head", Phase: "head", Epoch: j.HeadSteps, Loss: sum.loss, Accuracy: float64(sum.right) / float64(max(1, sum.images)),
		CacheBytes: x.bytes(), Packed: packed})
}

// compileHead is the step of the classifier, and whether its features are to be packed: if asked for, or if a
// step over all images and their features as float32 do not fit the memory budget.
func (j *job) compileHead() (p *plan.Plan, packed bool, err error) {
	if n := len(j.train); !j.Cache {
		width := j.net.Outputs[0].In[0].Shape.Channels()
		budget := j.MemoryBudget
		if budget > 0 {
			budget = max(1, budget-int64(4*n*width))
		}
		p, err := j.headPlan(n, budget)
		if over := (*plan.BudgetError)(nil); !errors.As(err, &over) {
			return p, false, err
		}
	}
	p, err = j.headPlan(min(len(j.train), headRows), 0)
	return p, true, err
}

// headPlan is a step over n cached feature vectors. Its parameters are those of the network.
func (j *job) headPlan(n int, budget int64) (*plan.Plan, error) {
	logits := j.net.Outputs[0]
	h, _, err := j.net.Sub([]*graph.Node{logits.In[0]}, j.net.Outputs)
	if err != nil {
		return nil, err
	}
	if h, _, err = h.WithBatch(n); err != nil {
		return nil, err
	}
	rule := optim.AdamW(headDecay)
	return plan.Compile(withLoss(h, Objective{Smoothing: float32(j.Smoothing)}), plan.Options{Env: j.Env, Loss: loss,
		Wrt: Head.params(j.net), Rule: &rule, Keep: []string{logits.Name}, Budget: budget})
}

// cacheFeatures is the rows of a node over all training images, unaugmented, in eval mode.
func (j *job) cacheFeatures(n *graph.Node, packed bool) (*headFeatures, error) {
	g, _, err := j.net.Sub(nil, []*graph.Node{n})
	if err != nil {
		return nil, err
	}
	f := newHeadFeatures(j.Env, len(j.train), n.Shape.Channels(), packed)
	return f, eval.EachForward(j.ctx, j.Env, g, j.train, len(j.Data.Classes), f.put)
}

// headFeed gives the steps of the head their images: all in order, or so many of them after the other, in
// an order that the seed draws anew when none are left.
type headFeed struct {
	*headFeatures
	samples []data.Sample
	seed    uint64
	classes int
	pass    uint64
	left    []int
}

// next fills x and y with as many rows as they have.
func (f *headFeed) next(x, y []float32) int {
	n := len(x) / f.width
	clear(y)
	for i := range n {
		image := i
		if n < len(f.samples) {
			image = f.draw()
		}
		f.get(x[i*f.width:], image)
		y[i*f.classes+f.samples[image].Class] = 1
	}
	return n
}

func (f *headFeed) draw() (image int) {
	if len(f.left) == 0 {
		f.left = random.Stream(f.seed, "head", f.pass).Perm(len(f.samples))
		f.pass++
	}
	image, f.left = f.left[0], f.left[1:]
	return image
}
