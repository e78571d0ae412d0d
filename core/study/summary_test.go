package study

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/train"
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
	if best.Selector != "good" || best.Random.Mean != 10 || best.Random.Low != 10 || best.Random.High != 10 || best.Random.Pairs != 8 || best.Seeds != 8 {
		t.Errorf("%+v", best)
	}
	near(t, "p of good", best.Random.P, 2*2.0/256, 1e-12) // two selectors were compared with random
	text := Markdown(tables)
	for _, want := range []string{"| good | 8 | 53.5 ± 2.4 | 5.0 | +10.0 (+10.0 to +10.0) | 0.0156 | -26.5", "| odd | 0 | not defined: no batch norm |", "0.50 of the multiply-adds"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestControlsApart: controls are compared with the dense network, are no selectors in ranks and verdicts, and selectors are
// compared with the one that trains as long.
func TestControlsApart(t *testing.T) {
	var results []Result
	for _, r := range made() {
		if r.Tuning != "" {
			r.Tuning = "full"
			r.Selector = map[string]string{"random": "random", "good": "good", "same": train.EqualUpdates, "odd": ""}[r.Selector]
		}
		if r.Selector != "" {
			results = append(results, r)
		}
	}
	c := Compare(results, Summarize(results))
	if len(c) != 1 || strings.Join(c[0].Ranking.Selectors, " ") != "good random" {
		t.Fatalf("%+v", c)
	}
	for _, l := range c[0].Tables[0].Lines {
		if l.Control != (l.Selector == train.EqualUpdates) || (l.Random == nil) != (l.Selector != "good") || (l.Equal == nil) != l.Control || l.Dense == nil {
			t.Errorf("%+v", l)
		}
	}
	v := c[0].Judge()
	if want := (Verdict{Random: Count{1, 0, 1}, Dense: Count{0, 1, 1}, Equal: Count{1, 0, 1}}); v != want {
		t.Errorf("%+v, want %+v", v, want)
	}
	near(t, "in common", c[0].Agreement[0][1], 1.0/3, 1e-12)
}

// TestCurves: settings with one budget have none; others begin at the dense network.
func TestCurves(t *testing.T) {
	results := made()
	if n := len(Curves(Summarize(results))); n != 0 {
		t.Errorf("%d curves of one budget", n)
	}
	for _, r := range made() {
		if r.Selector != dense {
			r.Keep, r.MACs, r.Accuracy = "macs=0.25", r.MACs/2, r.Accuracy-20
			results = append(results, r)
		}
	}
	curves := Curves(Summarize(results))
	if len(curves) != 3 || curves[0].Selector != "good" || len(curves[0].Points) != 3 {
		t.Fatalf("%+v", curves)
	}
	for i, want := range []CurvePoint{{MACs: 1, Accuracy: 80}, {MACs: 0.5, Accuracy: 53.5}, {MACs: 0.25, Accuracy: 33.5}} {
		near(t, "share", curves[0].Points[i].MACs, want.MACs, 1e-12)
		near(t, "accuracy", curves[0].Points[i].Accuracy, want.Accuracy, 1e-12)
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
