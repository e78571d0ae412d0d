package study

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/internal/toy"
	"github.com/secateur/secateur/kernels"
)

// small is a study of a small network on small pictures, two draws of two images a class.
const small = `
name = "small"
seeds = 2
shots = [3]
selectors = ["random", "fisher", "mi", "bn-scale"]
keep = ["macs=0.6"]
repairs = ["none", "rebuild"]
multiple = 1
[[model]]
name = "toy"
file = "toy.secateur"
pretrained = true
[[data]]
name = "pictures"
dir = "pictures"
`

// folder writes the files of the study and returns where its TOML file lies.
func folder(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := checkpoint.SaveModel(filepath.Join(dir, "toy.secateur"), toy.SmallNet(toy.Classes...)); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"train", "test"} {
		from := toy.Pictures(t, toy.Folder(t, part), 6, 40)
		for _, s := range from {
			to := filepath.Join(dir, "pictures", part, toy.Classes[s.Class], s.Name)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(s.Path, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	path := filepath.Join(dir, "study.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRun: every arm of every draw has one result, an undefined criterion says why, aloud too, equal widths have equal costs, and
// a second run finds nothing to do, also after a power cut in the middle of a line.
func TestRun(t *testing.T) {
	path := folder(t, small)
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(filepath.Dir(path), "out")
	said := run(t, c, dir)
	results, err := OpenResults(dir)
	if err != nil {
		t.Fatal(err)
	}
	macs, skipped := map[[2]int64]bool{}, 0
	for _, r := range results.All() {
		switch {
		case r.Skipped != "":
			skipped++
		case r.Selector != dense:
			macs[[2]int64{int64(r.Seed), r.MACs}] = true
		}
		if r.Skipped == "" && (r.Images != 18 || r.Accuracy < 0 || r.Accuracy > 100) {
			t.Errorf("%+v", r)
		}
	}
	if n := len(results.All()); n != 2*(1+4*2) || len(macs) != 2 || skipped != 2*2 || said != n {
		t.Errorf("%d results, %d said, %d widths, %d skipped", n, said, len(macs), skipped)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "results.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "results.jsonl"), whole[:len(whole)-20], 0o644); err != nil {
		t.Fatal(err)
	}
	if again := run(t, c, dir); again > 1 {
		t.Errorf("%d runs again, want the torn one alone", again)
	}
	table, err := os.ReadFile(filepath.Join(dir, "results.csv"))
	if err != nil || strings.Count(string(table), "\n") != 1+2*(1+4*2) {
		t.Errorf("results.csv has %d lines, %v", strings.Count(string(table), "\n"), err)
	}
}

func run(t *testing.T, c *Config, dir string) (said int) {
	t.Helper()
	r, err := OpenResults(dir)
	if err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	if err := Run(context.Background(), c, kernels.Best(), 2, r, func(s string) { lines <- s }); err != nil {
		t.Fatal(err)
	}
	return len(lines)
}

// TestLoadRefuses: errors name the line or what was wanted.
func TestLoadRefuses(t *testing.T) {
	for _, test := range []struct{ from, to, want string }{
		{"seeds = 2", "sedes = 2", "line 3: sedes is no setting"},
		{"seeds = 2", "seeds = ", "line 3"},
		{`"fisher"`, `"fishing"`, `criterion "fishing" is not known`},
		{"macs=0.6", "macs=much", `budget "macs=much"`},
		{`repairs = ["none"`, `repairs = ["glue"`, `repair "glue" is not known, want one of none, norm, rebuild`},
		{`file = "toy.secateur"`, ``, "has no name or file"},
		{"seeds = 2", `controls = ["restore"]`, `control "restore" is not known, want one of equal-updates, ablate-and-restore`},
		{"[[data]]", "sets = [\"other\"]\n[[data]]", `wants data set "other"`},
	} {
		path := filepath.Join(t.TempDir(), "study.toml")
		text := strings.Replace(small, test.from, test.to, 1)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", fmt.Sprint(test.to), err, test.want)
		}
	}
}

// tuned is a study that trains after the cut, with its controls.
var tuned = strings.NewReplacer(`pretrained = true`, ``, `repairs = ["none", "rebuild"]`, `tuning = ["none", "after", "full"]
controls = ["equal-updates", "ablate-and-restore"]
epochs = 2
turns = 2
updates = 2
final = 1`, `"fisher", "mi", "bn-scale"`, `"l1"`).Replace(small)

// TestTuned: selectors of one draw end at the same widths however they are trained, controls end whole after as many updates as
// the loop, and what was removed is known for all but the controls.
func TestTuned(t *testing.T) {
	path := folder(t, tuned)
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(filepath.Dir(path), "out")
	if n := run(t, c, dir); n != 2*(1+2+2*(2+2)) {
		t.Errorf("%d runs", n)
	}
	results, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	widths, updates := map[string]int64{}, map[string]int{}
	for _, r := range results {
		if r.Selector == dense {
			continue
		}
		whole := isControl(r.Selector)
		if whole == (len(r.Removed) > 0) {
			t.Errorf("%s, %s: %d filters removed", r.Selector, r.Tuning, len(r.Removed))
		}
		k := fmt.Sprint(r.Seed, r.Tuning)
		if whole {
			k += " whole"
		} else if n, ok := updates[k]; ok && n != r.Updates || (r.Tuning == "none") != (r.Updates == 0) {
			t.Errorf("%s, %s: %d updates, another has %d", r.Selector, r.Tuning, r.Updates, n)
		}
		if w, ok := widths[k]; ok && w != r.MACs {
			t.Errorf("%s, %s: %d MACs, another has %d", r.Selector, r.Tuning, r.MACs, w)
		}
		widths[k], updates[k] = r.MACs, r.Updates
	}
	for k, n := range updates {
		if w, ok := updates[k+" whole"]; ok && (w != n || widths[k+" whole"] <= widths[k]) {
			t.Errorf("%s: controls took %d updates and have %d MACs, the loop %d and %d", k, w, widths[k+" whole"], n, widths[k])
		}
	}
}

// TestCancelled: a study that is interrupted has all its results, and goes on with the dense networks it has trained.
func TestCancelled(t *testing.T) {
	path := folder(t, tuned)
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(filepath.Dir(path), "out")
	r, err := OpenResults(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := 0
	if err := Run(ctx, c, kernels.Best(), 1, r, func(string) {
		if done++; done == 3 {
			cancel()
		}
	}); !cancelled(err) {
		t.Errorf("error %v, want that it was cancelled", err)
	}
	if n := len(r.All()); n != 3 {
		t.Errorf("%d results", n)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "dense", "*.secateur"))
	if err != nil || len(kept) != 1 {
		t.Errorf("dense networks %v, %v", kept, err)
	}
	if n := run(t, c, dir); n != 2*(1+2+2*(2+2))-3 {
		t.Errorf("%d runs after the interruption", n)
	}
}

// TestShipped: every study that is shipped is one.
func TestShipped(t *testing.T) {
	files, err := filepath.Glob("../../tools/study/*.toml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if _, err := Load(f); err != nil {
			t.Error(err)
		}
	}
}
