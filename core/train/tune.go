package train

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/random"
)

// recipe is what one phase of training steps does.
type recipe struct {
	name      string // its name in events and random streams
	round     int    // the turn of pruning it belongs to, 0 for none
	epochs    int
	rate      float64
	warm      int
	done      int // steps that the optimiser's moments have seen before
	cosine    bool
	part      Part
	objective Objective
	stop      bool // early stopping on the validation images
}

// tuner runs the epochs of a recipe.
type tuner struct {
	*job
	recipe
	plan    *plan.Plan
	loader  feeder
	batch   data.Batch // where the loader writes: the plan's inputs
	weights []float32  // of each class in the loss
	sched   optim.Schedule
	logits  string
	classes int
	live    *plan.Plan    // the dense network on the batch; nil where it has answered before
	taught  [][][]float32 // of a detector that learns from cached features, by view and output
}

func (j *job) newTuner(r recipe) (*tuner, error) {
	t := &tuner{job: j, recipe: r, weights: j.classWeights(), logits: j.net.Outputs[0].Name, classes: len(j.Data.Classes)}
	p, err := j.compileStep(r.part, r.objective, nil)
	if err != nil {
		return nil, err
	}
	t.use(p)
	t.sched = optim.Schedule{Base: r.rate, Steps: r.epochs * j.epochSteps(), Warm: r.warm, Cosine: r.cosine}
	if r.objective.Distill > 0 && j.task.live(j, r) {
		if t.live, err = j.liveTeacher(); err != nil {
			return nil, err
		}
	}
	if t.loader, err = j.feeding(r); err != nil {
		return nil, err
	}
	if c, ok := t.loader.(*cacheFeeder); ok && r.objective.Distill > 0 && j.task == (detector{}) {
		t.taught, err = j.answersByView(c.views)
	}
	return t, err
}

// use lets the loader write into the inputs of a plan.
func (t *tuner) use(p *plan.Plan) {
	t.plan = p
	t.plan.Hook = t.ctx.Err
	input := eval.Input(t.net)
	if t.part == Suffix {
		input = t.pos.Cut
	}
	t.batch = data.Batch{X: p.Data(input), Index: make([]int32, t.Batch), Mates: make([]int32, t.Batch)}
	t.task.labels(p, &t.batch)
}

// feeding is where a recipe's batches come from.
func (j *job) feeding(r recipe) (feeder, error) {
	o := j.loading(r)
	if r.part != Suffix {
		return data.NewLoader(j.train, eval.Preprocess(j.net), o)
	}
	f, err := j.cached()
	return &cacheFeeder{features: f, samples: j.train, seed: o.Seed, classes: o.Classes}, err
}

// epochSteps is the number of batches of one pass over the training images.
func (j *job) epochSteps() int { return (len(j.train) + j.Batch - 1) / j.Batch }

// loading is how a recipe's images become batches. Batch statistics must not count padding, so a
// short last batch is filled up for them.
func (j *job) loading(r recipe) data.LoaderOptions {
	o := data.LoaderOptions{Batch: j.Batch, Classes: len(j.Data.Classes), Seed: random.Hash(j.Seed, fmt.Sprintf("%s/%d", r.name, r.round)),
		CacheBytes: cacheBytes}
	if j.TrainNorm {
		o.Last = data.WrapLast
	}
	j.task.loading(j, &o)
	a := j.Augment
	if r.objective.Distill > 0 && j.Prune != nil && j.Prune.Mixup > 0 {
		a.Mixup = j.Prune.Mixup
	}
	o.Augment = &a
	return o
}

// cacheBytes bounds the decoded images that a loader keeps.
const cacheBytes = 256 << 20

// run does the epochs that are left in the phase, saving after each when keep is set.
func (t *tuner) run(keep bool) error {
	defer t.loader.Close()
	for t.pos.Epoch < t.epochs && !t.overTime() && !t.stopped() {
		e, err := t.epoch(t.pos.Epoch)
		if err != nil {
			return err
		}
		t.pos.Epoch++
		if err := t.validate(&e); err != nil {
			return err
		}
		if err := t.log.emit(e); err != nil {
			return err
		}
		if keep {
			if err := t.save(); err != nil {
				return err
			}
		}
	}
	t.average()
	if t.stop && t.best != nil {
		t.restore(t.best)
	}
	return nil
}

// stopped reports whether the validation loss has been without a new best for Patience epochs. It
// is asked before an epoch, so that a run killed after its last one stops there again.
func (t *tuner) stopped() bool {
	return t.stop && t.best != nil && t.Patience > 0 && t.pos.Epoch-t.pos.BestAt >= t.Patience
}

// epoch is one pass over the training images.
func (t *tuner) epoch(e int) (Event, error) {
	began := time.Now()
	sum := epochSum{}
	if err := t.watchGates(e); err != nil {
		return Event{}, err
	}
	t.loader.Epoch(e, 0, true)
	perEpoch := t.sched.Steps / max(t.epochs, 1)
	for k := e * perEpoch; ; k++ {
		n, err := t.loader.Next(&t.batch)
		if err == io.EOF {
			break
		}
		if err != nil {
			return Event{}, err
		}
		t.feed(k, n)
		if err := t.askLive(n); err != nil {
			return Event{}, err
		}
		if err := t.plan.Run(); err != nil {
			return Event{}, err
		}
		t.pos.Steps++
		t.keepGates(n)
		if err := sum.add(t, n); err != nil {
			return Event{}, err
		}
		t.progress(sum.images, time.Since(began))
	}
	return Event{Event: "epoch", Phase: t.name, Turn: t.round, Epoch: e + 1, Epochs: t.epochs, Loss: sum.loss / float64(max(sum.steps, 1)),
		Accuracy: float64(sum.right) / float64(max(sum.images, 1)), Rate: t.sched.At(e * perEpoch),
		PerSec: float64(sum.images) / time.Since(began).Seconds(), Celsius: celsius()}, nil
}

func (t *tuner) progress(done int, since time.Duration) {
	if t.Progress == nil {
		return
	}
	t.Progress(eval.Progress{Phase: fmt.Sprintf("%s %d/%d", t.name, t.pos.Epoch+1, t.epochs), Done: t.pos.Epoch*len(t.train) + done,
		Total: t.epochs * len(t.train), PerSec: float64(done) / since.Seconds()})
}

// feed sets everything that a step reads beside the images: rate, weights, teacher.
func (t *tuner) feed(k, n int) {
	t.plan.Data(optim.Rate)[0] = float32(t.sched.At(k))
	t.plan.Data(optim.Step)[0] = float32(t.done + k + 1)
	t.task.weigh(t, n)
}

// epochSum is what an epoch reports.
type epochSum struct {
	loss                 float64
	steps, images, right int
}

// add counts a step. A loss that is not a number ends the training: nothing good comes after it.
func (s *epochSum) add(t *tuner, n int) error {
	l := float64(t.plan.Data(loss)[0])
	if math.IsNaN(l) || math.IsInf(l, 0) {
		return fmt.Errorf("training diverged in pass %d of %s: the loss is %v; use a lower --lr", t.pos.Epoch+1, t.name, l)
	}
	s.loss += l
	s.steps++
	s.images += n
	s.right += t.task.right(t, n)
	return nil
}

// validate evaluates the epoch's network, its weights averaged if they will be in the end, on the
// held-out images and keeps the best.
func (t *tuner) validate(e *Event) error {
	if len(t.val) == 0 || !t.stop {
		return nil
	}
	if t.Average > 0 {
		defer t.restore(t.params())
		t.average()
	}
	r, err := t.task.evaluate(t.job, t.net, t.val, eval.Options{})
	if err != nil {
		return err
	}
	m := t.task.marks(r)
	e.ValLoss, e.ValAcc = m.loss, m.accuracy
	if t.best == nil || m.loss < t.pos.Best {
		t.pos.Best, t.pos.BestAt, t.best = m.loss, t.pos.Epoch, t.params()
	}
	return nil
}
