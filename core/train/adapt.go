package train

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/pruning/groups"
)

// runTune fine-tunes the chosen part.
func (j *job) runTune() error {
	if err := j.tune(recipe{name: "tune", epochs: j.Epochs, rate: j.Rate, warm: j.Warm, cosine: true, part: j.Part,
		objective: j.plain(), stop: true}); err != nil {
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
	return j.log.emit(Event{Event: "start", Phase: "head", MACs: eval.MACs(j.net), Params: j.net.Params(),
		Message: fmt.Sprintf("%d training, %d validation, %d test images of %d classes; %s on %d threads", len(j.train), len(j.val),
			len(j.test), len(j.Data.Classes), j.Env.Kernels.Name, j.Env.Pool.Threads())})
}

// tested are the images that reports are made on: the test images; without those the validation
// images, and without those the training images.
func (j *job) tested() []data.Sample {
	for _, part := range [][]data.Sample{j.test, j.val} {
		if len(part) > 0 {
			return part
		}
	}
	return j.train
}

// evaluateTest is the report on the tested images, with latency, at an operating point that others have settled.
func (j *job) evaluateTest() (*eval.Report, error) {
	if err := j.task.operate(j); err != nil {
		return nil, err
	}
	return j.task.evaluate(j, j.net, j.tested(), eval.Options{Latency: true, Guesses: true, Progress: j.Progress})
}

// finish evaluates what the run ended with.
func (j *job) finish() (*Result, error) {
	out, _, err := j.net.WithBatch(1)
	if err != nil {
		return nil, err
	}
	r := &Result{Model: out, Dense: j.pos.Dense, Tested: j.tested(), Trained: len(j.train), Steps: j.pos.Steps}
	if j.pos.Prune != nil {
		if r.Pruned, err = j.evaluateTest(); err != nil {
			return nil, err
		}
		r.Turns = j.pos.Prune.Turns
		_, r.JudgedOn = j.judges()
		r.Regime = j.pos.Prune.Regime + ": " + j.pos.Prune.Why
		if r.Widths, err = j.widths(); err != nil {
			return nil, err
		}
	}
	if last := cmp.Or(r.Pruned, r.Dense); last != nil {
		out.SetThreshold(last.Threshold)
	}
	if err := j.log.emit(Event{Event: "done", Dense: r.Dense.Brief(), Pruned: r.Pruned.Brief()}); err != nil {
		return nil, err
	}
	return r, j.missed()
}

// widths are the layers' widths before and after pruning.
func (j *job) widths() ([]Width, error) {
	st, err := groups.Find(j.net)
	if err != nil {
		return nil, err
	}
	var list []Width
	there := map[string]bool{}
	for _, g := range st.Groups {
		there[g.Name] = true
		if !g.Locked {
			list = append(list, Width{Layer: g.Name, Before: j.pos.Prune.Widths[g.Name], After: len(g.Units)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(j.pos.Prune.Widths)) {
		if !there[name] { // it went with its block
			list = append(list, Width{Layer: name, Before: j.pos.Prune.Widths[name]})
		}
	}
	return list, nil
}

// missed is ErrTarget with numbers when pruning ended above its budget.
func (j *job) missed() error {
	if j.Prune == nil {
		return nil
	}
	b, spot := j.Prune.Budget, j.pos.Prune
	now := b.Part(spot.Now)
	if now <= spot.Pace.Budget {
		return nil
	}
	return fmt.Errorf("%w: %s asked, %s of %s %s left after %d turns, %d of them taken back", ErrTarget, b, b.Format(now),
		b.Format(b.Part(spot.Original)), b.Of, len(spot.Turns), spot.takenBack())
}

// takenBack is the number of turns that were not accepted.
func (s *pruneSpot) takenBack() int {
	n := 0
	for _, t := range s.Turns {
		if !t.Accepted {
			n++
		}
	}
	return n
}
