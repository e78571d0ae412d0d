package main

import (
	"fmt"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/latency"
	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/kernels"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/spf13/cobra"
)

type pruneFlags struct {
	model, data, out, criterion, allocator, keep string
	seed                                         uint64
	shots                                        int
	innerOnly                                    bool
}

func pruneCommand() *cobra.Command {
	var f pruneFlags
	c := &cobra.Command{
		Use:   "prune --model MODEL --prune CRITERION --keep macs=0.5 -o OUT",
		Short: "Cut a model to a budget without fine-tuning",
		Long: `Cut a model to a budget in one go. With --data the images are used to score, to rebuild what the
removed filters did from those that stay, and to estimate batch norm again; without it only criteria that
look at weights alone can be used and nothing is repaired.`,
		Example: "  secateur prune --model line.secateur --data line/ --prune fisher --keep macs=0.5 -o half.secateur\n  secateur prune --model squeezenet.onnx --prune l1 --keep macs=0.5 -o half.secateur",
		Args:    exactly(0, "flags alone"),
		RunE:    func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	fl := c.Flags()
	fl.StringVar(&f.model, "model", "", "the network to cut")
	fl.StringVar(&f.data, "data", "", "folder of images to score and repair with")
	fl.StringVar(&f.criterion, "prune", "fisher", "criterion; see secateur criteria")
	fl.StringVar(&f.allocator, "allocator", "", "uniform, global, latency, memory, budget or sensitivity; default global where the criterion compares across layers or images are there")
	fl.StringVar(&f.keep, "keep", "macs=0.5", "budget: macs=0.5, params=200k, latency=12ms, memory=64MiB, bytes=2MB; a number to 1 is a share")
	fl.StringVarP(&f.out, "out", "o", "", "where the pruned model goes")
	fl.Uint64Var(&f.seed, "seed", 1, "seed of ties, draws and random scores")
	fl.IntVar(&f.shots, "shots", 0, "images a class to score and repair with; 0 is all")
	fl.BoolVar(&f.innerOnly, "inner-only", false, "leave the widths of residual streams alone")
	return c
}

func (f *pruneFlags) run(c *cobra.Command) error {
	for _, x := range []struct{ name, value string }{{"--model", f.model}, {"--out", f.out}} {
		if x.value == "" {
			return usagef("%s is missing", x.name)
		}
	}
	allocator := f.allocator
	if allocator == "" {
		allocator = "uniform"
	}
	criterion, budget, err := parsePrune(f.criterion, allocator, f.keep)
	if err != nil {
		return err
	}
	if f.allocator == "" && (criterion.Comparable || f.data != "") {
		allocator = "global"
	}
	needsImages := criterion.Needs.Images() || allocator == "sensitivity" || pruning.Compares(allocator) && !criterion.Comparable
	if needsImages && f.data == "" {
		return usagef("criterion %s with allocator %s looks at images: give --data, or use l1 with --allocator uniform", criterion.Name, allocator)
	}
	if err := checkWritable(f.out); err != nil {
		return err
	}
	env, err := newEnv(c)
	if err != nil {
		return err
	}
	defer env.Pool.Close()
	g, err := loadModel(f.model)
	if err != nil {
		return err
	}
	cut := score.Cut{Criterion: criterion, Allocator: allocator, Budget: budget, Limits: f.limits(env.Kernels), Seed: f.seed}
	if err := f.count(c, env, g, &cut); err != nil {
		return err
	}
	return f.cut(c, env, g, cut)
}

// count finds what the network costs, and how the cut tells what others would.
func (f *pruneFlags) count(c *cobra.Command, env graph.Env, g *graph.Graph, cut *score.Cut) (err error) {
	table := latency.Open(env)
	cut.Costs = score.Costs(env, cut.Budget, cut.Allocator, table)
	if cut.Original, err = score.Measured(c.Context(), env, g, cut.Costs); err != nil || cut.Original.Latency == 0 {
		return err
	}
	cut.Measure = func(g *graph.Graph) (groups.Cost, error) {
		table.Save()
		return score.Measured(c.Context(), env, g, cut.Costs)
	}
	return table.Calibrate(g, cut.Original.Latency)
}

// limits of a cut in one go: no bound on a turn.
func (f *pruneFlags) limits(k kernels.Set) pruning.Limits {
	l := pruning.DefaultLimits(k.Width)
	l.MaxPerTurn, l.Streams = 0, !f.innerOnly
	return l
}

func (f *pruneFlags) cut(c *cobra.Command, env graph.Env, g *graph.Graph, cut score.Cut) error {
	s := newShow(c)
	defer s.done()
	scorer := &score.Scorer{Ctx: c.Context(), Env: env, Seed: f.seed, Warn: func(line string) error {
		s.say("caution: %s", line)
		return nil
	}}
	if f.data != "" {
		d, err := openData(s, f.data, g.Labels(), f.seed, detect.Is(g))
		if err != nil {
			return err
		}
		scorer.Samples, scorer.Classes = d.Train, len(d.Classes)
		if f.shots > 0 {
			scorer.Samples = data.Shots(d.Train, len(d.Classes), f.shots, f.seed)
		}
		s.say("scoring and repairing with %d images", len(scorer.Samples))
	}
	st, p, err := scorer.Plan(g, cut)
	if err != nil {
		return err
	}
	if caution := cut.Criterion.Caution(st); caution != "" {
		s.say("caution: %s", caution)
	}
	out, _, err := scorer.Apply(st, p.Remove, score.Rebuild)
	if err != nil {
		return err
	}
	parent, err := durable.Sum(f.model)
	if err != nil {
		return err
	}
	out.Meta[graph.MetaParent] = parent
	if err := checkpoint.SaveModel(f.out, out); err != nil {
		return err
	}
	if err := f.print(c, st, p); err != nil {
		return err
	}
	if !p.Met {
		return fmt.Errorf("%w: %s asked, %s%s MACs and %s parameters is as far as floors and locked layers allow", train.ErrTarget, cut.Budget, f.reached(cut.Budget, p), count(p.After.MACs), count(p.After.Params))
	}
	return nil
}

// reached is what is left of what the budget counts, where that is neither MACs nor parameters.
func (f *pruneFlags) reached(b pruning.Budget, p *pruning.Plan) string {
	if b.Counts() {
		return ""
	}
	return fmt.Sprintf("%s %s with ", b.Of, b.Format(b.Part(p.After)))
}

func (f *pruneFlags) print(c *cobra.Command, st *groups.Structure, p *pruning.Plan) error {
	w := c.OutOrStdout()
	if isJSON(c) {
		return printJSON(w, map[string]any{"before": p.Before, "after": p.After, "target": p.Target, "met": p.Met, "removed": p.Decisions})
	}
	if err := pruning.Report(w, st, p); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s written\n", f.out)
	return err
}
