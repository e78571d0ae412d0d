package train

import (
	"fmt"
	"io"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
)

// imitated is the input of an imitation: the features to come near to.
const imitated = "imitated"

// imitate trains a prefix that was cut to give the features that it gave before, view by view (reference: MiR, CVPR
// 2022, arXiv:2201.02620): the suffix goes on seeing what it knows. The loss is the squared distance as a share of the
// features' own squares.
func (j *job) imitate(turn int, before *features) error {
	p, err := j.imitation(before)
	if err != nil {
		return err
	}
	epochs := j.Prune.TurnEpochs(j.epochSteps())
	sched := optim.Schedule{Base: j.Rate, Steps: epochs * j.epochSteps(), Warm: j.Prune.TurnUpdates / 3, Cosine: true}
	k, total := 0, 0.0
	for e := 0; e < epochs; {
		err := j.eachView(min(before.views, epochs-e), data.WrapLast, func(l *data.Loader, view int) error {
			total = 0
			e++
			return j.imitateView(l, p, before, view, func() {
				p.Data(optim.Rate)[0], p.Data(optim.Step)[0] = float32(sched.At(k)), float32(k+1)
				k++
			}, &total)
		})
		if err != nil {
			return err
		}
	}
	return j.log.emit(Event{Event: "imitation", Phase: "turn", Turn: turn, Epochs: epochs, Loss: total / float64(j.epochSteps()),
		Message: fmt.Sprintf("the prefix is %.2f %% of its features away from them after %d steps", 100*total/float64(j.epochSteps()), k)})
}

// imitateView is one pass over the images in one view.
func (j *job) imitateView(l *data.Loader, p *plan.Plan, before *features, view int, next func(), total *float64) error {
	b := data.Batch{X: p.Data(eval.Input(j.net)), Index: make([]int32, j.Batch)}
	want := p.Data(imitated)
	for {
		_, err := l.Next(&b)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		for i, s := range b.Index {
			copy(want[i*before.floats:(i+1)*before.floats], before.x[view][int(s)*before.floats:])
		}
		next()
		if err := p.Run(); err != nil {
			return err
		}
		*total += float64(p.Data(loss)[0])
	}
}

// imitation is the plan of a step of the prefix.
func (j *job) imitation(before *features) (*plan.Plan, error) {
	prefix, err := j.prefix()
	if err != nil {
		return nil, err
	}
	g, _ := prefix.Clone()
	y := g.Outputs[0]
	want := g.Leaf(imitated, graph.Input, y.Shape, nil)
	apart := g.Add("imitation", op.L2SP{}, y, want)
	scale := g.Leaf("imitation.scale", graph.Const, tensor.Shape{1}, []float32{float32(2 / (before.square() * float64(j.Batch)))})
	g.Add(loss, op.Mul{}, apart, scale)
	rule := optim.AdamW(float32(j.Decay))
	rule.Clip = float32(j.Clip)
	p, err := plan.Compile(g, plan.Options{Env: j.Env, Loss: loss, Wrt: Full.params(g), Rule: &rule, Budget: j.MemoryBudget})
	if err == nil {
		p.Hook = j.ctx.Err
	}
	return p, err
}

// square is the mean over images of the squared length of their features, in the first view.
func (f *features) square() float64 {
	sum := 0.0
	for _, v := range f.x[0] {
		sum += float64(v) * float64(v)
	}
	return max(sum*float64(f.floats)/float64(len(f.x[0])), 1e-20)
}
