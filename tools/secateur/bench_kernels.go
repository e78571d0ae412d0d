package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/tools/bench"
	"github.com/spf13/cobra"
)

func benchKernelsCommand() *cobra.Command {
	var only string
	var rounds int
	c := &cobra.Command{
		Use:   "kernels",
		Short: "GFLOP/s, share of the FMA peak and GB/s of the kernels",
		Long: "GFLOP/s, share of the FMA peak and GB/s of the kernels, on one thread unless --threads says more.\n" +
			"Products are pixels×filters×(channels·taps). Layers pack and gather as a step does.\n" +
			"Shares are medians: of a kernel, of the peak measured between its rounds. \"quiet\" is the share in those rounds during which\n" +
			"nobody else computed on the same core, as guests of one machine do: what a machine of one's own gives. Long products are cut into pieces for it.",
		Example: "  secateur bench kernels --only r18\n  secateur bench kernels --threads 2 --json",
		Args:    exactly(0, "flags alone"),
		RunE:    func(c *cobra.Command, _ []string) error { return benchKernels(c, only, rounds) },
	}
	c.Flags().StringVar(&only, "only", "", "what has this in its group or name, as in product, layer, vector, r18, Conv")
	c.Flags().IntVar(&rounds, "rounds", 51, "rounds of a kernel, of 0.15 ms or of one repetition; the median counts")
	return c
}

// kernelTimes is a line of `bench kernels --json`.
type kernelTimes struct {
	Group      string  `json:"group"`
	Name       string  `json:"name"`
	Shape      string  `json:"shape,omitempty"`
	MedianUs   float64 `json:"median_us"`
	BestUs     float64 `json:"best_us"`
	GFLOPS     float64 `json:"gflops"`
	PeakGFLOPS float64 `json:"peak_gflops"` // median of rounds between those of the kernel
	PeakShare  float64 `json:"peak_share"`  // of that
	// QuietShare is the same of rounds during which nobody else used the core, left out where less than ten were.
	QuietShare  float64 `json:"quiet_peak_share,omitempty"`
	QuietRounds int     `json:"quiet_rounds"`
	GBs         float64 `json:"gb_s,omitempty"`
	CopyShare   float64 `json:"copy_share,omitempty"`
}

// kernelsReport is `bench kernels --json`.
type kernelsReport struct {
	Kernels string `json:"kernels"`
	Threads int    `json:"threads"`
	bench.Ceiling
	Times []kernelTimes      `json:"times"`
	Means map[string]float64 `json:"geometric_mean_peak_share"`
	Quiet map[string]float64 `json:"geometric_mean_quiet_peak_share"` // where all have one
}

func benchKernels(c *cobra.Command, only string, rounds int) error {
	if rounds < 1 || rounds > 10_000 {
		return usagef("--rounds %d: want 1 to 10000", rounds)
	}
	cases := chosen(only)
	if len(cases) == 0 {
		return usagef("--only %s: no kernel has that in its group or name", only)
	}
	if !c.Flags().Changed("threads") {
		if err := c.Flags().Set("threads", "1"); err != nil {
			return err
		}
	}
	env, err := newEnv(c)
	if err != nil {
		return err
	}
	defer env.Pool.Close()
	r := &kernelsReport{Kernels: env.Kernels.Name, Threads: env.Pool.Threads(), Ceiling: bench.MeasureCeiling(env), Means: map[string]float64{}, Quiet: map[string]float64{}}
	w := c.OutOrStdout()
	if isJSON(c) {
		w = io.Discard
	}
	fmt.Fprintf(w, "%s kernels, %d threads: FMA peak %.1f GFLOP/s, copy %.1f GB/s\n", r.Kernels, r.Threads, r.PeakGFLOPS, r.CopyGBs)
	if err := r.measure(c, env, cases, rounds, w); err != nil {
		return err
	}
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), r)
	}
	return nil
}

func chosen(only string) (cases []bench.Case) {
	for _, k := range bench.Cases() {
		if strings.Contains(strings.ToLower(k.Group+" "+k.Name), strings.ToLower(only)) {
			cases = append(cases, k)
		}
	}
	return cases
}

// kernelRound is long beside the clock and short beside the time for which others leave a core alone.
const kernelRound = 150 * time.Microsecond

// measure times the cases in order; for people each line is written as soon as it is known.
func (r *kernelsReport) measure(c *cobra.Command, env graph.Env, cases []bench.Case, rounds int, w io.Writer) error {
	s := newShow(c)
	defer s.done()
	group := ""
	for i, k := range cases {
		if k.Group != group {
			r.mean(w, group)
			group = k.Group
			fmt.Fprintf(w, "\n%-34s %-18s %9s %9s %9s %6s %6s %7s\n", group, "", "median µs", "best µs", "GFLOP/s", "% peak", "quiet", "GB/s")
		}
		work, err := k.Make(env)
		if err != nil {
			return err
		}
		share, err := work.Share(env, rounds, kernelRound, c.Context().Err)
		if err != nil {
			return err
		}
		line := r.line(k, work, share)
		r.Times = append(r.Times, line)
		line.print(w)
		if isJSON(c) {
			s.progress(eval.Progress{Phase: "kernels", Unit: "cases", Done: i + 1, Total: len(cases)})
		}
	}
	r.mean(w, group)
	return nil
}

func (r *kernelsReport) line(k bench.Case, w bench.Work, s bench.Share) kernelTimes {
	ns := float64(max(s.Median.Nanoseconds(), 1))
	l := kernelTimes{Group: k.Group, Name: k.Name, Shape: k.Shape, MedianUs: ns / 1e3, BestUs: float64(s.Best.Nanoseconds()) / 1e3,
		GFLOPS: w.Flops / ns, GBs: w.Bytes / ns, PeakGFLOPS: s.Peak, QuietShare: s.Quiet, QuietRounds: s.QuietRounds}
	l.PeakShare, l.CopyShare = s.Of(w), l.GBs/r.CopyGBs
	return l
}

func (l kernelTimes) print(w io.Writer) {
	fmt.Fprintf(w, "%-34s %-18s %9.1f %9.1f %9.1f %6.0f %6s", l.Name, l.Shape, l.MedianUs, l.BestUs, l.GFLOPS, 100*l.PeakShare, percent(l.QuietShare))
	if l.GBs > 0 {
		fmt.Fprintf(w, " %7.1f, %.0f %% of a copy", l.GBs, 100*l.CopyShare)
	}
	fmt.Fprintln(w)
}

// percent of a share, a dash where it is not known.
func percent(share float64) string {
	if share == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", 100*share)
}

// mean ends a group by the geometric means of its shares of the peak, where they say something.
func (r *kernelsReport) mean(w io.Writer, group string) {
	if group != bench.GroupForward && group != bench.GroupGradient {
		return
	}
	var all, quiet []float64
	for _, l := range r.Times {
		if l.Group == group {
			all, quiet = append(all, l.PeakShare), append(quiet, l.QuietShare)
		}
	}
	r.Means[group] = bench.GeometricMean(all)
	fmt.Fprintf(w, "geometric mean: %.0f %% of the peak", 100*r.Means[group])
	if q := bench.GeometricMean(quiet); q > 0 {
		r.Quiet[group] = q
		fmt.Fprintf(w, ", %.0f %% in quiet rounds", 100*q)
	}
	fmt.Fprintln(w)
}

func peakRSS() int64 { return eval.PeakRSS() }
