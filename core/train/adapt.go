package train

import (
	"fmt"
)

// runTune fine-tunes the chosen part.
func (j *job) runTune() error {
	if err := j.tune(recipe{phase: "tune", epochs: j.Epochs, rate: j.Rate, warm: j.Warm, cosine: true, part: j.Part,
		objective: Objective{Smoothing: float32(j.Smoothing)}, stop: true}); err != nil {
		return err
	}
	return j.afterTune()
}

// tune runs a recipe from the epoch where the phase stands, saving after each.
func (j *job) tune(r recipe) error {
	if r.epochs == 0 {
		return nil
	}
	t, err := j.newTuner(r)
	if err != nil {
		return err
	}
	return t.run(true)
}

func (j *job) emitStart() error {
	return j.log.emit(Event{Event: "start", Phase: "head", MACs: macs(j.net), Params: j.net.Params(),
		Message: fmt.Sprintf("%d training, %d validation, %d test images of %d classes; %s on %d threads", len(j.train), len(j.val),
			len(j.test), len(j.Data.Classes), j.Env.Kernels.Name, j.Env.Pool.Threads())})
}

// evaluateTest is the report on the test images, with latency; without test images it is made on
// the validation images, and without those on the training images, which the start event says.
func (j *job) evaluateTest() (*Report, error) {
	samples := j.test
	if len(samples) == 0 {
		samples = j.val
	}
	if len(samples) == 0 {
		samples = j.train
	}
	return Evaluate(j.ctx, j.Env, j.net, samples, EvalOptions{Latency: true, Progress: j.Progress})
}

// finish evaluates what the run ended with.
func (j *job) finish() (*Result, error) {
	out, _, err := j.net.WithBatch(1)
	if err != nil {
		return nil, err
	}
	r := &Result{Model: out, Dense: j.pos.Dense}
	done := Event{Event: "done", Dense: r.Dense}
	if j.pos.Prune != nil {
		if r.Pruned, err = j.evaluateTest(); err != nil {
			return nil, err
		}
		r.Turns, done.Pruned = j.pos.Prune.Turns, r.Pruned
	}
	if err := j.log.emit(done); err != nil {
		return nil, err
	}
	if j.Prune != nil && costFor(j.Prune.Budget, j.net) > j.pos.Prune.Pace.Budget {
		return r, fmt.Errorf("%w: %s asked, %d %s left of %d after %d turns, %d of them taken back", ErrTarget, j.Prune.Budget,
			costFor(j.Prune.Budget, j.net), j.Prune.Budget.Of, budgetOf(j), len(r.Turns), j.pos.Prune.Pace.Rollbacks)
	}
	return r, nil
}

func budgetOf(j *job) int64 {
	if j.Prune.Budget.Of == "params" {
		return j.pos.Prune.Original.Params
	}
	return j.pos.Prune.Original.MACs
}
