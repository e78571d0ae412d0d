package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/checkpoint"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/tensor"
)

// hard makes what criteria have little or nothing to say about, in dir.
func hard(t *testing.T, dir string) {
	t.Helper()
	for _, class := range lineClasses {
		for part, n := range map[string]int{"one": 1, "missing": 10} {
			if part == "missing" && class == "nut" {
				continue
			}
			copyPictures(t, filepath.Join(dir, part, "train", class), fixtures()+"/line/train/"+class, n)
			copyPictures(t, filepath.Join(dir, part, "test", class), fixtures()+"/line/test/"+class, 6)
		}
	}
	dead := tinyNet(lineClasses)
	for i := range dead.Node("block.a.bias").Value {
		dead.Node("block.a.bias").Value[i] = -1000
	}
	must(checkpoint.SaveModel(filepath.Join(dir, "dead.secateur"), dead))
	must(checkpoint.SaveModel(filepath.Join(dir, "locked.secateur"), lockedNet()))
	nan := tinyNet(lineClasses)
	nan.Node("wide.weight").Value[7] = float32(math.NaN())
	must(checkpoint.SaveModel(filepath.Join(dir, "nan.secateur"), nan))
	for name, of := range map[string][2]string{"nan": {dir + "/nan.secateur", fixtures() + "/line"}, "locked": {dir + "/locked.secateur", fixtures() + "/line"},
		"dead": {dir + "/dead.secateur", fixtures() + "/line"}, "one": {fixtures() + "/line.secateur", dir + "/one"},
		"missing": {fixtures() + "/line.secateur", dir + "/missing"}} {
		write(t, filepath.Join(dir, name+".toml"), []byte(studyOf(of[0], of[1])))
	}
}

// studyOf is a study of one model and one data set.
func studyOf(model, set string) string {
	return fmt.Sprintf(`name = "hard"
seeds = 2
shots = [0]
selectors = ["random", "fisher-margin", "jmi"]
keep = ["macs=0.7"]
repairs = ["rebuild"]
[[model]]
name = "model"
file = %q
pretrained = true
[[data]]
name = "set"
dir = %q
`, model, set)
}

// copyPictures copies the first n of a folder.
func copyPictures(t *testing.T, to, from string, n int) {
	t.Helper()
	must(os.MkdirAll(to, 0o755))
	files, err := os.ReadDir(from)
	must(err)
	for _, f := range files[:n] {
		write(t, filepath.Join(to, f.Name()), read(t, filepath.Join(from, f.Name())))
	}
}

// lockedNet classifies by the mean colour: it has no filter.
func lockedNet() *graph.Graph {
	g := graph.New()
	x := g.Leaf("input", graph.Input, tensor.Shape{1, 16, 16, 3}, nil)
	x = g.Add("features", op.Reshape{Dims: []int{3}}, g.Add("pool", op.GlobalAveragePool{}, x))
	g.Outputs = []*graph.Node{g.Add("scores", op.Gemm{}, x, normal(g, "fc.weight", tensor.Shape{3, 3}, 0.1), vector(g, "fc.bias", graph.Param, 3, 0))}
	g.SetLabels(lineClasses)
	return g
}

// TestHardCases: what criteria cannot judge is said.
func TestHardCases(t *testing.T) {
	t.Setenv("SECATEUR_THREADS", "1")
	dir := t.TempDir()
	hard(t, dir)
	adapt := "adapt --epochs 1 --head-steps 2 --turns 1 --final-epochs 1 -o DIR/out.secateur "
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"prune --prune fisher --keep macs=0.7 --data DIR/one --model FIX/line.secateur -o DIR/out.secateur", 0, `caution: one image of a class`},
		{"prune --prune jmi --data DIR/one --model FIX/line.secateur -o DIR/out.secateur", 1, `jmi of .*: 3 images of 3 classes: it compares classes`},
		{"prune --prune fusion --data DIR/one --model FIX/line.secateur -o DIR/out.secateur", 1, `3 images of 3 classes: it compares classes`},
		{"prune --prune fisher --keep macs=0.7 --data DIR/missing --model FIX/line.secateur -o DIR/out.secateur", 0, `caution: class "nut" has no image`},
		{"prune --prune fisher --data FIX/line --model DIR/nan.secateur -o DIR/out.secateur", 1, `wide\.weight holds NaN`},
		{"prune --prune fisher --keep macs=0.7 --data FIX/line --model DIR/dead.secateur -o DIR/out.secateur", 0, `caution: block\.a is dead`},
		{"prune --prune l1 --model DIR/locked.secateur -o DIR/out.secateur", 1, `no filter of this model may be pruned`},
		{"prune --prune fisher --data FIX/line --model DIR/locked.secateur -o DIR/out.secateur", 1, `no filter of this model may be pruned`},
		{adapt + "--prune fisher --keep macs=0.8 --data DIR/one --model FIX/line.secateur", 0, `one image of a class`},
		{adapt + "--prune jmi --keep macs=0.8 --data DIR/one --model FIX/line.secateur", 1, `3 images of 3 classes: it compares classes`},
		{adapt + "--prune fisher --keep macs=0.8 --data DIR/missing --model FIX/line.secateur", 0, `of 2 classes`},
		{adapt + "--prune fisher --data FIX/line --model DIR/nan.secateur", 1, `wide\.weight holds NaN`},
		{adapt + "--prune fisher --keep macs=0.8 --data FIX/line --model DIR/dead.secateur", 0, `block\.a is dead`},
		{adapt + "--prune fisher --data FIX/line --model DIR/locked.secateur", 1, `no filter of this model may be pruned`},
		{adapt + "--prune l1 --data FIX/line --model DIR/locked.secateur", 1, `no filter of this model may be pruned`},
		{adapt + "--prune fisher --keep macs=0.8 --data DIR/one --model FIX/line.secateur --run DIR/run-one", 0, `one image of a class`},
		{"explain --run DIR/run-one -o DIR/one.html --cards 3", 0, `one\.html written`},
		{adapt + "--prune fisher --keep macs=0.8 --data FIX/line --model DIR/dead.secateur --run DIR/run-dead", 0, `block\.a is dead`},
		{"explain --run DIR/run-dead -o DIR/dead.html --cards 3", 0, `dead\.html written`},
		{adapt + "--prune fisher --keep macs=0.8 --data DIR/missing --model FIX/line.secateur --run DIR/run-missing", 0, `of 2 classes`},
		{"explain --run DIR/run-missing -o DIR/missing.html --cards 3", 0, `missing\.html written`},
		{"study --config DIR/nan.toml -o DIR/study-nan", 1, `value 7 of wide\.weight is NaN: the model is damaged`},
		{"study --config DIR/locked.toml -o DIR/study-locked", 1, `no filter of this model may be pruned`},
		{"study --config DIR/dead.toml -o DIR/study-dead", 0, `block\.a is dead`},
		{"study --config DIR/one.toml -o DIR/study-one", 0, `skipped: jmi of .*: 3 images of 3 classes: it compares classes`},
		{"study --config DIR/missing.toml -o DIR/study-missing", 0, `class "nut" has no image`},
	} {
		t.Run(c.args, func(t *testing.T) {
			line := strings.NewReplacer("DIR", dir, "FIX", fixtures()).Replace(c.args)
			o := secateur(context.Background(), strings.Fields(line)...)
			if o.code != c.code {
				t.Errorf("exit code %d, want %d", o.code, c.code)
			}
			if !regexp.MustCompile(c.want).MatchString(o.stderr) {
				t.Errorf("standard error %q, want %s", o.stderr, c.want)
			}
			if strings.Contains(o.stdout+o.stderr, "NaN") && c.code == 0 {
				t.Errorf("NaN in %q", o.stdout)
			}
		})
	}
}

// TestExplainDamaged spoils the files of a run one by one: the page that was there stays.
func TestExplainDamaged(t *testing.T) {
	t.Setenv("SECATEUR_THREADS", "1")
	dir := t.TempDir()
	run := filepath.Join(dir, "run")
	adapt := secateur(context.Background(), "adapt", "--epochs", "1", "--head-steps", "2", "--turns", "1", "--final-epochs", "1", "--prune", "fisher",
		"--keep", "macs=0.8", "--data", fixtures()+"/line", "--model", fixtures()+"/line.secateur", "--run", run, "-o", filepath.Join(dir, "out.secateur"))
	if adapt.code != 0 {
		t.Fatal(adapt.stderr)
	}
	page := filepath.Join(dir, "why.html")
	for file, code := range map[string]int{"dense.secateur": 1, "run.json": 2} { // a folder that holds no run is a usage error
		whole := read(t, filepath.Join(run, file))
		for name, spoilt := range map[string][]byte{"cut short": whole[:len(whole)-50], "of zeros": make([]byte, len(whole)), "empty": {}} {
			t.Run(file+" "+name, func(t *testing.T) {
				write(t, page, []byte("an earlier page"))
				write(t, filepath.Join(run, file), spoilt)
				o := secateur(context.Background(), "explain", "--run", run, "-o", page, "--cards", "2")
				if o.code != code || !strings.Contains(o.stderr, file) || strings.Count(o.stderr, "error:") != 1 {
					t.Errorf("exit code %d, standard error %q: want %d and the file's name", o.code, o.stderr, code)
				}
				if string(read(t, page)) != "an earlier page" {
					t.Error("the page that was there is gone")
				}
			})
		}
		write(t, filepath.Join(run, file), whole)
	}
}
