package train

import (
	"fmt"
	"strings"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// runTurns prunes turn by turn, regime by regime, until the budget is reached or turns keep failing.
func (j *job) runTurns() error {
	spot := j.pos.Prune
	for !j.overTime() && spot.Left != "" {
		goal, more, err := j.goal()
		if err == nil && more {
			more, err = j.turn(goal)
		}
		if err != nil {
			return err
		}
		if !more || spot.stage() == "A" {
			spot.nextStage()
		}
		if err := j.save(); err != nil {
			return err
		}
	}
	return j.enter("final")
}

// scoringImages is how many training images say which filters go, at the most: all where there are few (reference: pruning
// §1.10, 10 to 300 images); of many a draw, balanced over the classes: a turn's time and the matrices grow with them.
const scoringImages = 300

// scored are the images that filters are scored on: all where a training made Γ of them already.
func (j *job) scored() []data.Sample {
	if j.gates != nil {
		return j.train
	}
	return data.AtMost(j.train, len(j.Data.Classes), scoringImages, j.Seed)
}

func (j *job) scorer() *score.Scorer {
	return &score.Scorer{Ctx: j.ctx, Env: j.Env, Samples: j.scored(), Classes: len(j.Data.Classes), Seed: j.Seed, Warn: j.warnOnce, Loss: j.gates}
}

// cut is a network cut and repaired, not yet trained.
type cut struct {
	net     *graph.Graph
	change  *groups.Change
	removed []pruning.Decision // numbered as in the network that was cut
	worst   string             // what to leave alone should it do harm
	block   *BlockCut          // nil where filters go
	planned groups.Cost        // by the plan; what the control that cuts nothing would cost

	features *features // of the prefix before the cut, where it is one that is imitated
}

// turn scores, allocates, cuts, repairs, fine-tunes a little and keeps the result or goes back.
// It returns false when nothing is left to remove.
func (j *job) turn(goal int64) (bool, error) {
	spot := j.pos.Prune
	spot.Turn++
	c, err := j.cut(goal)
	if err != nil || c == nil {
		return false, err
	}
	before, moments, change := j.net, j.saved, spot.Change
	j.net, j.saved, spot.Change = c.net, sliceMoments(c, moments), groups.Compose(change, c.change)
	gates := j.gates
	j.gates = nil
	asCut := j.asCut()
	if err := j.mend(c); err != nil {
		return false, err
	}
	t, cost, err := j.judgeTurn()
	if err != nil {
		return false, err
	}
	if j.Prune.Control == EqualUpdates {
		cost = c.planned
	}
	t.Removed, t.Block = pruning.Original(c.removed, change), c.block
	if t.Accepted {
		spot.Pace.Accept()
		spot.Now = cost
		spot.Updates += j.turnSteps()
		j.putBack(before, asCut, moments, c.change)
		if j.Prune.Control != "" {
			spot.Change = change
		}
		t.Reason = c.block.sentence(j.Prune.Budget)
		if err := j.keepTurn(); err != nil {
			return false, err
		}
	} else {
		t.Reason = fmt.Sprintf("%s %.3f is below %.3f: taken back, %s stays as it is", j.task.graded(), t.Harmonic, spot.Floor, c.worst)
		spot.Pace.RollBack(c.worst)
		j.net, j.saved, j.gates, spot.Change = before, moments, gates, change
	}
	spot.Turns = append(spot.Turns, t)
	return true, j.log.emit(Event{Event: "turn", Phase: "prune", Turn: t.Turn, MACs: t.MACs, Params: int(t.Params), ValAcc: t.Accuracy,
		Removed: len(t.Removed), Block: c.block.name(), Regime: t.Regime, Accepted: &t.Accepted, Reason: t.Reason})
}

// keepTurn writes the network of an accepted turn into the run folder, where that is asked for: each is a candidate on the
// curve of accuracy over cost.
func (j *job) keepTurn() error {
	if !j.Prune.KeepTurns {
		return nil
	}
	return j.saveNet(fmt.Sprintf("turn-%02d.secateur", j.pos.Prune.Turn))
}

// mend trains a network after its cut: a prefix to give the features that it gave, then what trains.
func (j *job) mend(c *cut) error {
	if j.pos.Prune.stage() == "C" {
		if err := j.imitate(j.pos.Prune.Turn, c.features); err != nil {
			return err
		}
	}
	return j.shortTune(j.pos.Prune.Turn)
}

// judgeTurn says how good the network is after a turn and what it costs.
func (j *job) judgeTurn() (Turn, groups.Cost, error) {
	spot := j.pos.Prune
	r, err := j.judge(j.net)
	if err != nil {
		return Turn{}, groups.Cost{}, err
	}
	m := j.task.marks(r)
	cost, err := j.costNow()
	return Turn{Turn: spot.Turn, Regime: spot.stage(), MACs: cost.MACs, Params: cost.Params, Latency: cost.Latency, Memory: cost.Memory, Bytes: cost.Bytes,
		Accuracy: m.accuracy, Harmonic: m.grade, Accepted: m.grade >= spot.Floor}, cost, err
}

// cut makes the cut of a turn: filters down to the goal, or a residual block that is cheaper for what it saves. nil
// means that nothing is left to remove.
func (j *job) cut(goal int64) (*cut, error) {
	spot := j.pos.Prune
	criterion, err := criteria.Lookup(j.Prune.Criterion)
	if err != nil {
		return nil, err
	}
	costs, err := j.predicted(j.net, spot.Now)
	if err != nil {
		return nil, err
	}
	limits, err := j.stageLimits(j.limits())
	if err != nil {
		return nil, err
	}
	st, p, err := j.scorer().Plan(j.net, score.Cut{Criterion: criterion, Allocator: j.Prune.Allocator, Budget: j.Prune.Budget,
		Costs: costs, Original: spot.Original, Target: goal, Limits: limits, Seed: j.Seed})
	if err != nil {
		return nil, err
	}
	if j.Prune.Blocks && !j.pos.Prune.prefixStage() {
		if c, err := j.blockCut(st, p, costs); c != nil || err != nil {
			return c, err
		}
	}
	if len(p.Decisions) == 0 {
		return nil, nil
	}
	c := &cut{removed: p.Decisions, worst: p.Worst(criterion)}
	if spot.stage() == "C" {
		if c.features, err = j.cached(); err != nil {
			return nil, err
		}
	}
	c.planned = p.After
	c.net, c.change, err = j.apply(st, p)
	return c, err
}

// shortTune is the fine-tuning of one turn: warm-up to a share of the rate and a cosine down from
// there, since the repaired network is judged at rest; distillation from the dense network.
func (j *job) shortTune(turn int) error {
	j.pos.Epoch = 0
	t, err := j.newTuner(recipe{name: "turn", round: turn, epochs: j.Prune.TurnEpochs(j.epochSteps()), rate: j.Rate * j.Prune.TurnRate, done: j.pos.Prune.Updates,
		warm: j.Prune.TurnUpdates / 3, cosine: true, part: j.tunedPart(), objective: j.distilled()})
	if err != nil {
		return err
	}
	err = t.run(false)
	j.pos.Epoch = 0
	return err
}

// sliceMoments is what a cut leaves of the optimiser's moments. Averages of weights start again from the
// repaired weights, which the averages before the repair do not fit.
func sliceMoments(c *cut, saved map[string][]float32) map[string][]float32 {
	out := map[string][]float32{}
	for name, v := range saved {
		at := strings.LastIndexByte(name, '.')
		if name[at:] == optim.AverageSuffix || c.net.Node(name[:at]) == nil {
			continue
		}
		kept := c.change.Slice(name[:at], v)
		out[name] = tensor.Floats(len(kept))
		copy(out[name], kept)
	}
	return out
}
