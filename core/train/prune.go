package train

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/optim"
	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// Prune says how an adaptation prunes.
type Prune struct {
	Criterion   string
	Allocator   string
	Budget      pruning.Budget
	Turns       int     // in about how many the budget is reached; bounds the step of a turn
	TurnUpdates int     // steps of fine-tuning after each cut
	TurnRate    float64 // their learning rate, a share of the run's
	FinalEpochs int     // of fine-tuning after the last turn
	FinalRate   float64 // their learning rate, a share of the run's
	Tolerance   float64 // by how much the harmonic mean of class accuracies may fall below the dense network's
	Distill     float64 // share of the dense network's logits in the loss
	InnerOnly   bool    // leave residual streams alone
}

// DefaultPrune is the schedule of the reference (pruning §2.5).
func DefaultPrune(criterion string, budget pruning.Budget) *Prune {
	return &Prune{Criterion: criterion, Allocator: "global", Budget: budget, Turns: 10, TurnUpdates: 30, TurnRate: 0.1, FinalEpochs: 15, FinalRate: 0.5,
		Tolerance: 0.04, Distill: 0.7}
}

// TurnEpochs is how many passes over the training images, of that many steps each, make the updates of a turn.
func (p *Prune) TurnEpochs(steps int) int { return max(1, (p.TurnUpdates+steps-1)/steps) }

// Temperature of the distillation from the dense network (reference: CURL's recipe).
const temperature = 2

// Turn is one turn of the loop: a candidate on the accuracy–cost curve, or what was taken back.
type Turn struct {
	Turn     int                `json:"turn"`
	MACs     int64              `json:"macs"`
	Params   int64              `json:"params"`
	Latency  int64              `json:"latency_ns,omitempty"` // measured, as the budget or the allocator asks
	Memory   int64              `json:"memory_bytes,omitempty"`
	Bytes    int64              `json:"file_bytes,omitempty"`
	Accuracy float64            `json:"accuracy"` // on the validation images, the training images where there are none
	Harmonic float64            `json:"harmonic"`
	Removed  []pruning.Decision `json:"removed"`
	Accepted bool               `json:"accepted"`
	Reason   string             `json:"reason,omitempty"`
}

// pruneSpot is where the loop stands; with the network itself it is all of its state.
type pruneSpot struct {
	Pace     *pruning.Pace  `json:"pace"`
	Original groups.Cost    `json:"original"`
	Now      groups.Cost    `json:"now"` // of the network as it stands; its time is measured
	Widths   map[string]int `json:"widths"`
	Floor    float64        `json:"floor"` // the harmonic mean that a turn must reach
	Turn     int            `json:"turn"`
	Turns    []Turn         `json:"turns"`
	Change   *groups.Change `json:"change"`  // from the dense network to this one
	Updates  int            `json:"updates"` // steps that the optimiser's moments have seen
}

// afterTune measures the dense network and goes on to pruning, or ends.
func (j *job) afterTune() error {
	dense, err := j.evaluateTest()
	if err != nil {
		return err
	}
	j.pos.Dense = dense
	if j.Prune == nil {
		return j.enter("done")
	}
	if j.anchor, err = eval.Forward(j.ctx, j.Env, j.net, j.train, len(j.Data.Classes)); err != nil {
		return err
	}
	if j.pos.Prune, err = j.startPruning(); err != nil {
		return err
	}
	if err := j.saveDense(); err != nil {
		return err
	}
	return j.enter("prune")
}

func (j *job) startPruning() (*pruneSpot, error) {
	st, err := groups.Find(j.net)
	if err != nil {
		return nil, err
	}
	if len(st.Free()) == 0 {
		return nil, fmt.Errorf("no filter of this model may be pruned: %s", lockReason(st))
	}
	if err := j.saveMatrices(st, "matrices-dense.secateur"); err != nil {
		return nil, err
	}
	r, err := j.judge(j.net)
	if err != nil {
		return nil, err
	}
	cost, err := j.costNow()
	if err != nil {
		return nil, err
	}
	pace := pruning.NewPace(j.Prune.Budget.Target(cost))
	pace.Share = turnShare(j.Prune, cost)
	spot := &pruneSpot{Pace: pace, Original: cost, Now: cost, Widths: map[string]int{}, Floor: r.Harmonic() - math.Max(j.Prune.Tolerance, chance(r))}
	for _, g := range st.Groups {
		spot.Widths[g.Name] = len(g.Units)
	}
	whole := true
	return spot, j.log.emit(Event{Event: "turn", Phase: "prune", MACs: cost.MACs, Params: int(cost.Params), ValAcc: r.Accuracy, Accepted: &whole})
}

// chance is by how much an accuracy over so few images moves by luck: 1.64 standard errors, so that
// a network as good as the dense one is taken back once in twenty turns.
func chance(r *eval.Report) float64 {
	if r.Images == 0 {
		return 0
	}
	p := math.Min(math.Max(r.Accuracy, 1/float64(r.Images+1)), float64(r.Images)/float64(r.Images+1))
	return 1.64 * math.Sqrt(p*(1-p)/float64(r.Images))
}

// turnShare is the share of the remaining cost that each turn takes to reach the budget in about
// Turns of them.
func turnShare(p *Prune, cost groups.Cost) float64 {
	left := math.Min(float64(p.Budget.Target(cost))/float64(p.Budget.Part(cost)), 1)
	return 1 - math.Pow(math.Max(left, 0.01), 1/float64(max(p.Turns, 1)))
}

func lockReason(st *groups.Structure) string {
	for _, g := range st.Groups {
		if g.Reason != "" {
			return g.Name + ": " + g.Reason
		}
	}
	return "it has no convolution whose channels are free"
}

// judges are the images that turns are accepted by, and what they are called.
func (j *job) judges() ([]data.Sample, string) {
	if len(j.val) > 0 {
		return j.val, "validation images"
	}
	return j.train, "training images"
}

// judge evaluates on the judges. A network whose outputs are no numbers
// is as bad as one can be.
func (j *job) judge(g *graph.Graph) (*eval.Report, error) {
	samples, _ := j.judges()
	r, err := eval.Evaluate(j.ctx, j.Env, g, samples, eval.Options{})
	if errors.Is(err, eval.ErrNotNumbers) {
		return &eval.Report{}, nil
	}
	return r, err
}

// runTurns prunes turn by turn until the budget is reached or turns keep failing.
func (j *job) runTurns() error {
	spot := j.pos.Prune
	for !j.overTime() {
		goal, ok := spot.Pace.Next(j.Prune.Budget.Part(spot.Now))
		if !ok {
			break
		}
		more, err := j.turn(goal)
		if err != nil {
			return err
		}
		if err := j.save(); err != nil {
			return err
		}
		if !more {
			break
		}
	}
	return j.enter("final")
}

func (j *job) scorer() *score.Scorer {
	return &score.Scorer{Ctx: j.ctx, Env: j.Env, Samples: j.train, Classes: len(j.Data.Classes), Seed: j.Seed, Warn: j.warnOnce}
}

// turn scores, allocates, cuts, repairs, fine-tunes a little and keeps the result or goes back.
// It returns false when nothing is left to remove.
func (j *job) turn(goal int64) (bool, error) {
	spot := j.pos.Prune
	spot.Turn++
	criterion, err := criteria.Lookup(j.Prune.Criterion)
	if err != nil {
		return false, err
	}
	costs, err := j.predicted(j.net, spot.Now)
	if err != nil {
		return false, err
	}
	st, p, err := j.scorer().Plan(j.net, score.Cut{Criterion: criterion, Allocator: j.Prune.Allocator, Budget: j.Prune.Budget,
		Costs: costs, Original: spot.Original, Target: goal, Limits: j.limits(), Seed: j.Seed})
	if err != nil || len(p.Decisions) == 0 {
		return false, err
	}
	before, moments := j.net, j.saved
	net, change, err := j.scorer().Apply(st, p.Remove, score.Rebuild)
	if err != nil {
		return false, err
	}
	j.net, j.saved = net, sliceMoments(change, moments)
	if err := j.shortTune(spot.Turn); err != nil {
		return false, err
	}
	r, err := j.judge(j.net)
	if err != nil {
		return false, err
	}
	t := Turn{Turn: spot.Turn, Accuracy: r.Accuracy, Harmonic: r.Harmonic(), Accepted: r.Harmonic() >= spot.Floor,
		Removed: pruning.Original(p.Decisions, spot.Change)}
	cost, err := j.costNow()
	if err != nil {
		return false, err
	}
	t.MACs, t.Params, t.Latency, t.Memory, t.Bytes = cost.MACs, cost.Params, cost.Latency, cost.Memory, cost.Bytes
	if t.Accepted {
		spot.Pace.Accept()
		spot.Now = cost
		spot.Change = groups.Compose(spot.Change, change)
		spot.Updates += j.turnSteps()
	} else {
		worst := p.Worst(criterion)
		t.Reason = fmt.Sprintf("harmonic mean of class accuracies %.3f is below %.3f: taken back, %s keeps its width", t.Harmonic, spot.Floor, worst)
		spot.Pace.RollBack(worst)
		j.net, j.saved = before, moments
	}
	spot.Turns = append(spot.Turns, t)
	return true, j.log.emit(Event{Event: "turn", Phase: "prune", Turn: t.Turn, MACs: t.MACs, Params: int(t.Params), ValAcc: t.Accuracy,
		Removed: len(t.Removed), Accepted: &t.Accepted, Reason: t.Reason})
}

func (j *job) limits() pruning.Limits {
	l := pruning.DefaultLimits(j.Env.Kernels.Width)
	l.Streams = !j.Prune.InnerOnly
	l.Locked, l.Widths = j.pos.Prune.Pace.Locked, j.pos.Prune.Widths
	return l
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

func (j *job) turnSteps() int { return j.Prune.TurnEpochs(j.epochSteps()) * j.epochSteps() }

// sliceMoments is what a cut leaves of the optimiser's moments. Averages of weights start again from the
// repaired weights, which the averages before the repair do not fit.
func sliceMoments(c *groups.Change, saved map[string][]float32) map[string][]float32 {
	out := map[string][]float32{}
	for name, v := range saved {
		at := strings.LastIndexByte(name, '.')
		if name[at:] == optim.AverageSuffix {
			continue
		}
		kept := c.Slice(name[:at], v)
		out[name] = tensor.Floats(len(kept))
		copy(out[name], kept)
	}
	return out
}

// tunedPart is what pruned networks train: a head alone could not mend anything.
func (j *job) tunedPart() Part {
	if j.Part == Head {
		return Full
	}
	return j.Part
}

func (j *job) distilled() Objective {
	o := j.plain()
	o.Distill, o.Temperature = float32(j.Prune.Distill), temperature
	return o
}

// runFinal is the last fine-tuning: cosine, distillation, early stopping.
func (j *job) runFinal() error {
	if err := j.tune(recipe{name: "final", epochs: j.Prune.FinalEpochs, rate: j.Rate * j.Prune.FinalRate, warm: j.Prune.TurnUpdates / 3, cosine: true, part: j.tunedPart(),
		objective: j.distilled(), stop: true}); err != nil {
		return err
	}
	st, err := groups.Find(j.net)
	if err != nil {
		return err
	}
	if err := j.saveMatrices(st, "matrices-final.secateur"); err != nil {
		return err
	}
	return j.enter("done")
}
