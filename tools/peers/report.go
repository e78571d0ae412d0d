package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
	"github.com/secateur/secateur/tools/bench"
)

// write makes the page of what was measured.
func write(path string, found []peer, done []*contest) error {
	m, err := bench.ThisMachine()
	if err != nil {
		return err
	}
	var b strings.Builder
	var versions []string
	for _, p := range found {
		versions = append(versions, p.String())
	}
	for _, n := range absent(found) {
		versions = append(versions, n+" is not installed and left out")
	}
	fmt.Fprintf(&b, "# Measured beside others\n\n`make bench-peers` wrote this page: every contestant in a process of its own, in turns, medians. Ratios are ours over the best\n"+
		"peer, times and peak memory: below 1 is less than theirs. Products include the packing of the weights.\n\n")
	fmt.Fprintf(&b, "| | |\n| --- | --- |\n| date | %s |\n| machine | %s (%s), %d CPUs, L2 %d KiB, L3 %d MiB, %d GiB |\n| kernels | %s: %s |\n| peers | %s |\n| others | used up to %.0f %% of the CPUs before a contest |\n",
		time.Now().UTC().Format(time.DateOnly), m.CPU, m.Arch, m.CPUs, m.L2>>10, m.L3>>20, m.Memory>>30, m.Set, m.Reason, strings.Join(versions, ", "), 100*busiest(done))
	fmt.Fprint(&b, "\n## Goals\n\n| work | goal | reached | |\n| --- | --- | --- | --- |\n")
	reached(&b, done)
	shares(&b)
	tables(&b, done)
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// busiest is the largest share of the CPUs that others used: above some per cent, the page is to be made again.
func busiest(done []*contest) (most float64) {
	for _, c := range done {
		most = max(most, c.busy)
	}
	return most
}

// shares are those of the FMA peak, measured here and now: of its median between the rounds of a kernel and, in
// brackets, of its best, which a machine that others use reaches at times only.
func shares(b *strings.Builder) {
	set, err := kernels.Default()
	if err != nil {
		return
	}
	env := graph.Env{Kernels: set, Pool: kernels.NewPool(1)}
	defer env.Pool.Close()
	best := bench.MeasureCeiling(env).PeakGFLOPS
	groups, low := map[string]*meanShare{bench.GroupTile: {}, bench.GroupForward: {}, bench.GroupGradient: {}}, 1.0
	for _, k := range bench.Cases() {
		group := groups[k.Group]
		if group == nil {
			continue
		}
		w, err := k.Make(env)
		if err != nil {
			return
		}
		t, peak, _ := w.RoundsAndPeak(env, 15, 3*time.Millisecond, nil)
		gflops := w.Flops / float64(t.Median.Nanoseconds())
		one := meanShare{}
		one.add(gflops/peak, gflops/best)
		group.add(gflops/peak, gflops/best)
		if strings.HasPrefix(k.Shape, "49×") || strings.Contains(k.Shape, "×24×") {
			low = min(low, gflops/peak)
		}
		if k.Name == "square 1024" && k.Group == bench.GroupForward {
			one.row(b, "product 1024³, share of the FMA peak", 93)
		}
	}
	of := fmt.Sprintf(", geometric mean of the share of the FMA peak (of its best, %.0f GFLOP/s)", best)
	groups[bench.GroupTile].row(b, bench.GroupTile+of, 97)
	groups[bench.GroupForward].row(b, bench.GroupForward+of, 88)
	groups[bench.GroupGradient].row(b, bench.GroupGradient+of, 90)
	fmt.Fprintf(b, "| the lowest share of the maps of 49 pixels and of 24 filters | ≥ 75 %% | %.0f %% | %s |\n", 100*low, verdict(low >= 0.75))
}

// meanShare is the geometric mean of shares of the median and of the best peak: sums of their logarithms.
type meanShare struct{ median, best, n float64 }

func (s *meanShare) add(median, best float64) {
	s.median, s.best, s.n = s.median+math.Log(median), s.best+math.Log(best), s.n+1
}

// row is a line of the goals, goal in per cent of the median.
func (s *meanShare) row(b *strings.Builder, what string, goal float64) {
	median, best := 100*math.Exp(s.median/s.n), 100*math.Exp(s.best/s.n)
	fmt.Fprintf(b, "| %s | ≥ %.0f %% | %.0f %% (%.0f %%) | %s |\n", what, goal, median, best, verdict(median >= goal))
}

// tables are all times.
func tables(b *strings.Builder, done []*contest) {
	for _, t := range []struct{ work, title string }{{"step", "Training steps"}, {"infer", "Inference"}, {"scaling", "Two threads beside one"}, {"gemm", "Products"}} {
		fmt.Fprintf(b, "\n## %s\n\n| work | threads | contestant | ms median | best | peak MiB | ratio |\n| --- | --- | --- | --- | --- | --- | --- |\n", t.title)
		for _, c := range done {
			if c.kind() != t.work {
				continue
			}
			for i, e := range c.Entries {
				ratio := ""
				if i == 0 && !c.scales {
					ratio = number(c.ratio())
				}
				n := float64(max(c.spec.Inner, 1))
				fmt.Fprintf(b, "| %s | %d | %s | %.3g | %.3g | %d | %s |\n", c.name, c.spec.Threads, e.Name, e.Median/n, e.Best/n, e.RSS>>20, ratio)
			}
		}
	}
}
