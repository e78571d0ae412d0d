package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/device/governor"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/spf13/cobra"
)

// adaptFlags is what `secateur adapt` was asked for, before it was looked at.
type adaptFlags struct {
	model, data, out, part, prune, allocator, keep, memory, report string
	detect                                                         detectFlags
	shots                                                          int
	mixup                                                          float64
	plain, trainNorm                                               bool
	loop                                                           train.Prune // how the turns go, should there be any
	train.Config
}

// newAdaptFlags is the usual adaptation.
func newAdaptFlags() adaptFlags {
	return adaptFlags{Config: train.Defaults(), part: string(train.Full), allocator: "global", keep: "macs=0.5",
		loop: *train.DefaultPrune("", pruning.Budget{})}
}

func adaptCommand() *cobra.Command {
	f := newAdaptFlags()
	c := &cobra.Command{
		Use:   "adapt --model MODEL --data DIR -o OUT",
		Short: "Fine-tune a model on a folder of images, and prune it while doing so",
		Long: `Fine-tune a pretrained classifier on the images of a new line, head first, and prune it turn by turn
while doing so. MODEL is an ONNX file or a model file of ours. DIR holds train/CLASS/*, CLASS/* or split.csv.
With --detect the classifier gets a detection head, or a detector keeps its own where the classes agree, and DIR
has boxes; turns are then accepted by the recall of the rarest class.
With --run the state is kept after every epoch and turn: after a power cut, --resume goes on from there and
ends with the same bits.

Against learning few images by heart there are: the head before the rest (--head-steps; LP-FT), --label-smoothing, --mixup,
--ema, --layer-decay, --l2-sp, --bss, a frozen part (--train), and for what pruning trains the dense network's answers
(--distill). Each can be switched alone; a study sets them in its [recipe].`,
		Example: `  secateur adapt --model mobilenet.onnx --data line/ -o line.secateur
  secateur adapt --model mobilenet.onnx --data line/ --shots 10 --prune fisher --keep macs=0.5 --run runs/1 -o line.secateur
  secateur adapt --model mobilenet.onnx --data line/ --shots 10 --prune fisher --keep macs=0.5 --run runs/1 --resume -o line.secateur
  secateur adapt --detect --model mobilenet.onnx --data boxes/ --epochs 15 -o detector.secateur`,
		Args: exactly(0, "flags alone"),
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	fl := c.Flags()
	fl.StringVar(&f.model, "model", "", "the pretrained network: ONNX or a model file")
	fl.StringVar(&f.data, "data", "", "folder of labelled images")
	fl.StringVarP(&f.out, "out", "o", "", "where the adapted model goes")
	fl.StringVar(&f.part, "train", f.part, "what trains: head, full, bias, sparse, suffix (the last third of the layers; what the frozen ones give is cached), auto")
	f.detect.add(fl)
	fl.IntVar(&f.Epochs, "epochs", f.Epochs, "epochs of fine-tuning")
	fl.IntVar(&f.HeadSteps, "head-steps", f.HeadSteps, "steps of the head alone on cached features")
	fl.BoolVar(&f.Cache, "cache", false, "keep the features of the head's training as int8, a quarter of the memory; a tight --memory-budget does that too")
	fl.IntVar(&f.Batch, "batch", f.Batch, "images a step")
	fl.Float64Var(&f.Rate, "lr", 0, "learning rate; 0 is 0.003 below a million parameters, else 0.001")
	fl.BoolVar(&f.Adam, "adamw", false, "AdamW instead of SGD with momentum; it wants a lower --lr")
	fl.Float64Var(&f.Decay, "weight-decay", f.Decay, "weight decay")
	fl.Float64Var(&f.Clip, "clip", f.Clip, "bound on the norm of all gradients together; 0 is off, which takes less memory: a gradient is forgotten as soon as its parameter has followed it")
	fl.Float64Var(&f.Smoothing, "label-smoothing", f.Smoothing, "label smoothing")
	fl.Float64Var(&f.L2SP, "l2-sp", 0, "pull of the weights towards the pretrained ones, alpha of L2-SP; 0 is off")
	fl.Float64Var(&f.BSS, "bss", 0, "weight of batch spectral shrinkage of the features, as in 0.001; 0 is off")
	fl.Float64Var(&f.Backbone, "backbone-lr", 0, "learning rate of everything but the head, a share of --lr; 0 is all of it")
	fl.Float64Var(&f.LayerDecay, "layer-decay", 0, "factor on the learning rate from each layer to the one below; 0 is off")
	fl.Float64Var(&f.Average, "ema", 0, "decay of the moving average of the weights; 0 is off")
	fl.IntVar(&f.Warm, "warm-up", 0, "steps of linear warm-up")
	fl.IntVar(&f.Patience, "patience", f.Patience, "epochs without a better validation loss before stopping; 0 never stops")
	fl.BoolVar(&f.trainNorm, "train-bn", false, "train batch normalization instead of keeping its statistics")
	fl.BoolVar(&f.NoWeights, "no-class-weights", false, "let classes count by their number of images")
	addViews(fl, &f.Views)
	fl.BoolVar(&f.plain, "no-augment", false, "train on the images as they are")
	for _, a := range []struct {
		name, what string
		value      *float64
	}{
		{"crop", "smallest share of the area that a crop keeps; 0 is off", &f.Augment.MinArea},
		{"flip", "probability to swap left and right", &f.Augment.Flip},
		{"flip-up", "probability to swap top and bottom", &f.Augment.FlipUp},
		{"transpose", "probability to swap rows and columns; with both flips pictures are shown in all eight positions of a square", &f.Augment.Transpose},
		{"rotate", "largest rotation in degrees", &f.Augment.Rotate},
		{"brightness", "largest change of brightness, a share of mid-grey", &f.Augment.Brightness},
		{"contrast", "largest change of contrast, a share", &f.Augment.Contrast},
		{"blur", "largest blur in pixels of the input", &f.Augment.Blur},
		{"shrink", "smallest length at which a picture is drawn, a share of the input's; 0 is off", &f.Augment.Shrink},
		{"mosaic", "with --detect, probability to put four pictures together", &f.Augment.Mosaic},
	} {
		fl.Float64Var(a.value, a.name, *a.value, a.what)
	}
	fl.Float64Var(&f.mixup, "mixup", 0, "alpha of mixup; 0 is off")
	fl.Uint64Var(&f.Seed, "seed", f.Seed, "seed of every random choice")
	fl.IntVar(&f.shots, "shots", 0, "training images a class, drawn by the seed; 0 is all")
	fl.StringVar(&f.prune, "prune", "", "prune by this criterion; see secateur criteria")
	fl.StringVar(&f.allocator, "allocator", f.allocator, "how many filters each layer keeps: uniform, global, latency, memory, budget (what scores least for what it saves of it) or sensitivity")
	fl.StringVar(&f.keep, "keep", f.keep, "budget of the pruned network: macs=0.5, params=200k, latency=12ms, memory=64MiB, bytes=2MB; a number to 1 is a share")
	fl.IntVar(&f.loop.Turns, "turns", f.loop.Turns, "turns in which the budget is reached")
	fl.IntVar(&f.loop.FinalEpochs, "final-epochs", f.loop.FinalEpochs, "epochs of fine-tuning after the last turn")
	fl.IntVar(&f.loop.TurnUpdates, "turn-updates", f.loop.TurnUpdates, "steps of fine-tuning after each cut, rounded up to whole epochs")
	fl.Float64Var(&f.loop.TurnRate, "turn-lr", f.loop.TurnRate, "their learning rate, a share of --lr")
	fl.Float64Var(&f.loop.FinalRate, "final-lr", f.loop.FinalRate, "learning rate of --final-epochs, a share of --lr")
	fl.Float64Var(&f.loop.Distill, "distill", f.loop.Distill, "share of the dense network's answers in the loss of turns and --final-epochs")
	fl.Float64Var(&f.loop.Tolerance, "tolerance", f.loop.Tolerance, "by how much a turn may lower the harmonic mean of class accuracies")
	fl.StringVar(&f.loop.Regime, "regime", f.loop.Regime, "with --train suffix, what is pruned when: A the frozen prefix in one light cut, B what trains, C the prefix by imitation if the budget is not met; auto, A, B, C, AB, BC or ABC")
	fl.BoolVar(&f.loop.LiveTeacher, "live-teacher", f.loop.LiveTeacher, "the dense network answers for each picture as it is shown, augmented and mixed; costs a forward pass a step")
	fl.Float64Var(&f.loop.Mixup, "distill-mixup", f.loop.Mixup, "alpha of mixup while the dense network teaches; 0 is that of --mixup")
	fl.BoolVar(&f.loop.TrainGates, "train-gates", false, "take gradients of the loss at the filters from the last epoch of training, which makes them anyway, instead of a scoring pass: for criteria of the loss")
	fl.BoolVar(&f.loop.KeepTurns, "keep-turns", false, "keep the network of every accepted turn in --run: the curve of accuracy over cost")
	fl.BoolVar(&f.loop.Blocks, "blocks", false, "let residual blocks with an identity skip go as a whole where that gives up less")
	fl.BoolVar(&f.loop.InnerOnly, "inner-only", false, "leave the widths of residual streams alone")
	fl.StringVar(&f.memory, "memory-budget", "", "bound on the memory of a training step, as in 256MiB")
	fl.DurationVar(&f.TimeBudget, "time-budget", 0, "stop training after this long, as in 2m")
	fl.StringVar(&f.RunDir, "run", "", "folder for events, metrics and checkpoints")
	fl.BoolVar(&f.Resume, "resume", false, "go on with the run in --run")
	fl.StringVar(&f.report, "report", "", "write an HTML page about the run")
	return c
}

func (f *adaptFlags) run(c *cobra.Command) error {
	f.detect.defaults(c.Flags(), &f.Config)
	if err := f.check(); err != nil {
		return err
	}
	if err := checkWritable(f.out); err != nil {
		return err
	}
	if f.report != "" {
		if err := checkWritable(f.report); err != nil {
			return err
		}
	}
	var err error
	if f.Env, err = newEnv(c); err != nil {
		return err
	}
	defer f.Env.Pool.Close()
	if f.Model, err = loadModel(f.model); err != nil {
		return err
	}
	if err := f.detect.checkModel(f.Model, &f.Config); err != nil {
		return err
	}
	s := newShow(c)
	defer s.done()
	s.pixels(f.Model)
	if f.Config.Data, err = openData(s, f.data, nil, f.Seed, f.Detect != nil); err != nil {
		return err
	}
	f.Folder = f.data
	if f.shots > 0 {
		f.Config.Data.Train = data.Shots(f.Config.Data.Train, len(f.Config.Data.Classes), f.shots, f.Seed)
	}
	history := &history{}
	f.Progress = s.progress
	var one sync.Mutex // the governor tells events too
	f.On = func(e train.Event) {
		one.Lock()
		defer one.Unlock()
		history.add(e)
		if isJSON(c) {
			printJSON(c.OutOrStdout(), e)
		}
		s.event(e)
	}
	f.Env.Pool.Pace(governed(c.Context(), f.Env.Pool, governor.DefaultBound(), f.On))
	r, err := train.Adapt(c.Context(), f.Config)
	switch {
	case err != nil && f.RunDir != "" && c.Context().Err() != nil:
		return &keptError{err, f.RunDir}
	case err != nil && !errors.Is(err, train.ErrTarget):
		return err
	}
	return errors.Join(f.finish(c, s, r, history), err)
}

// check turns flags into a configuration.
func (f *adaptFlags) check() error {
	for _, x := range []struct{ name, value string }{{"--model", f.model}, {"--data", f.data}, {"--out", f.out}} {
		if x.value == "" {
			return usagef("%s is missing", x.name)
		}
	}
	var err error
	if f.Part, err = train.ParsePart(f.part); err != nil {
		return usageError{err}
	}
	switch {
	case f.Epochs < 0 || f.Batch < 1 || f.Batch > 4096 || f.shots < 0 || f.HeadSteps < 0 || f.loop.Turns < 1 || f.loop.FinalEpochs < 0 || f.loop.TurnUpdates < 0 || f.Warm < 0 || f.Patience < 0:
		return usagef("--epochs, --shots, --head-steps, --final-epochs, --turn-updates, --warm-up and --patience want 0 or more, --turns 1 or more, --batch 1 to 4096")
	case f.Rate < 0 || f.Rate > 10 || f.Rate != f.Rate || f.Smoothing < 0 || f.Smoothing >= 1 || f.Average < 0 || f.Average >= 1 || f.Decay < 0 || f.LayerDecay < 0 || f.LayerDecay > 1 || f.Backbone < 0 || f.Backbone > 1 || f.mixup < 0 || !(f.Clip >= 0) || f.L2SP < 0 || f.BSS < 0:
		return usagef("--lr wants 0 to 10, --label-smoothing and --ema 0 to less than 1, --layer-decay and --backbone-lr 0 to 1, --weight-decay, --clip, --mixup, --l2-sp and --bss 0 or more")
	case f.loop.Distill < 0 || f.loop.Distill > 1 || f.loop.Tolerance < 0 || f.loop.Tolerance > 1 || f.loop.TurnRate < 0 || f.loop.FinalRate < 0:
		return usagef("--distill and --tolerance want 0 to 1, --turn-lr and --final-lr 0 or more")
	case f.loop.KeepTurns && f.RunDir == "":
		return usagef("--keep-turns wants a folder: --run DIR")
	case f.Resume && f.RunDir == "":
		return usagef("--resume wants the folder of the run: --run DIR")
	}
	if err := checkViews(f.Views); err != nil {
		return err
	}
	if err := f.detect.check(&f.Config); err != nil {
		return err
	}
	f.TrainNorm = f.trainNorm
	if f.plain {
		f.Augment = data.Augment{}
	}
	f.Augment.Mixup = f.mixup
	if err := f.Augment.Check(); err != nil {
		return usageError{err}
	}
	if f.memory != "" {
		if f.MemoryBudget, err = parseBytes(f.memory); err != nil {
			return usagef("--memory-budget: %w", err)
		}
	}
	return f.checkPrune()
}

func (f *adaptFlags) checkPrune() error {
	if f.prune == "" {
		return nil
	}
	criterion, budget, err := parsePrune(f.prune, f.allocator, f.keep)
	if err != nil {
		return err
	}
	if !slices.Contains(train.Regimes, f.loop.Regime) {
		return usagef("unknown regime %q, want one of %s", f.loop.Regime, strings.Join(train.Regimes, ", "))
	}
	if strings.ContainsAny(f.loop.Regime, "AC") && f.Part != train.Suffix {
		return usagef("regime %s prunes a frozen prefix, and with --train %s nothing is frozen: use --train suffix", f.loop.Regime, f.Part)
	}
	p := f.loop
	p.Criterion, p.Allocator, p.Budget = criterion.Name, f.allocator, budget
	f.Prune = &p
	return nil
}

// parsePrune looks up what --prune, --allocator and --keep name.
func parsePrune(criterion, allocator, keep string) (criteria.Criterion, pruning.Budget, error) {
	c, err := criteria.Lookup(criterion)
	if err != nil {
		return c, pruning.Budget{}, usageError{err}
	}
	b, err := pruning.ParseBudget(keep)
	if err != nil {
		return c, b, usagef("--keep: %w", err)
	}
	for _, a := range pruning.Allocators() {
		if a == allocator {
			return c, b, nil
		}
	}
	return c, b, usagef("unknown allocator %q, want one of %v", allocator, pruning.Allocators())
}

// openData reads a data set, of pictures with boxes where a detector asks, and names what it had to leave out.
func openData(s *show, dir string, classes []string, seed uint64, boxes bool) (*data.Splits, error) {
	d, err := data.Opener(boxes)(dir, data.Options{Classes: classes, Seed: seed})
	if err != nil {
		return nil, err
	}
	s.skipped(d.Skipped)
	return d, nil
}

// finish writes the model and the report, and says how it went.
func (f *adaptFlags) finish(c *cobra.Command, s *show, r *train.Result, h *history) error {
	parent, err := durable.Sum(f.model)
	if err != nil {
		return err
	}
	r.Model.Meta[graph.MetaParent] = parent
	r.Model.Meta["secateur.trained"] = time.Now().UTC().Format(time.RFC3339)
	if err := checkpoint.SaveModel(f.out, r.Model); err != nil {
		return err
	}
	if f.report != "" {
		if err := savePage(f.report, h.page("Adaptation of "+filepath.Base(f.model), f.facts(r), f.Config.Data.Classes, r)); err != nil {
			return err
		}
	}
	s.done()
	if !isJSON(c) {
		w := c.OutOrStdout()
		printReport(w, "dense", r.Dense)
		if r.Pruned != nil {
			printReport(w, "pruned", r.Pruned)
		}
		fmt.Fprintf(w, "%s written\n", f.out)
	}
	return nil
}
