package study

import (
	"fmt"
	"strings"
	"testing"
)

// made are results of three selectors over eight seeds: good is 10 above random in every seed, odd is not defined.
func made() []Result {
	var list []Result
	for seed := range 8 {
		k := Key{Model: "m", Data: "d", Shots: 10, Seed: seed}
		list = append(list, Result{Key: Key{Model: "m", Data: "d", Shots: 10, Seed: seed, Selector: dense}, Accuracy: 80, MACs: 100})
		for _, s := range []string{"random", "good", "same", "odd"} {
			r := Result{Key: k, Accuracy: 40 + float64(seed), Worst: 5, MACs: 50, Removed: []string{"a/1", "a/2"}}
			r.Selector, r.Allocator, r.Keep, r.Repair, r.Tuning = s, "uniform", "macs=0.5", "rebuild", "none"
			switch s {
			case "good":
				r.Accuracy += 10
				r.Removed = []string{"a/2", "a/3"}
			case "odd":
				r = Result{Key: r.Key, Skipped: "no batch norm"}
			}
			list = append(list, r)
		}
	}
	return list
}

// TestSummarize: differences are taken seed by seed, and what is not defined is said.
func TestSummarize(t *testing.T) {
	tables := Summarize(made())
	if len(tables) != 1 || len(tables[0].Lines) != 4 {
		t.Fatalf("%+v", tables)
	}
	table := tables[0]
	near(t, "dense", table.Dense, 80, 0)
	near(t, "share of MACs", table.MACs, 0.5, 0)
	best := table.Lines[0]
	if best.Selector != "good" || best.Gain != 10 || best.Low != 10 || best.High != 10 || best.Seeds != 8 {
		t.Errorf("%+v", best)
	}
	near(t, "p of good", best.P, 2*2.0/256, 1e-12) // two selectors were compared with random
	text := Markdown(tables)
	for _, want := range []string{"| good | 53.5 ± 2.4 | 5.0 | +10.0 (+10.0 to +10.0) | 0.0156 |", "| odd | not defined: no batch norm |", "0.50 of the multiply-adds"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestAgreement: one of three filters in common is a third.
func TestAgreement(t *testing.T) {
	m := Agreement(made(), []string{"random", "good"})
	near(t, "with itself", m[0][0], 1, 0)
	near(t, "with another", m[0][1], 1.0/3, 1e-12)
}

// TestRank leaves out what is not defined everywhere.
func TestRank(t *testing.T) {
	var tables []Table
	for i := range 4 {
		for _, one := range Summarize(made()) {
			one.Data = fmt.Sprint(i)
			tables = append(tables, one)
		}
	}
	r := Rank(tables)
	if strings.Join(r.Selectors, " ") != "good random same" || r.Ranks[0] != 1 || r.Ranks[1] != 2.5 || r.Blocks != 4 {
		t.Errorf("%+v", r)
	}
}
