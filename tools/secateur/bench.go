package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/zoo"
	"github.com/secateur/secateur/tools/bench"
	"github.com/spf13/cobra"
)

func benchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "bench",
		Short:   "How fast kernels, training steps and inferences are on this machine",
		Example: "  secateur bench board\n  secateur bench step --model mobilenetv2 --batch 8 --verbose",
		Args:    knownCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },

		SuggestionsMinimumDistance: 2,
	}
	c.AddCommand(benchKernelsCommand(), benchStepCommand(), benchInferCommand(), benchBoardCommand())
	for _, s := range c.Commands() {
		fromEnvironment(s)
	}
	return c
}

func benchBoardCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "board",
		Short:   "The set of kernels that is chosen, why, and what the machine has",
		Example: "  secateur bench board --json",
		Args:    exactly(0, "flags alone"),
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := bench.ThisMachine()
			if err != nil {
				return usageError{err}
			}
			if isJSON(c) {
				return printJSON(c.OutOrStdout(), m)
			}
			return printMachine(c.OutOrStdout(), m)
		},
	}
}

func printMachine(w io.Writer, m bench.Machine) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "kernels\t%s: %s\n", m.Set, m.Reason)
	fmt.Fprintf(t, "available\t%s\n", strings.Join(m.Available, ", "))
	fmt.Fprintf(t, "CPU\t%s (%s), %d of it for this process\n", m.CPU, m.Arch, m.CPUs)
	fmt.Fprintf(t, "features\t%s\n", strings.Join(m.Features, " "))
	fmt.Fprintf(t, "caches\tL1 data %s, L2 %s, L3 %s\n", cacheSize(m.L1D), cacheSize(m.L2), cacheSize(m.L3))
	fmt.Fprintf(t, "memory\t%.1f GiB\n", float64(m.Memory)/(1<<30))
	return t.Flush()
}

func cacheSize(n int) string {
	switch {
	case n <= 0:
		return "unknown"
	case n < 1<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// benchModel is the flags that step and infer have in common.
type benchModel struct {
	model   string
	batch   int
	runs    int
	verbose bool
}

func (b *benchModel) flags(c *cobra.Command, batch, runs int) {
	c.Flags().StringVar(&b.model, "model", "resnet18", "a model file, or "+strings.Join(zoo.Networks(), ", ")+" with random weights")
	c.Flags().IntVar(&b.batch, "batch", batch, "images a run")
	c.Flags().IntVar(&b.runs, "runs", runs, "runs that are timed")
	c.Flags().BoolVar(&b.verbose, "verbose", false, "also the time of each kind of op")
	_ = c.RegisterFlagCompletionFunc("model", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return zoo.Networks(), cobra.ShellCompDirectiveDefault
	})
}

func (b *benchModel) check() error {
	switch {
	case b.batch < 1 || b.batch > 4096:
		return usagef("--batch %d: want 1 to 4096", b.batch)
	case b.runs < 1 || b.runs > 100_000:
		return usagef("--runs %d: want 1 to 100000", b.runs)
	}
	return nil
}

// load is the network that --model means: a file of that name comes before a known network.
func (b *benchModel) load() (*graph.Graph, error) {
	if _, err := os.Stat(b.model); errors.Is(err, os.ErrNotExist) {
		if slices.Contains(zoo.Networks(), b.model) {
			return zoo.Network(b.model, b.batch, 1000, 1)
		}
		return nil, usagef("--model %s: no such file, and none of %s", b.model, strings.Join(zoo.Networks(), ", "))
	}
	g, err := loadModel(b.model)
	if err != nil {
		return nil, err
	}
	if !detect.Is(g) && (len(g.Outputs) != 1 || len(g.Outputs[0].Shape) != 2) {
		return nil, fmt.Errorf("%s: %d outputs; a classifier has one, N×classes, a detector logits and boxes", b.model, len(g.Outputs))
	}
	return g, nil
}

func benchStepCommand() *cobra.Command {
	var b benchModel
	c := &cobra.Command{
		Use:   "step",
		Short: "Time of a training step",
		Long: "Time of a training step: forward, backward and update of every parameter by SGD with momentum,\n" +
			"batch norm on the statistics of the batch. Pictures and labels are noise.",
		Example: "  secateur bench step --model mobilenetv2 --threads 2 --verbose\n  secateur bench step --model line.secateur --batch 16 --json",
		Args:    exactly(0, "flags alone"),
		RunE:    func(c *cobra.Command, _ []string) error { return b.run(c, "step", bench.Step) },
	}
	b.flags(c, 8, 10)
	return c
}

func benchInferCommand() *cobra.Command {
	var b benchModel
	c := &cobra.Command{
		Use:     "infer",
		Short:   "Time of an inference, batch norm folded",
		Example: "  secateur bench infer --model squeezenet1_1 --threads 1\n  secateur bench infer --model line.secateur --json",
		Args:    exactly(0, "flags alone"),
		RunE:    func(c *cobra.Command, _ []string) error { return b.run(c, "infer", bench.Infer) },
	}
	b.flags(c, 1, 30)
	return c
}

// modelTimes is `bench step --json` and `bench infer --json`.
type modelTimes struct {
	Work       string           `json:"work"`
	Model      string           `json:"model"`
	Kernels    string           `json:"kernels"`
	Threads    int              `json:"threads"`
	Batch      int              `json:"batch"`
	Runs       int              `json:"runs"`
	MedianMs   float64          `json:"median_ms"`
	BestMs     float64          `json:"best_ms"`
	ImagesS    float64          `json:"images_per_s"`
	GFLOPS     float64          `json:"gflops"`
	PeakShare  float64          `json:"peak_share"`
	ArenaBytes int64            `json:"arena_bytes"`
	PeakRSS    int64            `json:"peak_rss_bytes"`
	Ops        []bench.KindTime `json:"ops,omitempty"`
	bench.Ceiling
}

type compileFunc func(e graph.Env, g *graph.Graph, batch int, budget int64) (*bench.Model, error)

func (b *benchModel) run(c *cobra.Command, work string, compile compileFunc) error {
	if err := b.check(); err != nil {
		return err
	}
	env, err := newEnv(c)
	if err != nil {
		return err
	}
	defer env.Pool.Close()
	g, err := b.load()
	if err != nil {
		return err
	}
	m, err := compile(env, g, b.batch, 0)
	if err != nil {
		return err
	}
	r, err := b.measure(c, work, m)
	if err != nil {
		return err
	}
	r.Kernels, r.Threads, r.Model = env.Kernels.Name, env.Pool.Threads(), b.model
	r.Ceiling = bench.MeasureCeiling(env)
	r.PeakShare = r.GFLOPS / r.PeakGFLOPS
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), r)
	}
	return printModelTimes(c.OutOrStdout(), r)
}

// warmRuns are not timed: the first touches the memory.
const warmRuns = 2

func (b *benchModel) measure(c *cobra.Command, work string, m *bench.Model) (*modelTimes, error) {
	s := newShow(c)
	defer s.done()
	m.Plan.Hook = c.Context().Err
	var times []time.Duration
	for i := range warmRuns + b.runs {
		start := time.Now()
		if err := m.Plan.Run(); err != nil {
			return nil, err
		}
		took := time.Since(start)
		if i >= warmRuns {
			times = append(times, took)
		}
		s.progress(eval.Progress{Phase: work, Done: (i + 1) * b.batch, Total: (warmRuns + b.runs) * b.batch, PerSec: float64(b.batch) / took.Seconds()})
	}
	r := &modelTimes{Work: work, Batch: b.batch, Runs: b.runs, ArenaBytes: m.Plan.ArenaBytes(), PeakRSS: peakRSS()}
	t := bench.Summary(times)
	r.MedianMs, r.BestMs = ms(t.Median), ms(t.Best)
	r.ImagesS, r.GFLOPS = float64(b.batch)/t.Median.Seconds(), m.Work.Flops/float64(t.Median.Nanoseconds())
	var err error
	if b.verbose {
		r.Ops, err = m.Profile(3)
	}
	return r, err
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func printModelTimes(w io.Writer, r *modelTimes) error {
	fmt.Fprintf(w, "%s %s, batch %d, %d threads, %s kernels\n", r.Work, r.Model, r.Batch, r.Threads, r.Kernels)
	fmt.Fprintf(w, "  %.2f ms median, %.2f ms best of %d runs; %.1f images/s\n", r.MedianMs, r.BestMs, r.Runs, r.ImagesS)
	fmt.Fprintf(w, "  %.1f GFLOP/s, %.0f %% of the FMA peak of %.1f\n", r.GFLOPS, 100*r.PeakShare, r.PeakGFLOPS)
	fmt.Fprintf(w, "  arena %.1f MiB, peak memory of the process %.0f MiB\n", float64(r.ArenaBytes)/(1<<20), float64(r.PeakRSS)/(1<<20))
	if len(r.Ops) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "loops\tms\t%\t  op")
	for _, k := range r.Ops {
		fmt.Fprintf(t, "%d\t%.2f\t%.1f\t  %s\n", k.Loops, ms(k.Time), 100*k.Share, k.Kind)
	}
	return t.Flush()
}
