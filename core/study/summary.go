package study

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/secateur/secateur/core/train"
	"gonum.org/v1/gonum/stat"
)

// Setting is what selectors are compared under: one set of blocks that differ by their seed alone.
type Setting struct {
	Model, Data             string
	Shots                   int
	Allocator, Keep, Repair string
	Tuning                  string
}

// Line is one selector, or one control, in one setting.
type Line struct {
	Selector  string
	Control   bool // its network is whole
	Seeds     int
	Accuracy  float64 // mean over the seeds, per cent
	Deviation float64
	Low, High float64     // 95 % bootstrap interval of Accuracy
	Worst     float64     // mean accuracy of the worst class
	Updates   float64     // mean number of training steps after the dense network
	Random    *Difference // to random filters at the same widths; nil: of random itself, or without it
	Dense     *Difference // to the dense network
	Equal     *Difference // to the dense network after as many updates; nil where it was not run
	Skipped   string
}

// Table is one setting with its selectors, the best first.
type Table struct {
	Setting
	Dense     float64 // mean accuracy of the network before the cut
	Low, High float64 // 95 % bootstrap interval of Dense
	MACs      float64 // mean share that is left
	Lines     []Line
}

// Random is the selector that others are compared with.
const Random = "random"

func isControl(selector string) bool { return slices.Contains(train.Controls(), selector) }

// Summarize makes the tables of a study's results.
func Summarize(results []Result) []Table {
	bySetting, base := map[Setting]map[string][]Result{}, map[draws][]Result{}
	var order []Setting
	for _, r := range results {
		if r.Selector == dense {
			base[draws{r.Model, r.Data, r.Shots}] = append(base[draws{r.Model, r.Data, r.Shots}], r)
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
		return cmp.Or(cmp.Compare(a.Model, b.Model), cmp.Compare(a.Data, b.Data), cmp.Compare(a.Shots, b.Shots), -cmp.Compare(a.Tuning, b.Tuning),
			cmp.Compare(b.Keep, a.Keep), cmp.Compare(a.Allocator, b.Allocator), cmp.Compare(a.Repair, b.Repair))
	})
	var tables []Table
	for _, s := range order {
		tables = append(tables, tableOf(s, bySetting[s], base[draws{s.Model, s.Data, s.Shots}]))
	}
	return tables
}

// draws is what the dense networks of all settings are found by.
type draws struct {
	model, data string
	shots       int
}

func tableOf(s Setting, bySelector map[string][]Result, before []Result) Table {
	t := Table{Setting: s, Dense: mean(accuracies(before))}
	t.Low, t.High = interval(accuracies(before), 1)
	macs := map[int]int64{}
	for _, r := range before {
		macs[r.Seed] = r.MACs
	}
	var shares []float64
	for selector, rs := range bySelector {
		l := lineOf(selector, rs)
		if l.Skipped == "" {
			l.compare(rs, bySelector, before)
		}
		t.Lines = append(t.Lines, l)
		for _, r := range rs {
			if !l.Control && r.Skipped == "" && macs[r.Seed] > 0 {
				shares = append(shares, float64(r.MACs)/float64(macs[r.Seed]))
			}
		}
	}
	t.MACs = mean(shares)
	slices.SortFunc(t.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(b.Accuracy, a.Accuracy), cmp.Compare(a.Selector, b.Selector))
	})
	t.adjust()
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

func lineOf(selector string, rs []Result) Line {
	l := Line{Selector: selector, Control: isControl(selector)}
	v := accuracies(rs)
	if l.Seeds = len(v); l.Seeds == 0 {
		l.Skipped = rs[0].Skipped
		return l
	}
	l.Accuracy = stat.Mean(v, nil)
	l.Low, l.High = interval(v, 1)
	if len(v) > 1 {
		l.Deviation = stat.StdDev(v, nil)
	}
	for _, r := range rs {
		if r.Skipped == "" {
			l.Worst += r.Worst / float64(len(v))
			l.Updates += float64(r.Updates) / float64(len(v))
		}
	}
	return l
}

// compare fills in the paired differences.
func (l *Line) compare(rs []Result, bySelector map[string][]Result, before []Result) {
	l.Dense = against(rs, before)
	if l.Selector != train.EqualUpdates {
		l.Equal = against(rs, bySelector[train.EqualUpdates])
	}
	if l.Selector != Random && !l.Control {
		l.Random = against(rs, bySelector[Random])
	}
}

// adjust corrects the p-values of each column for their number; the controls are a family of their own.
func (t *Table) adjust() {
	for _, of := range []func(Line) *Difference{func(l Line) *Difference { return l.Random }, func(l Line) *Difference { return l.Dense },
		func(l Line) *Difference { return l.Equal }} {
		families := map[bool][]*Difference{}
		for _, l := range t.Lines {
			if d := of(l); d != nil {
				families[l.Control] = append(families[l.Control], d)
			}
		}
		adjust(families[false])
		adjust(families[true])
	}
}

// String names the setting.
func (s Setting) String() string {
	return fmt.Sprintf("%s on %s, %d images a class, %s, %s, repair %s", s.Model, s.Data, s.Shots, s.Keep, TuningName(s.Tuning), s.Repair)
}

// TuningName says what a tuning is.
func TuningName(tuning string) string {
	return map[string]string{"none": "no training after the cut", "after": "one cut, then fine-tuning", "full": "cut turn by turn while fine-tuning"}[tuning]
}

// Markdown is the tables as text.
func Markdown(tables []Table) string {
	var b strings.Builder
	for _, t := range tables {
		fmt.Fprintf(&b, "\n### %s\n\nAllocator %s, %.2f of the multiply-adds left; the dense network has %.1f %%.\n\n", t.Setting, t.Allocator, t.MACs, t.Dense)
		b.WriteString("| selector | draws | accuracy | worst class | against random | p | against dense | p | against equal updates | p |\n" +
			"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
		for _, l := range t.Lines {
			if l.Skipped != "" {
				fmt.Fprintf(&b, "| %s | 0 | not defined: %s | | | | | | | |\n", l.Selector, l.Skipped)
				continue
			}
			spread := ""
			if l.Seeds > 1 {
				spread = fmt.Sprintf(" ± %.1f", l.Deviation)
			}
			fmt.Fprintf(&b, "| %s | %d | %.1f%s | %.1f | %s | %s | %s |\n", l.Selector, l.Seeds, l.Accuracy, spread, l.Worst, l.Random, l.Dense, l.Equal)
		}
	}
	return b.String()
}
