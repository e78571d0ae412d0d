package study

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/onnx"
	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// Selectors that are none: the network before any cut, and the control that trains it for as many updates more as the
// pruning loop does.
const (
	dense        = "dense"
	equalUpdates = "equal-updates"
)

// block is everything that shares one draw of images: the dense network is trained once, what criteria look at is
// collected once, and all arms start from both.
type block struct {
	*Config
	ctx     context.Context
	env     graph.Env
	results *Results
	say     func(string)
	model   Model
	set     Data
	shots   int
	seed    int

	splits *data.Splits
	net    *graph.Graph // the dense network
	scorer *score.Scorer
	seen   *score.Collected
	st     *groups.Structure
}

// key is that of a run of the block.
func (b *block) key(selector string) Key {
	return Key{Model: b.model.Name, Data: b.set.Name, Shots: b.shots, Seed: b.seed, Selector: selector}
}

// arm is one way to prune.
type arm struct {
	Key
	budget pruning.Budget
}

// arms are those of the block that have no result yet.
func (b *block) arms() []arm {
	var list []arm
	for _, selector := range b.Selectors {
		for _, allocator := range b.Allocators {
			for _, keep := range b.Keep {
				for _, repair := range b.Repairs {
					for _, tuning := range b.Tuning {
						k := b.key(selector)
						k.Allocator, k.Keep, k.Repair, k.Tuning = allocator, keep, repair, tuning
						budget, _ := pruning.ParseBudget(keep) // checked by Load
						if tuning == "full" && repair != b.Repairs[len(b.Repairs)-1] {
							continue // the loop always repairs: once is enough
						}
						if !b.results.Has(k) {
							list = append(list, arm{k, budget})
						}
					}
				}
			}
		}
	}
	return list
}

// run does what is missing of the block.
func (b *block) run() error {
	todo := b.arms()
	var controls []string
	for _, c := range append([]string{dense}, b.Controls...) {
		if !b.results.Has(b.key(c)) {
			controls = append(controls, c)
		}
	}
	if len(todo)+len(controls) == 0 {
		return nil
	}
	if err := b.prepare(); err != nil {
		return err
	}
	for _, c := range controls {
		if err := b.control(c); err != nil {
			return err
		}
	}
	for _, a := range todo {
		if err := b.one(a); err != nil {
			return fmt.Errorf("%s: %w", a.Selector, err)
		}
	}
	return nil
}

// prepare draws the images and trains the dense network.
func (b *block) prepare() error {
	g, err := b.load()
	if err != nil {
		return err
	}
	o := data.Options{HeaderOnly: true}
	if b.model.Pretrained {
		o.Classes = g.Labels()
	}
	if b.splits, err = data.Open(b.path(b.set.Dir), o); err != nil {
		return err
	}
	if len(b.splits.Test) == 0 {
		b.splits.Test, b.splits.Val = b.splits.Val, nil
	}
	b.splits.Val = nil // few images: nothing is held out
	if b.shots > 0 {
		b.splits.Train = data.Shots(b.splits.Train, len(b.splits.Classes), b.shots, uint64(b.seed))
	}
	if b.TestImages > 0 && len(b.splits.Test) > b.TestImages {
		b.splits.Test = data.Shots(b.splits.Test, len(b.splits.Classes), b.TestImages/len(b.splits.Classes), 1)
	}
	if b.net = g; !b.model.Pretrained {
		c := b.recipe(g)
		if b.Epochs > 0 {
			c.Epochs = b.Epochs
		}
		r, err := train.Adapt(b.ctx, c)
		if err != nil {
			return err
		}
		b.net = r.Model
	}
	return b.collect()
}

func (b *block) load() (*graph.Graph, error) {
	path := b.path(b.model.File)
	if !strings.HasSuffix(path, ".onnx") {
		return checkpoint.LoadModel(path)
	}
	return onnx.Import(path, onnx.Options{Mean: &b.model.Mean, Std: &b.model.Std, Labels: b.model.Labels})
}

// recipe is the usual fine-tuning with the block's images.
func (b *block) recipe(g *graph.Graph) train.Config {
	c := train.Defaults()
	c.Model, c.Data, c.Env, c.Seed, c.Patience = g, b.splits, b.env, uint64(b.seed), 0
	if b.model.NoAugment {
		c.Augment = data.Augment{}
	}
	b.Recipe.apply(&c)
	return c
}

// collect looks at the dense network once for all selectors.
func (b *block) collect() error {
	var err error
	if b.st, err = groups.Find(b.net); err != nil {
		return err
	}
	b.scorer = &score.Scorer{Ctx: b.ctx, Env: b.env, Samples: b.splits.Train, Classes: len(b.splits.Classes), Seed: uint64(b.seed)}
	needs := criteria.Nothing
	for _, name := range append([]string{b.Across}, b.Selectors...) {
		c, err := criteria.Lookup(name)
		if err != nil {
			return err
		}
		needs |= c.Needs
	}
	if b.seen, err = b.scorer.Collect(b.st, needs); err != nil {
		return err
	}
	for _, caution := range b.seen.Cautions(b.st) {
		b.say(fmt.Sprintf("%s on %s, %d a class, seed %d: caution: %s", b.model.Name, b.set.Name, b.shots, b.seed, caution))
	}
	return nil
}

// control measures the dense network, or trains it on.
func (b *block) control(name string) error {
	began, net := time.Now(), b.net
	if name == equalUpdates {
		c := b.recipe(b.net)
		p := train.DefaultPrune(b.Across, pruning.Budget{})
		steps := (len(b.splits.Train) + c.Batch - 1) / c.Batch
		c.HeadSteps, c.Rate, c.Epochs = 0, train.RateFor(b.net)/2, p.Turns*p.TurnEpochs(steps)+p.FinalEpochs
		r, err := train.Adapt(b.ctx, c)
		if err != nil {
			return err
		}
		net = r.Model
	}
	return b.report(Result{Key: b.key(name)}, net, began)
}

// one runs one arm.
func (b *block) one(a arm) error {
	began := time.Now()
	r := Result{Key: a.Key}
	c, err := criteria.Lookup(a.Selector)
	if err != nil {
		return err
	}
	if a.Tuning == "full" {
		cfg := b.recipe(b.net)
		cfg.HeadSteps, cfg.Epochs = 0, 0
		cfg.Prune = train.DefaultPrune(a.Selector, a.budget)
		cfg.Prune.Allocator, cfg.Prune.InnerOnly = a.Allocator, b.InnerOnly
		b.Recipe.apply(&cfg)
		out, err := train.Adapt(b.ctx, cfg)
		if err != nil && !errors.Is(err, train.ErrTarget) {
			return err
		}
		return b.report(r, out.Model, began)
	}
	plan, err := b.plan(c, a)
	if err != nil {
		if b.ctx.Err() != nil {
			return err
		}
		r.Skipped = err.Error()
		b.say(fmt.Sprintf("%s on %s, %d a class, seed %d: %s skipped: %s", r.Model, r.Data, r.Shots, r.Seed, r.Selector, r.Skipped))
		return b.results.add(r)
	}
	how := map[string]score.Repair{"none": score.NoRepair, "norm": score.Norm, "rebuild": score.Rebuild}[a.Repair]
	net, _, err := b.scorer.Apply(b.st, plan.Remove, how)
	if err != nil {
		return err
	}
	for _, d := range plan.Decisions {
		r.Removed = append(r.Removed, fmt.Sprintf("%s/%d", d.Group, d.Filter))
	}
	return b.report(r, net, began)
}

// plan takes the widths from Across, whatever the selector: selectors are compared at equal widths.
func (b *block) plan(c criteria.Criterion, a arm) (*pruning.Plan, error) {
	l := pruning.DefaultLimits(b.env.Kernels.Width)
	l.MaxPerTurn, l.Streams = 0, !b.InnerOnly
	if b.Multiple > 0 {
		l.Multiple, l.Floor = b.Multiple, b.Multiple
	}
	rank, err := pruning.Rank(c, b.st, l, b.seen.Matrices)
	if err != nil {
		return nil, err
	}
	question := pruning.Allocation{Allocator: a.Allocator, Budget: a.budget, Original: groups.CostOf(b.net), Limits: l, Select: rank, Seed: uint64(b.seed)}
	if a.Allocator == "global" {
		across, err := criteria.Lookup(b.Across)
		if err != nil {
			return nil, err
		}
		if question.Across, err = pruning.Rank(across, b.st, l, b.seen.Matrices); err != nil {
			return nil, err
		}
	}
	return question.Allocate(b.st)
}

// report measures a network on the test images and writes the result down.
func (b *block) report(r Result, net *graph.Graph, began time.Time) error {
	e, err := eval.Evaluate(b.ctx, b.env, net, b.splits.Test, eval.Options{})
	if err != nil {
		return err
	}
	r.Accuracy, r.Macro, r.Worst, r.Loss = 100*e.Accuracy, 100*e.Macro, 100, e.Loss
	for _, c := range e.PerClass {
		r.Worst = min(r.Worst, 100*c.Accuracy)
	}
	r.MACs, r.Params, r.Images, r.Seconds = e.MACs, e.Params, e.Images, time.Since(began).Seconds()
	b.say(fmt.Sprintf("%s on %s, %d a class, seed %d: %s %s %s %s %.1f %%", r.Model, r.Data, r.Shots, r.Seed, r.Selector, r.Keep, r.Repair, r.Tuning, r.Accuracy))
	return b.results.add(r)
}
