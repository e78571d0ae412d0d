package train

import (
	"errors"
	"fmt"
	"math"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/pruning"
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
	Tolerance   float64 // by how much the harmonic mean of class accuracies, of a detector the recall of the rarest class, may fall below the dense network's
	Distill     float64 // share of the dense network's logits in the loss
	LiveTeacher bool    // the dense network answers for each picture as it is shown; else for the picture itself, once
	Mixup       float64 // alpha of mixup while the dense network teaches; 0: that of the images
	InnerOnly   bool    // leave residual streams alone
	KeepTurns   bool    // the network of every accepted turn stays in the run folder
	Regime      string  // one of Regimes
	Blocks      bool    // residual blocks may go as a whole
	TrainGates  bool    // Γ of the loss is what the last epoch of training made of it, instead of a scoring pass's
	Control     string  // EqualUpdates or AblateRestore: the loop without its result; "" prunes
}

// DefaultPrune is the schedule of the reference (pruning §2.5).
func DefaultPrune(criterion string, budget pruning.Budget) *Prune {
	return &Prune{Criterion: criterion, Allocator: "global", Budget: budget, Turns: 5, TurnUpdates: 4, TurnRate: 1, FinalEpochs: 40, FinalRate: 1,
		Tolerance: 0.04, Distill: 0.7, Regime: "auto"}
}

// TurnEpochs is how many passes over the training images, of that many steps each, make the updates of a turn.
func (p *Prune) TurnEpochs(steps int) int { return max(1, (p.TurnUpdates+steps-1)/steps) }

// Temperature of the distillation from the dense network (reference: CURL's recipe).
const temperature = 2

// Turn is one turn of the loop: a candidate on the accuracy–cost curve, or what was taken back.
type Turn struct {
	Turn     int                `json:"turn"`
	Regime   string             `json:"regime,omitempty"` // that it belongs to
	MACs     int64              `json:"macs"`
	Params   int64              `json:"params"`
	Latency  int64              `json:"latency_ns,omitempty"` // measured, as the budget or the allocator asks
	Memory   int64              `json:"memory_bytes,omitempty"`
	Bytes    int64              `json:"file_bytes,omitempty"`
	Accuracy float64            `json:"accuracy"` // on the validation images, the training images where there are none; of a detector its AP at an IoU of 0.5
	Harmonic float64            `json:"harmonic"` // mean of the class accuracies; of a detector the recall of the rarest class
	Removed  []pruning.Decision `json:"removed"`
	Block    *BlockCut          `json:"block,omitempty"` // what went as a whole; its filters are in Removed
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
	Regime   string         `json:"regime"`  // what is pruned when, one of Regimes
	Why      string         `json:"why"`     // it was chosen
	Left     string         `json:"left"`    // of it
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
	if j.anchor, err = j.task.answers(j); err != nil {
		return err
	}
	j.dense = j.net.Copy()
	if j.pos.Prune, err = j.startPruning(); err != nil {
		return err
	}
	if err := j.saveNet(denseName); err != nil {
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
	if err := j.saveMatrices(st, denseMatrices); err != nil {
		return nil, err
	}
	r, err := j.judge(j.net)
	if err != nil {
		return nil, err
	}
	m := j.task.marks(r)
	cost, err := j.costNow()
	if err != nil {
		return nil, err
	}
	pace := pruning.NewPace(j.Prune.Budget.Target(cost))
	pace.Share = turnShare(j.Prune, cost)
	spot := &pruneSpot{Pace: pace, Original: cost, Now: cost, Widths: map[string]int{}, Floor: m.grade - math.Max(j.Prune.Tolerance, m.luck)}
	for _, g := range st.Groups {
		spot.Widths[g.Name] = len(g.Units)
	}
	if spot.Regime, spot.Why, err = j.chooseRegime(spot); err != nil {
		return nil, err
	}
	spot.Left = spot.Regime
	if err := j.log.emit(Event{Event: "regime", Phase: "prune", Regime: spot.Regime, Message: "regime " + spot.Regime + ": " + spot.Why}); err != nil {
		return nil, err
	}
	whole := true
	return spot, j.log.emit(Event{Event: "turn", Phase: "prune", MACs: cost.MACs, Params: int(cost.Params), ValAcc: m.accuracy, Accepted: &whole})
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
	r, err := j.task.evaluate(j, g, samples, eval.Options{Operate: true})
	if errors.Is(err, eval.ErrNotNumbers) {
		return &eval.Report{}, nil
	}
	return r, err
}

func (j *job) limits() pruning.Limits {
	l := pruning.DefaultLimits(j.Env.Kernels.Width)
	l.Streams = !j.Prune.InnerOnly
	l.Locked, l.Widths = j.pos.Prune.Pace.Locked, j.pos.Prune.Widths
	if j.Prune.Turns == 1 || j.Prune.Control != "" {
		l.MaxPerTurn = 0 // one cut, or cuts of the whole network, go all the way
	}
	return l
}

func (j *job) turnSteps() int { return j.Prune.TurnEpochs(j.epochSteps()) * j.epochSteps() }

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
	if err := j.saveMatrices(st, finalMatrices); err != nil {
		return err
	}
	return j.enter("done")
}
