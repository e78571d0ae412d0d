package main

import (
	"fmt"
	"os"
	"slices"
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
		"peer, times and peak memory: below 1 is less than theirs; of times the median over the turns of what ours took over what the peer took beside it.\n"+
		"Products include the packing of the weights.\n\n")
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

// shareRounds is enough that some of them are quiet.
const shareRounds = 1001

// shares are those of the FMA peak, measured here and now: of its median between the rounds of a kernel and, in
// brackets, in the rounds during which nobody else used the core.
func shares(b *strings.Builder) {
	set, err := kernels.Default()
	if err != nil {
		return
	}
	env := graph.Env{Kernels: set, Pool: kernels.NewPool(1)}
	defer env.Pool.Close()
	groups, square, small := map[string]*manyShares{bench.GroupTile: {}, bench.GroupForward: {}, bench.GroupGradient: {}}, manyShares{}, manyShares{}
	for _, k := range bench.Cases() {
		group := groups[k.Group]
		if group == nil {
			continue
		}
		w, err := k.Make(env)
		if err != nil {
			return
		}
		s, _ := w.Share(env, shareRounds, 150*time.Microsecond, nil)
		of := s.Of(w)
		group.add(of, s)
		if strings.HasPrefix(k.Shape, "49×") || strings.Contains(k.Shape, "×24×") {
			small.add(of, s)
		}
		if k.Name == "square 1024" && k.Group == bench.GroupForward {
			square.add(of, s)
		}
	}
	square.row(b, "product 1024³, share of the FMA peak", 93, bench.GeometricMean)
	for _, g := range []struct {
		name string
		goal float64
	}{{bench.GroupTile, 97}, {bench.GroupForward, 88}, {bench.GroupGradient, 90}} {
		groups[g.name].row(b, g.name+", geometric mean of the share of the FMA peak", g.goal, bench.GeometricMean)
	}
	small.row(b, "the lowest share of the maps of 49 pixels and of 24 filters", 75, slices.Min)
}

// manyShares are those of several kernels, in all rounds and in the quiet ones.
type manyShares struct{ all, quiet []float64 }

func (m *manyShares) add(all float64, s bench.Share) {
	m.all, m.quiet = append(m.all, all), append(m.quiet, s.Quiet)
}

// row is a line of the goals, goal in per cent.
func (m *manyShares) row(b *strings.Builder, what string, goal float64, of func([]float64) float64) {
	all, quiet := 100*of(m.all), 100*of(m.quiet)
	fmt.Fprintf(b, "| %s | ≥ %.0f %% | %.0f %% (%s) | %s |\n", what, goal, all, quietly(quiet), judgedQuietly(all, quiet, goal))
}

func quietly(quiet float64) string {
	if quiet == 0 {
		return "never quiet"
	}
	return fmt.Sprintf("quiet: %.0f %%", quiet)
}

// judgedQuietly is the verdict by all rounds, or by the quiet ones.
func judgedQuietly(all, quiet, goal float64) string {
	switch {
	case all >= goal:
		return verdict(true)
	case quiet >= goal:
		return "reached in quiet rounds"
	}
	return verdict(false)
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
