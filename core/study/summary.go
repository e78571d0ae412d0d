package study

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"
)

// Setting is what selectors are compared under: one set of blocks that differ by their seed alone.
type Setting struct {
	Model, Data             string
	Shots                   int
	Allocator, Keep, Repair string
	Tuning                  string
}

// Line is one selector in one setting.
type Line struct {
	Selector  string
	Seeds     int
	Accuracy  float64 // mean over the seeds, per cent
	Deviation float64
	Worst     float64 // mean accuracy of the worst class
	Gain      float64 // mean difference to random filters at the same widths, seed by seed
	Low, High float64 // 95 % interval of Gain
	P         float64 // Wilcoxon, adjusted by Holm over the selectors of the setting; 1 without random
	Skipped   string
}

// Table is one setting with its selectors, the best first.
type Table struct {
	Setting
	Dense float64 // mean accuracy of the network before the cut
	Equal float64 // of the dense network trained for as many updates more; 0 where it was not run
	MACs  float64 // mean share that is left
	Lines []Line
}

// control is the selector that others are compared with.
const control = "random"

// Summarize makes the tables of a study's results.
func Summarize(results []Result) []Table {
	bySetting, base := map[Setting]map[string][]Result{}, map[string][]Result{}
	var order []Setting
	for _, r := range results {
		if r.Selector == dense || r.Selector == equalUpdates {
			base[baseKey(r)] = append(base[baseKey(r)], r)
			continue
		}
		s := Setting{r.Model, r.Data, r.Shots, r.Allocator, r.Keep, r.Repair, r.Tuning}
		if bySetting[s] == nil {
			bySetting[s] = map[string][]Result{}
			order = append(order, s)
		}
		bySetting[s][r.Selector] = append(bySetting[s][r.Selector], r)
	}
	slices.SortStableFunc(order, func(a, b Setting) int {
		return cmp.Or(cmp.Compare(a.Model, b.Model), cmp.Compare(a.Data, b.Data), cmp.Compare(a.Shots, b.Shots), cmp.Compare(a.Tuning, b.Tuning),
			cmp.Compare(b.Keep, a.Keep), cmp.Compare(a.Allocator, b.Allocator), cmp.Compare(a.Repair, b.Repair))
	})
	var tables []Table
	for _, s := range order {
		tables = append(tables, tableOf(s, bySetting[s], base))
	}
	return tables
}

// baseKey is what the networks that nothing was cut from are found by.
func baseKey(r Result) string {
	return fmt.Sprintf("%s|%s|%d|%s", r.Model, r.Data, r.Shots, r.Selector)
}

func tableOf(s Setting, bySelector map[string][]Result, base map[string][]Result) Table {
	t := Table{Setting: s}
	of := func(selector string) []Result {
		return base[baseKey(Result{Key: Key{Model: s.Model, Data: s.Data, Shots: s.Shots, Selector: selector}})]
	}
	t.Dense, t.Equal = mean(accuracies(of(dense))), mean(accuracies(of(equalUpdates)))
	macs := map[int]int64{}
	for _, r := range of(dense) {
		macs[r.Seed] = r.MACs
	}
	var shares []float64
	for selector, rs := range bySelector {
		t.Lines = append(t.Lines, lineOf(selector, rs, bySelector[control]))
		for _, r := range rs {
			if r.Skipped == "" && macs[r.Seed] > 0 {
				shares = append(shares, float64(r.MACs)/float64(macs[r.Seed]))
			}
		}
	}
	t.MACs = mean(shares)
	slices.SortFunc(t.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(b.Accuracy, a.Accuracy), cmp.Compare(a.Selector, b.Selector))
	})
	adjust(t.Lines)
	return t
}

// mean is 0 of nothing.
func mean(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	return stat.Mean(v, nil)
}

func accuracies(rs []Result) []float64 {
	var v []float64
	for _, r := range rs {
		if r.Skipped == "" {
			v = append(v, r.Accuracy)
		}
	}
	return v
}

func lineOf(selector string, rs, random []Result) Line {
	l := Line{Selector: selector, P: 1}
	v := accuracies(rs)
	if l.Seeds = len(v); l.Seeds == 0 {
		l.Skipped = rs[0].Skipped
		return l
	}
	l.Accuracy = stat.Mean(v, nil)
	if len(v) > 1 {
		l.Deviation = stat.StdDev(v, nil)
	}
	for _, r := range rs {
		l.Worst += r.Worst / float64(len(rs))
	}
	d := paired(rs, random)
	if selector == control || len(d) == 0 {
		return l
	}
	l.Gain, l.P = stat.Mean(d, nil), wilcoxon(d)
	l.Low, l.High = interval(d, 1)
	return l
}

// paired are the differences in accuracy of the seeds that both have.
func paired(a, b []Result) []float64 {
	other := map[int]Result{}
	for _, r := range b {
		if r.Skipped == "" {
			other[r.Seed] = r
		}
	}
	var d []float64
	for _, r := range a {
		if o, ok := other[r.Seed]; ok && r.Skipped == "" {
			d = append(d, r.Accuracy-o.Accuracy)
		}
	}
	return d
}

// adjust corrects the p-values of a table for their number.
func adjust(lines []Line) {
	var at []int
	var p []float64
	for i, l := range lines {
		if l.Selector != control && l.Skipped == "" {
			at, p = append(at, i), append(p, l.P)
		}
	}
	for k, v := range holm(p) {
		lines[at[k]].P = v
	}
}

// Ranking is the comparison of selectors over all settings in which all of them have results.
type Ranking struct {
	Selectors []string
	Ranks     []float64 // mean, 1 is the best
	Blocks    int
	P         float64 // Friedman: that all are alike
	Critical  float64 // Nemenyi: mean ranks further apart than this differ at 5 %
}

// Rank compares selectors over settings; tables lists those of one way of tuning and repair.
func Rank(tables []Table) Ranking {
	var r Ranking
	count := map[string]int{}
	for _, t := range tables {
		for _, l := range t.Lines {
			if l.Skipped == "" {
				count[l.Selector]++
			}
		}
	}
	for s, n := range count {
		if n == len(tables) {
			r.Selectors = append(r.Selectors, s)
		}
	}
	slices.Sort(r.Selectors)
	var rows [][]float64
	for _, t := range tables {
		row := make([]float64, len(r.Selectors))
		for _, l := range t.Lines {
			if i, ok := slices.BinarySearch(r.Selectors, l.Selector); ok {
				row[i] = l.Accuracy
			}
		}
		rows = append(rows, row)
	}
	r.Blocks = len(rows)
	r.Ranks, r.P = friedman(rows)
	if len(r.Selectors) > 1 && r.Blocks > 1 {
		r.Critical = nemenyi(len(r.Selectors), r.Blocks)
	}
	return r
}

// Agreement is how alike the removed sets of selectors are: the mean Jaccard index over seeds and settings, selectors in
// the order of names.
func Agreement(results []Result, names []string) [][]float64 {
	sets := map[Key]map[string]bool{}
	var keys []Key
	for _, r := range results {
		if len(r.Removed) == 0 {
			continue
		}
		set := map[string]bool{}
		for _, f := range r.Removed {
			set[f] = true
		}
		sets[r.Key] = set
		if k := r.Key; k.Selector == names[0] {
			keys = append(keys, k)
		}
	}
	out := make([][]float64, len(names))
	for i, a := range names {
		out[i] = make([]float64, len(names))
		for j, b := range names {
			out[i][j] = meanJaccard(sets, keys, a, b)
		}
	}
	return out
}

func meanJaccard(sets map[Key]map[string]bool, keys []Key, a, b string) float64 {
	var v []float64
	for _, k := range keys {
		ka, kb := k, k
		ka.Selector, kb.Selector = a, b
		if x, y := sets[ka], sets[kb]; x != nil && y != nil {
			v = append(v, jaccard(x, y))
		}
	}
	if len(v) == 0 {
		return math.NaN()
	}
	return stat.Mean(v, nil)
}

func jaccard(a, b map[string]bool) float64 {
	both := 0
	for k := range a {
		if b[k] {
			both++
		}
	}
	return float64(both) / float64(len(a)+len(b)-both)
}

// Markdown is the tables as text.
func Markdown(tables []Table) string {
	var b strings.Builder
	for _, t := range tables {
		fmt.Fprintf(&b, "\n### %s on %s, %d images a class, %s, repair %s, tuning %s\n\n", t.Model, t.Data, t.Shots, t.Keep, t.Repair, t.Tuning)
		fmt.Fprintf(&b, "Allocator %s, %.2f of the multiply-adds left; the dense network has %.1f %%", t.Allocator, t.MACs, t.Dense)
		if t.Equal > 0 {
			fmt.Fprintf(&b, ", trained on for as many updates as the loop %.1f %%", t.Equal)
		}
		b.WriteString(".\n\n| selector | accuracy | worst class | against random | p |\n| --- | --- | --- | --- | --- |\n")
		for _, l := range t.Lines {
			switch {
			case l.Skipped != "":
				fmt.Fprintf(&b, "| %s | not defined: %s | | | |\n", l.Selector, l.Skipped)
			case l.Selector == control:
				fmt.Fprintf(&b, "| %s | %.1f ± %.1f | %.1f | | |\n", l.Selector, l.Accuracy, l.Deviation, l.Worst)
			default:
				fmt.Fprintf(&b, "| %s | %.1f ± %.1f | %.1f | %+.1f (%+.1f to %+.1f) | %.3g |\n", l.Selector, l.Accuracy, l.Deviation, l.Worst, l.Gain, l.Low, l.High, l.P)
			}
		}
	}
	return b.String()
}
