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
	fmt.Fprintf(&b, "# Measured beside others\n\n`make bench-peers` wrote this page: every contestant in a process of its own, in turns, medians. Ratios are ours over the best\n"+
		"peer, times and peak memory: below 1 is less than theirs. Products include the packing of the weights.\n\n")
	fmt.Fprintf(&b, "| | |\n| --- | --- |\n| date | %s |\n| machine | %s (%s), %d CPUs, L2 %d KiB, L3 %d MiB, %d GiB |\n| kernels | %s: %s |\n| peers | %s |\n| others | used up to %.0f %% of the CPUs before a contest |\n",
		time.Now().UTC().Format(time.DateOnly), m.CPU, m.Arch, m.CPUs, m.L2>>10, m.L3>>20, m.Memory>>30, m.Set, m.Reason, strings.Join(versions, ", "), 100*busiest(done))
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

// reached is what was wanted beside what came out.
func reached(b *strings.Builder, done []*contest) {
	fmt.Fprint(b, "\n## Goals\n\n| work | goal | reached |\n| --- | --- | --- |\n")
	for _, g := range []struct {
		match   string
		threads int
		what    string
		goal    string
		value   func(*contest) float64
	}{
		{"step resnet18", 1, "training step ResNet-18, batch 8, one thread", "≤ 0.70 × PyTorch, ≤ 0.60 with Winograd", (*contest).ratio},
		{"step resnet18", 2, "the same, two threads", "≤ 0.70 × PyTorch, ≤ 0.60 with Winograd", (*contest).ratio},
		{"step mobilenetv2", 1, "training step MobileNet v2, batch 8, one thread", "≤ 0.45 × PyTorch", (*contest).ratio},
		{"step mobilenetv2", 2, "the same, two threads", "≤ 0.45 × PyTorch", (*contest).ratio},
		{"step resnet18", 1, "peak memory of the ResNet-18 step", "≤ 0.30 × PyTorch", (*contest).memory},
		{"step mobilenetv2", 1, "peak memory of the MobileNet v2 step", "≤ 0.30 × PyTorch", (*contest).memory},
		{"infer mobilenetv2", 1, "inference MobileNet v2, one thread", "≤ 1.0 × onnxruntime", (*contest).ratio},
		{"infer mobilenetv2", 2, "the same, two threads", "≤ 1.0 × onnxruntime", (*contest).ratio},
		{"infer resnet18", 1, "inference ResNet-18, one thread", "≤ 1.0 × onnxruntime", (*contest).ratio},
		{"infer resnet18", 2, "the same, two threads", "≤ 1.0 × onnxruntime", (*contest).ratio},
		{"infer squeezenet", 1, "inference SqueezeNet 1.1, one thread", "≤ 1.0 × onnxruntime", (*contest).ratio},
		{"infer squeezenet", 2, "the same, two threads", "≤ 1.0 × onnxruntime", (*contest).ratio},
		{"square 1024, forward", 1, "product 1024³, one thread", "≤ 1.0 × OpenBLAS's time", (*contest).ratio},
	} {
		for _, c := range done {
			if strings.HasPrefix(c.name, g.match) && c.spec.Threads == g.threads {
				fmt.Fprintf(b, "| %s | %s | %s |\n", g.what, g.goal, number(g.value(c)))
			}
		}
	}
	scaling(b, done)
}

func number(v float64) string {
	if math.IsNaN(v) {
		return "no peer"
	}
	return fmt.Sprintf("%.2f", v)
}

// scaling is how much faster two threads are than one.
func scaling(b *strings.Builder, done []*contest) {
	var ms [3]float64
	for _, c := range done {
		if strings.HasPrefix(c.name, "step resnet18") {
			ms[c.spec.Threads] = c.Entries[0].Median
		}
	}
	if ms[1] > 0 && ms[2] > 0 {
		fmt.Fprintf(b, "| ResNet-18 step, two threads over one | ≥ 1.85 | %.2f |\n", ms[1]/ms[2])
	}
}

// shares are those of the FMA peak, measured here and now.
func shares(b *strings.Builder) {
	set, err := kernels.Default()
	if err != nil {
		return
	}
	env := graph.Env{Kernels: set, Pool: kernels.NewPool(1)}
	defer env.Pool.Close()
	peak := bench.MeasureCeiling(env).PeakGFLOPS
	logs, counts, low := map[string]float64{}, map[string]float64{}, 1.0
	for _, k := range bench.Cases() {
		if k.Group != bench.GroupTile && k.Group != bench.GroupForward && k.Group != bench.GroupGradient {
			continue
		}
		w, err := k.Make(env)
		if err != nil {
			return
		}
		t, _ := w.Rounds(15, 3*time.Millisecond, nil)
		share := w.Flops / float64(t.Median.Nanoseconds()) / peak
		logs[k.Group], counts[k.Group] = logs[k.Group]+math.Log(share), counts[k.Group]+1
		if strings.HasPrefix(k.Shape, "49×") || strings.Contains(k.Shape, "×24×") {
			low = min(low, share)
		}
		if k.Name == "square 1024" && k.Group == bench.GroupForward {
			fmt.Fprintf(b, "| product 1024³, share of the FMA peak | ≥ 93 %% | %.0f %% |\n", 100*share)
		}
	}
	for _, g := range []struct{ group, goal string }{{bench.GroupTile, "≥ 97 %"}, {bench.GroupForward, "≥ 88 %"}, {bench.GroupGradient, "≥ 90 %"}} {
		fmt.Fprintf(b, "| %s, geometric mean of the share of the FMA peak (%.0f GFLOP/s) | %s | %.0f %% |\n", g.group, peak, g.goal, 100*math.Exp(logs[g.group]/counts[g.group]))
	}
	fmt.Fprintf(b, "| the lowest share of the maps of 49 pixels and of 24 filters | ≥ 75 %% | %.0f %% |\n", 100*low)
}

// tables are all times.
func tables(b *strings.Builder, done []*contest) {
	for _, t := range []struct{ work, title string }{{"step", "Training steps"}, {"infer", "Inference"}, {"gemm", "Products"}} {
		fmt.Fprintf(b, "\n## %s\n\n| work | threads | contestant | ms median | best | peak MiB | ratio |\n| --- | --- | --- | --- | --- | --- | --- |\n", t.title)
		for _, c := range done {
			if c.spec.Work != t.work {
				continue
			}
			for i, e := range c.Entries {
				ratio := ""
				if i == 0 {
					ratio = number(c.ratio())
				}
				n := float64(max(c.spec.Inner, 1))
				fmt.Fprintf(b, "| %s | %d | %s | %.3g | %.3g | %d | %s |\n", c.name, c.spec.Threads, e.Name, e.Median/n, e.Best/n, e.RSS>>20, ratio)
			}
		}
	}
}
