package main

import (
	"bytes"
	"encoding/json"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/secateur/secateur/tools/bench"
)

// TestServe: our side says its kernels, then the times that it is asked for.
func TestServe(t *testing.T) {
	for _, s := range []Spec{
		{Work: "gemm", Threads: 1, Shape: [3]int{12, 9, 20}, Inner: 3},
		{Work: "gemm", Threads: 2, Shape: [3]int{12, 9, 20}, Inner: 1, Gradient: true},
		{Work: "infer", Net: "squeezenet1_1", Batch: 1, Threads: 1},
	} {
		var out bytes.Buffer
		if err := serve(s, strings.NewReader("2\n1\n"), &out); err != nil {
			t.Fatal(err)
		}
		var got []answer
		for d := json.NewDecoder(&out); d.More(); {
			var a answer
			if err := d.Decode(&a); err != nil {
				t.Fatal(err)
			}
			got = append(got, a)
		}
		if len(got) != 3 || got[0].Version == "" || len(got[1].Ms) != 2 || len(got[2].Ms) != 1 || got[2].RSS < 1<<20 {
			t.Errorf("%+v: answers %+v, want a version, two times, one time", s, got)
		}
	}
	if err := serve(Spec{Work: "step", Net: "vgg", Batch: 1, Threads: 1}, strings.NewReader(""), new(bytes.Buffer)); err == nil {
		t.Error("an unknown network is served")
	}
}

// took is a contestant with a time a turn.
func took(name string, rss int64, ms ...float64) *player {
	p := &player{name: name, rss: rss}
	for _, t := range ms {
		p.turns = append(p.turns, []float64{t})
	}
	return p
}

// TestRatio: against the best peer, by times and memory each, and no number without one.
func TestRatio(t *testing.T) {
	c := contest{name: "x", Entries: []entry{newEntry(took("Secateur", 30, 6, 60, 5)), newEntry(took("a", 100, 10, 100, 9)), newEntry(took("b", 60, 12, 110, 9))}}
	if c.ratio() != 0.6 || c.memory() != 0.5 {
		t.Errorf("ratios %g and %g, want 0.6 and 0.5", c.ratio(), c.memory())
	}
	if e := c.Entries[0]; e.Median != 6 || e.Best != 5 {
		t.Errorf("median %g and best %g, want 6 and 5", e.Median, e.Best)
	}
	alone := contest{Entries: c.Entries[:1]}
	if !math.IsNaN(alone.ratio()) || number(alone.ratio()) != "no peer" {
		t.Errorf("ratio %g without a peer", alone.ratio())
	}
}

// TestResults: what is saved is not measured again.
func TestResults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results")
	if have, err := readResults(file); err != nil || len(have) != 0 {
		t.Errorf("%v, %v, want nothing where there is no file", have, err)
	}
	for i := range 2 {
		c := contest{name: "work", spec: Spec{Threads: i + 1}, busy: 0.5, Entries: []entry{{Name: "Secateur", Median: float64(i), RSS: 7}}}
		if err := c.save(file); err != nil {
			t.Fatal(err)
		}
	}
	have, err := readResults(file)
	if err != nil || len(have) != 2 || have["work, 2 threads"].Busy != 0.5 || !reflect.DeepEqual(have["work, 2 threads"].Entries, []entry{{Name: "Secateur", Median: 1, RSS: 7}}) {
		t.Errorf("%v, %v", have, err)
	}
}

// TestBusy: idle and waiting for a disk are not in use.
func TestBusy(t *testing.T) {
	if used, total := parseStat("cpu  10 5 3 60 20 0 1 1 0 0\ncpu0 1"); used != 20 || total != 100 {
		t.Errorf("%g of %g, want 20 of 100", used, total)
	}
	if used, _ := parseStat(""); !math.IsNaN(used) {
		t.Errorf("%g of nothing", used)
	}
}

// TestContests: without peers ours is measured all the same, and a kind of peer meets its own work.
func TestContests(t *testing.T) {
	alone, all := contests(nil, "/x"), contests([]peer{{"torch", "2", "p"}, {"torch", "1", "q"}, {"openblas", "0.3", "p"}}, "/x")
	if len(alone) != len(all) {
		t.Fatalf("%d contests without peers, %d with", len(alone), len(all))
	}
	for i, c := range all {
		want := map[string]int{"step": 4, "infer": 0, "gemm": 1, "scaling": 1}[c.kind()]
		if len(c.peers) != want || len(alone[i].peers) != 0 && !c.scales {
			t.Errorf("%s: %d rivals, want %d", c.title(), len(c.peers), want)
		}
	}
}

// TestAbsent: who is not there is named, whatever else is.
func TestAbsent(t *testing.T) {
	if got := absent([]peer{{"torch", "2", "p"}, {"torch", "1", "q"}}); !slices.Equal(got, []string{"OpenBLAS", "onnxruntime"}) {
		t.Errorf("absent: %q, want OpenBLAS and onnxruntime", got)
	}
}

// TestGoals: a goal is a line with what was reached.
func TestGoals(t *testing.T) {
	var b strings.Builder
	var done []*contest
	for threads, ms := range []float64{1: 100, 2: 50} {
		if ms > 0 {
			done = append(done, &contest{name: "step resnet18, batch 8", spec: Spec{Work: "step", Threads: threads}, Entries: []entry{newEntry(took("Secateur", 1, ms)), newEntry(took("PyTorch", 4, 200))}})
		}
	}
	two := scaling("resnet18")
	two.Entries = []entry{newEntry(took("Secateur", 1, 100)), newEntry(took("Secateur on two threads", 1, 60))}
	done = append(done, two)
	reached(&b, done)
	tables(&b, done)
	for _, want := range []string{"one thread | ≤ 0.60 × PyTorch | 0.500 | reached |", "two threads | ≤ 0.60 × PyTorch | 0.250 | reached |",
		"≤ 0.30 × PyTorch | 0.250 | reached |", "≥ 1.85 | 1.667 | **missed** |", "| PyTorch | 200 |", "| Secateur on two threads | 60 |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// TestShareRows: a goal is reached in all rounds, in the quiet ones, or missed.
func TestShareRows(t *testing.T) {
	var b strings.Builder
	for _, c := range []struct{ all, quiet float64 }{{0.8, 0.96}, {0.8, 0.89}, {0.91, 0.96}, {0.8, 0}} {
		m := manyShares{}
		m.add(c.all, bench.Share{Quiet: c.quiet})
		m.row(&b, "tile", 90, bench.GeometricMean)
	}
	if want := "| tile | ≥ 90 % | 80 % (quiet: 96 %) | reached in quiet rounds |\n| tile | ≥ 90 % | 80 % (quiet: 89 %) | **missed** |\n" +
		"| tile | ≥ 90 % | 91 % (quiet: 96 %) | reached |\n| tile | ≥ 90 % | 80 % (never quiet) | **missed** |\n"; b.String() != want {
		t.Errorf("%s, want\n%s", b.String(), want)
	}
}
