package study

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// dense is the selector of the network before any cut.
const dense = "dense"

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

// arms are those of the block that have no result yet. The loop always repairs and controls always train.
func (b *block) arms() []arm {
	var list []arm
	last := b.Repairs[len(b.Repairs)-1]
	for _, tuning := range b.Tuning {
		selectors, repairs := b.Selectors, b.Repairs
		if tuning != "none" {
			selectors, repairs = slices.Concat(b.Controls, b.Selectors), []string{last}
		}
		for _, selector := range selectors {
			for _, allocator := range b.Allocators {
				for _, keep := range b.Keep {
					for _, repair := range repairs {
						k := b.key(selector)
						k.Allocator, k.Keep, k.Repair, k.Tuning = allocator, keep, repair, tuning
						budget, _ := pruning.ParseBudget(keep) // checked by Load
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
	todo, measure := b.arms(), !b.results.Has(b.key(dense))
	if len(todo) == 0 && !measure {
		return nil
	}
	began := time.Now()
	if err := b.prepare(); err != nil {
		return err
	}
	if measure {
		if err := b.report(Result{Key: b.key(dense)}, b.net, began); err != nil {
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
		if b.net, err = b.fineTuned(g); err != nil {
			return err
		}
	}
	return b.collect()
}

// fineTuned is the dense network of the block: trained once, and kept for a study that goes on.
func (b *block) fineTuned(g *graph.Graph) (*graph.Graph, error) {
	path := b.results.densePath(b.key(dense))
	if g, err := checkpoint.LoadModel(path); err == nil {
		return g, nil
	}
	c := b.recipe(g)
	c.Epochs = cmp.Or(b.Epochs, c.Epochs)
	r, err := train.Adapt(b.ctx, c)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return r.Model, checkpoint.SaveModel(path, r.Model)
}

func (b *block) load() (*graph.Graph, error) {
	path := b.path(b.model.File)
	if !strings.HasSuffix(path, ".onnx") {
		return checkpoint.LoadModel(path)
	}
	return onnx.Import(path, onnx.Options{Mean: &b.model.Mean, Std: &b.model.Std, Labels: b.model.Labels})
}

// recipe is the usual fine-tuning with the block's images. What it reports in between nobody reads, so it is given one image
// to report on: report measures the result.
func (b *block) recipe(g *graph.Graph) train.Config {
	c := train.Defaults()
	few := *b.splits
	few.Test = few.Train[:1]
	c.Model, c.Data, c.Env, c.Seed, c.Patience = g, &few, b.env, uint64(b.seed), 0
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

// one runs one arm.
func (b *block) one(a arm) error {
	if a.Tuning != "none" {
		return b.tuned(a)
	}
	began := time.Now()
	r := Result{Key: a.Key}
	c, err := criteria.Lookup(a.Selector)
	if err != nil {
		return err
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
	r.removes(plan.Decisions)
	return b.report(r, net, began)
}

func (r *Result) removes(list []pruning.Decision) {
	for _, d := range list {
		r.Removed = append(r.Removed, fmt.Sprintf("%s/%d", d.Group, d.Filter))
	}
}

// tuned runs an arm that trains: the loop from the dense network, or a control of it.
func (b *block) tuned(a arm) error {
	began := time.Now()
	c := b.recipe(b.net)
	c.HeadSteps, c.Epochs, c.Prune = 0, 0, b.schedule(a)
	b.Recipe.apply(&c)
	out, err := train.Adapt(b.ctx, c)
	if err != nil && !errors.Is(err, train.ErrTarget) {
		return err
	}
	r := Result{Key: a.Key, Updates: out.Steps}
	if c.Prune.Control == "" {
		for _, t := range out.Turns {
			r.removes(t.Removed)
		}
	}
	return b.report(r, out.Model, began)
}

// schedule is the loop of an arm. No turn is taken back, so that all selectors end at the same widths; a control ablates by
// the criterion behind global.
func (b *block) schedule(a arm) *train.Prune {
	p := train.DefaultPrune(a.Selector, a.budget)
	if slices.Contains(train.Controls(), a.Selector) {
		p.Criterion, p.Control = b.Across, a.Selector
	}
	p.Allocator, p.InnerOnly, p.Blocks, p.Tolerance = a.Allocator, b.InnerOnly, false, 1
	p.Turns, p.TurnUpdates, p.FinalEpochs = cmp.Or(b.Turns, p.Turns), cmp.Or(b.Updates, p.TurnUpdates), cmp.Or(b.Final, p.FinalEpochs)
	if a.Tuning == "after" {
		p.Turns = 1
	}
	return p
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
