package train

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/latency"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/tensor"
)

// ErrTarget says that the run ended with a usable model that misses its target.
var ErrTarget = errors.New("target not reached")

// Config is one adaptation: what `secateur adapt` was asked for.
type Config struct {
	Model *graph.Graph
	Data  *data.Splits
	Env   graph.Env

	Detect     *Detect // the model becomes a detector, and the data has boxes; nil: a classifier, unless the model is a detector
	Part       Part
	HeadSteps  int     // AdamW steps on cached features before anything else trains
	Cache      bool    // keep these features as int8, as happens when the memory budget asks for it
	Epochs     int     // of fine-tuning
	Batch      int     // images a step
	Adam       bool    // AdamW instead of SGD with momentum
	Rate       float64 // learning rate; 0: RateFor the model
	Decay      float64 // weight decay
	Smoothing  float64 // of labels
	L2SP       float64 // α of the pull towards the pretrained weights (Li et al., ICML 2018); 0: none
	BSS        float64 // η of batch spectral shrinkage (Chen et al., NeurIPS 2019); 0: none
	LayerDecay float64 // factor on the rate from each layer to the one below it; 0 or 1: none
	Backbone   float64 // share of the rate of everything but the head; 0 or 1: all of it
	Clip       float64 // bound on the norm of all gradients together, which live at once for it; 0: none
	Average    float64 // decay of the moving average of the weights; 0: none
	Warm       int     // steps of linear warm-up
	Patience   int     // epochs without a better validation loss; 0: no early stopping
	NoWeights  bool    // classes count as often as they have images
	Views      int     // positions in which the network is shown each picture that it judges; 0: as the model
	TrainNorm  bool    // train batch normalization; else it keeps its statistics
	Augment    data.Augment
	Seed       uint64

	Prune *Prune // nil: fine-tuning alone

	MemoryBudget int64         // bytes, 0: none
	TimeBudget   time.Duration // 0: none
	RunDir       string        // events, metrics and checkpoints; "": nothing is kept
	Folder       string        // where the images lie: a run folder records it
	Resume       bool          // go on from the newest checkpoint in RunDir
	On           func(Event)   // called for each event; nil: nobody listens
	Progress     func(eval.Progress)
}

// Defaults is the recipe of the baselines: 100 steps of the head, 30 epochs of everything at
// batch 16, cosine, label smoothing 0.1, batch norm frozen, gradients clipped to norm 1.
func Defaults() Config {
	return Config{Part: Full, HeadSteps: 100, Epochs: 30, Batch: 16, Decay: 1e-4, Clip: 1, Smoothing: 0.1,
		Patience: 10, Augment: data.DefaultAugment(), Seed: 1}
}

// DetectDefaults is the recipe for a detector: AdamW at batch 8, the backbone at a quarter of the rate, and boxes that move with
// the pictures.
func DetectDefaults() Config {
	c := Defaults()
	c.Batch, c.Adam, c.Rate, c.Decay, c.Backbone, c.Warm, c.Smoothing = 8, true, 1e-3, 0.05, 0.25, 20, 0
	c.Augment = data.BoxAugment()
	return c
}

// ForDetector is c with the recipe for a detector wherever it has the usual one of a classifier, and a new head for a
// model that is no detector of the data's classes.
func (c Config) ForDetector() Config {
	was, is := Defaults(), DetectDefaults()
	swap(&c.Batch, was.Batch, is.Batch)
	swap(&c.Adam, was.Adam, is.Adam)
	swap(&c.Rate, was.Rate, is.Rate)
	swap(&c.Decay, was.Decay, is.Decay)
	swap(&c.Backbone, was.Backbone, is.Backbone)
	swap(&c.Warm, was.Warm, is.Warm)
	swap(&c.Smoothing, was.Smoothing, is.Smoothing)
	swap(&c.Augment, was.Augment, is.Augment)
	c.Detect = &Detect{Letterbox: c.Model.Preprocess().Letterbox, Head: detect.DefaultHead(c.Seed)}
	if !detect.Is(c.Model) {
		c.Detect.Input = DetectInput
	}
	return c
}

func swap[T comparable](v *T, was, is T) {
	if *v == was {
		*v = is
	}
}

// DetectInput is the usual side of the pictures of a detector that was a classifier.
const DetectInput = 320

// RateFor is the learning rate that the recipe uses where none is given: small networks bear a
// larger one (0.003 below a million parameters, else 0.001, as in the baselines).
func RateFor(g *graph.Graph) float64 {
	if g.Params() < 1_000_000 {
		return 0.003
	}
	return 0.001
}

// Result is what an adaptation ends with.
type Result struct {
	Model  *graph.Graph
	Dense  *eval.Report // of the test images, before pruning
	Pruned *eval.Report // after it; nil without pruning
	Turns  []Turn
	Widths []Width // of the layers that could be pruned

	Tested  []data.Sample // the images of the reports, in the order of their Guesses
	Trained int           // number of training images
	Regime  string        // what was pruned when, and why; "" without pruning
	Steps   int           // of training after the head
	// JudgedOn says which images the turns were accepted by.
	JudgedOn string
}

// Width is how many filters a layer had and has.
type Width struct {
	Layer         string `json:"layer"`
	Before, After int
}

// job is an adaptation under way. All of its state that a checkpoint must hold is in pos, net,
// saved, best and anchor; the rest follows from Config.
type job struct {
	Config
	task     task
	ctx      context.Context
	net      *graph.Graph // leaf values change in place
	pos      position
	saved    map[string][]float32 // optimiser state of the phase, by leaf name
	best     map[string][]float32 // parameters at the best validation loss
	mark     string               // fingerprint of Config
	table    *latency.Table       // of layers' times; nil where nobody asks for time
	dense    *graph.Graph         // the network before the first cut, where it answers live; nil until somebody asks
	features *features            // of the frozen prefix; nil until somebody asks
	gates    map[string][]float32 // Γ of the loss, N×C of each gate of the network as it is, by its last epoch; nil where nobody asked
	anchor   []float32            // logits of the dense network, one row a training image and view: the teacher

	train, val, test []data.Sample
	log              *log
	warned           []string
	began            time.Time
}

// position says where a run stands; it is part of every checkpoint.
type position struct {
	Phase   string  `json:"phase"` // head, tune, prune, final, done
	Epoch   int     `json:"epoch"` // epochs done in the phase
	Best    float64 `json:"best"`  // lowest validation loss in the phase
	BestAt  int     `json:"best_at"`
	Elapsed float64 `json:"elapsed_seconds"`
	Steps   int     `json:"steps"` // of training after the head, those of turns that were taken back too

	Cut   string       `json:"cut,omitempty"` // the tensor between frozen prefix and suffix; "" where there is none
	Dense *eval.Report `json:"dense,omitempty"`
	Prune *pruneSpot   `json:"prune,omitempty"`
}

// Adapt fine-tunes, and prunes when Config says so. It can be killed at any moment: with RunDir,
// Resume goes on from the last epoch or turn and ends with the same bits.
func Adapt(ctx context.Context, c Config) (*Result, error) {
	j, err := newJob(ctx, c)
	if err != nil {
		return nil, err
	}
	defer j.log.close()
	for j.pos.Phase != "done" {
		if err := j.phase(); err != nil {
			return nil, err
		}
	}
	return j.finish()
}

func (j *job) phase() error {
	switch j.pos.Phase {
	case "head":
		return j.runHead()
	case "tune":
		return j.runTune()
	case "prune":
		return j.runTurns()
	case "final":
		return j.runFinal()
	}
	return fmt.Errorf("the checkpoint stands in phase %q, which this program does not know", j.pos.Phase)
}

// enter begins a phase and saves: what happened before is never done again.
func (j *job) enter(phase string) error {
	j.pos.Phase, j.pos.Epoch, j.pos.Best, j.pos.BestAt = phase, 0, 0, 0
	j.saved, j.best = map[string][]float32{}, nil
	return j.save()
}

func newJob(ctx context.Context, c Config) (*job, error) {
	j := &job{Config: c, ctx: ctx, saved: map[string][]float32{}, pos: position{Phase: "head"}, began: time.Now()}
	if j.Rate == 0 {
		j.Rate = RateFor(c.Model)
	}
	if j.task = taskOf(c.Model); c.Detect != nil {
		j.task = detector{}
	}
	j.split()
	if err := eval.CheckInput(c.Model); err != nil {
		return nil, err
	}
	if err := j.checkGates(); err != nil {
		return nil, err
	}
	var err error
	if j.net, err = j.task.network(c); err != nil {
		return nil, err
	}
	if j.Views > 0 {
		j.net.SetViews(j.Views)
	}
	if j.TrainNorm && !normalizes(j.net) {
		return nil, errors.New("the network has no batch normalization to train: whoever exported it folded it into the convolutions; leave --train-bn out")
	}
	if j.net, _, err = j.net.WithBatch(c.Batch); err != nil {
		return nil, err
	}
	if j.Part == Suffix {
		cut, err := cutPoint(j.net)
		if err != nil {
			return nil, err
		}
		j.pos.Cut = cut.Name
	}
	if err := j.choosePart(); err != nil { // by the network at the start, not by a pruned one gone on with
		return nil, err
	}
	return j, j.openRun()
}

// split gives training, validation and test images their part. Without a test split the
// validation images are the test; without enough training images nothing is held out for early
// stopping (reference: pruning §2.4, at few images a class a fixed budget is better).
func (j *job) split() {
	j.train, j.val, j.test = j.Data.Train, j.Data.Val, j.Data.Test
	if len(j.test) == 0 {
		j.test, j.val = j.val, nil
	}
	if len(j.val) == 0 && j.Patience > 0 {
		j.train, j.val = j.holdOut()
	}
}

// holdOut takes a fifth of the training images where there are enough.
func (j *job) holdOut() (train, val []data.Sample) {
	if !j.task.holdsOut(j.Data) {
		return j.Data.Train, nil
	}
	part := data.Splits{Classes: j.Data.Classes, Train: j.Data.Train}
	part.HoldOut(0.2, j.Seed)
	return part.Train, part.Val
}

// choosePart settles what Auto means: the first part whose training step fits the memory budget.
// Any other part that does not fit is an error with the numbers.
func (j *job) choosePart() error {
	if j.Part != Auto && j.MemoryBudget == 0 {
		return nil
	}
	parts := []Part{j.Part}
	if j.Part == Auto {
		parts = []Part{Full, Sparse, Bias, Head}
	}
	var err error
	for _, p := range parts {
		j.Part = p
		if err = j.fits(); err == nil {
			return nil
		}
		var budget *plan.BudgetError
		if !errors.As(err, &budget) {
			return err
		}
	}
	return err
}

// fits compiles the largest step that the part will take.
func (j *job) fits() error {
	part, objective := j.Part, j.plain()
	if j.Prune != nil {
		part, objective = j.tunedPart(), j.distilled()
	}
	if part == Head {
		return nil
	}
	_, err := j.compileStep(part, objective, nil)
	j.saved = map[string][]float32{}
	return err
}

// overTime reports whether the time budget is spent.
func (j *job) overTime() bool {
	return j.TimeBudget > 0 && j.elapsed() > j.TimeBudget
}

func (j *job) elapsed() time.Duration {
	return time.Duration(j.pos.Elapsed*float64(time.Second)) + time.Since(j.began)
}

// params copies the values of the network's parameters.
func (j *job) params() map[string][]float32 {
	m := map[string][]float32{}
	for _, role := range []graph.Role{graph.Param, graph.State} {
		for _, n := range j.net.Role(role) {
			v := tensor.Floats(len(n.Value))
			copy(v, n.Value)
			m[n.Name] = v
		}
	}
	return m
}

// restore writes values back into the network.
func (j *job) restore(m map[string][]float32) {
	for name, v := range m {
		copy(j.net.Node(name).Value, v)
	}
}
