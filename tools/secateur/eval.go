package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/score"
	"github.com/spf13/cobra"
)

func evalCommand() *cobra.Command {
	var model, dir, split string
	var seed uint64
	var inside bool
	var views int
	c := &cobra.Command{
		Use:     "eval --model MODEL --data DIR",
		Short:   "Accuracy, loss and latency of a model on labelled images",
		Example: "  secateur eval --model line.secateur --data line/ --split test --json",
		Args:    exactly(0, "flags alone"),
		RunE: func(c *cobra.Command, _ []string) error {
			if model == "" || dir == "" {
				return usagef("--model and --data are both wanted")
			}
			if err := checkViews(views); err != nil {
				return err
			}
			return runEval(c, model, dir, split, seed, views, inside)
		},
	}
	c.Flags().StringVar(&model, "model", "", "the model")
	c.Flags().StringVar(&dir, "data", "", "folder of labelled images")
	c.Flags().StringVar(&split, "split", "", "train, val or test; default test, val where there is none")
	c.Flags().Uint64Var(&seed, "seed", 1, "seed of the split, where the folder brings none")
	addViews(c.Flags(), &views)
	c.Flags().BoolVar(&inside, "relevance", false, "of a detector, tell too what share of its relevance lies inside the boxes")
	return c
}

func runEval(c *cobra.Command, model, dir, split string, seed uint64, views int, inside bool) error {
	env, err := newEnv(c)
	if err != nil {
		return err
	}
	defer env.Pool.Close()
	g, err := loadModel(model)
	if err != nil {
		return err
	}
	showIn(g, views)
	if inside && !detect.Is(g) {
		return usagef("--relevance is asked of a detector, and %s is none", model)
	}
	s := newShow(c)
	defer s.done()
	d, err := openData(s, dir, g.Labels(), seed, detect.Is(g))
	if err != nil {
		return err
	}
	samples, err := chooseSplit(d, split)
	if err != nil {
		return err
	}
	r, err := detect.Measurer(g)(c.Context(), env, g, samples, eval.Options{Latency: true, Progress: s.progress})
	if err != nil {
		return err
	}
	if inside {
		scorer := &score.Scorer{Ctx: c.Context(), Env: env, Samples: samples, Classes: len(d.Classes), Seed: seed}
		if r.Inside, err = scorer.Inside(g); err != nil {
			return err
		}
	}
	s.done()
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), r)
	}
	printReport(c.OutOrStdout(), model, r)
	return nil
}

// chooseSplit is the named part; without a name the test images, or what comes nearest.
func chooseSplit(d *data.Splits, name string) ([]data.Sample, error) {
	if name != "" {
		set, err := d.Set(name)
		if err != nil {
			return nil, err
		}
		return set.Samples, nil
	}
	for _, part := range [][]data.Sample{d.Test, d.Val, d.Train} {
		if len(part) > 0 {
			return part, nil
		}
	}
	return nil, fmt.Errorf("%w: no image", data.ErrUnusable)
}

// printReport is a report for people.
func printReport(w io.Writer, name string, r *eval.Report) {
	if r.Detector {
		printFound(w, name, r)
		return
	}
	fmt.Fprintf(w, "%s: %.1f %% of %d images right, %.1f %% mean over classes, loss %.3f\n", name, 100*r.Accuracy, r.Images, 100*r.Macro, r.Loss)
	printCost(w, r)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range slices.Sorted(maps.Keys(r.PerClass)) {
		fmt.Fprintf(t, "  %s\t%.1f %%\tof %d\n", c, 100*r.PerClass[c].Accuracy, r.PerClass[c].Images)
	}
	t.Flush()
}

// printFound is a detector's report for people.
func printFound(w io.Writer, name string, r *eval.Report) {
	fmt.Fprintf(w, "%s: AP@.5 %.3f, AP@[.5:.95] %.3f on %d images\n", name, r.Map50, r.Map, r.Images)
	printCost(w, r)
	if r.Inside > 0 {
		fmt.Fprintf(w, "  %.1f %% of its relevance lies inside the boxes\n", 100*r.Inside)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range slices.Sorted(maps.Keys(r.Objects)) {
		o := r.Objects[c]
		fmt.Fprintf(t, "  %s\tAP@.5 %.3f\tAP %.3f\trecall %.3f\tprecision %.3f\tof %d\n", c, o.AP50, o.AP, o.Recall, o.Precision, o.Objects)
	}
	t.Flush()
}

func printCost(w io.Writer, r *eval.Report) {
	fmt.Fprintf(w, "  %s MACs, %s parameters, %.2f ms an image (p99 %.2f), peak memory %.0f MiB\n", count(r.MACs), count(int64(r.Params)), r.Latency.P50, r.Latency.P99, float64(r.PeakRSS)/(1<<20))
}
