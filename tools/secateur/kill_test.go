package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/secateur/secateur/core/study"
)

// TestKill sends SIGKILL to an adaptation at random moments, several times in one run, and goes on
// each time: the model ends with the bits of an undisturbed run.
func TestKill(t *testing.T) {
	kills := 6
	if testing.Short() {
		kills = 2
	}
	killed(t, kills, adaptation)
}

// TestKillCampaign does the same to ResNet-20 on real pictures, SECATEUR_KILL_CAMPAIGN kills in all.
func TestKillCampaign(t *testing.T) {
	kills, err := strconv.Atoi(os.Getenv("SECATEUR_KILL_CAMPAIGN"))
	if err != nil {
		t.Skip("a campaign of minutes: SECATEUR_KILL_CAMPAIGN=10 runs it")
	}
	data := os.Getenv("SECATEUR_TESTDATA")
	if data == "" {
		data = "../../../shared/data"
	}
	model := filepath.Join(data, "model-resnet20-cifar10", "resnet20_cifar10.onnx")
	if _, err := os.Stat(model); err != nil {
		t.Skipf("%v: set SECATEUR_TESTDATA to the folder of the real data sets", err)
	}
	killed(t, kills, func(dir string, more ...string) []string {
		return append([]string{"adapt", "--model", model, "--data", filepath.Join(data, "cifar10-jpeg-mini"), "--shots", "30",
			"--epochs", "4", "--prune", "fisher", "--keep", "macs=0.6", "--turns", "4", "--final-epochs", "4",
			"--run", filepath.Join(dir, "run"), "-o", out(dir), "--quiet"}, more...)
	})
}

// killed compares a run that is killed that often with an undisturbed one.
func killed(t *testing.T, kills int, args func(dir string, more ...string) []string) {
	whole, dir := t.TempDir(), t.TempDir()
	began := time.Now()
	if b, err := exec.Command("secateur", args(whole)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	length := time.Since(began)
	done := false
	for i := 0; !done; i++ {
		ctx, cancel := context.WithCancel(context.Background())
		if i < kills {
			ctx, cancel = context.WithTimeout(context.Background(), time.Duration(rand.Float64()*float64(length)/2))
		}
		c := exec.CommandContext(ctx, "secateur", args(dir, "--resume")...)
		b, err := c.CombinedOutput()
		done = err == nil
		if !done && ctx.Err() == nil {
			t.Fatalf("after %d kills: %v: %s", i, err, b)
		}
		cancel()
		t.Logf("start %d: done %v, %d checkpoints", i+1, done, len(checkpoints(t, dir)))
		if done && i < kills && i > 0 {
			os.RemoveAll(filepath.Join(dir, "run")) // done early: begin another run, until all kills are used
			sameModel(t, out(whole), out(dir))
			done = false
		}
	}
	sameModel(t, out(whole), out(dir))
}

// TestKillStudy sends SIGKILL to a study at random moments and goes on each time: its results are those of an undisturbed one.
func TestKillStudy(t *testing.T) {
	kills := 4
	if testing.Short() {
		kills = 2
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "study.toml")
	text := fmt.Sprintf(`seeds = 2
shots = [3]
selectors = ["random", "fisher"]
keep = ["macs=0.7"]
tuning = ["none", "full"]
controls = ["ablate-and-restore"]
epochs = 1
turns = 2
updates = 2
final = 1
[[model]]
name = "tiny"
file = %q
[[data]]
name = "line"
dir = %q
`, filepath.Join(fixtures(), "tiny.secateur"), filepath.Join(fixtures(), "line"))
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	study := func(ctx context.Context, out string) error {
		return exec.CommandContext(ctx, "secateur", "study", "--config", config, "-o", filepath.Join(dir, out), "--threads", "2", "--quiet").Run()
	}
	began := time.Now()
	if err := study(context.Background(), "whole"); err != nil {
		t.Fatal(err)
	}
	length := time.Since(began)
	for i := range kills {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rand.Float64()*float64(length)/2))
		t.Logf("start %d: %v", i+1, study(ctx, "killed"))
		cancel()
	}
	if err := study(context.Background(), "killed"); err != nil {
		t.Fatal(err)
	}
	if got, want := studyResults(t, filepath.Join(dir, "killed")), studyResults(t, filepath.Join(dir, "whole")); !slices.Equal(got, want) {
		t.Errorf("after %d kills the results are\n%s\nwant\n%s", kills, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// studyResults are the results of a folder in order, without the time they took.
func studyResults(t *testing.T, dir string) []string {
	t.Helper()
	list, err := study.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range list {
		r.Seconds = 0
		out = append(out, fmt.Sprintf("%+v", r))
	}
	slices.Sort(out)
	return out
}
