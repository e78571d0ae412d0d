package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secateur/secateur/core/checkpoint"
)

// adaptation is a run that goes through every phase: head, tuning with early stopping, turns of
// pruning, final tuning.
func adaptation(dir string, more ...string) []string {
	fix := fixtures()
	return append([]string{"adapt", "--model", fix + "/tiny.onnx", "--data", fix + "/watched", "--epochs", "6", "--head-steps", "10",
		"--patience", "2", "--lr", "0.03", "--prune", "fisher", "--keep", "macs=0.6", "--turns", "2", "--turn-updates", "30", "--turn-lr", "0.1", "--final-epochs", "3", "--ema", "0.5", "--train-bn",
		"--run", filepath.Join(dir, "run"), "-o", filepath.Join(dir, "out.secateur"), "--json", "--quiet", "--threads", "2"}, more...)
}

// undisturbed runs an adaptation to its end and returns the folder.
func undisturbed(t *testing.T, more ...string) string {
	t.Helper()
	dir := t.TempDir()
	if o := secateur(context.Background(), adaptation(dir, more...)...); o.code != exitOK {
		t.Fatalf("exit code %d: %s", o.code, o.stderr)
	}
	return dir
}

// resume goes on with a stopped run to its end.
func resume(t *testing.T, dir string, more ...string) outcome {
	t.Helper()
	o := secateur(context.Background(), adaptation(dir, append(more, "--resume")...)...)
	if o.code != exitOK {
		t.Fatalf("resume: exit code %d: %s", o.code, o.stderr)
	}
	return o
}

// sameModel wants two model files with the same graph and the same bits in every tensor.
func sameModel(t testing.TB, a, b string) {
	t.Helper()
	fa, err := checkpoint.Read(a)
	must(err)
	fb, err := checkpoint.Read(b)
	must(err)
	if !bytes.Equal(fa.Body, fb.Body) {
		t.Errorf("%s and %s hold different graphs", a, b)
		return
	}
	differ := 0
	for i, x := range fa.Tensors {
		y := fb.Tensors[i]
		if x.Name != y.Name || !slices.Equal(x.Shape, y.Shape) || !slices.EqualFunc(x.F32, y.F32, sameBits) {
			differ++
		}
	}
	if differ > 0 || len(fa.Tensors) != len(fb.Tensors) {
		t.Errorf("%d of %d tensors of %s and %s differ", differ, len(fa.Tensors), a, b)
	}
}

func sameBits(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }

func out(dir string) string { return filepath.Join(dir, "out.secateur") }

// TestThreads: the number of threads changes no bit.
func TestThreads(t *testing.T) {
	one := undisturbed(t, "--threads", "1")
	for _, n := range []string{"2", "3"} {
		sameModel(t, out(one), out(undisturbed(t, "--threads", n)))
	}
}

// crash is a standard output that panics in the middle of its n-th line: the program stops there
// with nothing saved since.
type crash struct{ left int }

func (c *crash) Write(p []byte) (int, error) {
	if c.left--; c.left < 0 {
		panic(c)
	}
	return len(p), nil
}

// crashed runs an adaptation until its n-th event; it returns false when it ended before.
func crashed(dir string, n int, more ...string) (stopped bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(*crash); !ok {
				panic(p)
			}
			stopped = true
		}
	}()
	run(context.Background(), adaptation(dir, more...), &crash{n}, &buffer{})
	return false
}

// TestStoppedAtEvents stops a run at some of its events, before what led there is saved, and goes
// on: the model ends with the same bits.
func TestStoppedAtEvents(t *testing.T) {
	whole := undisturbed(t)
	step := 16
	if testing.Short() {
		step = 40
	}
	stops := 0
	for n := 0; ; n += step {
		dir := t.TempDir()
		if !crashed(dir, n) {
			break
		}
		stops++
		resume(t, dir)
		sameModel(t, out(whole), out(dir))
		if t.Failed() {
			t.Fatalf("stopped at event %d", n)
		}
	}
	if stops < 1 {
		t.Errorf("%d stops, want the events of a run", stops)
	}
}

// TestStoppedAgainAndAgain stops one run at every second event or later, until it is through.
func TestStoppedAgainAndAgain(t *testing.T) {
	whole, dir := undisturbed(t), t.TempDir()
	for n := 2; crashed(dir, n, "--resume"); n++ {
		if n > 40 {
			t.Fatal("the run makes no headway")
		}
	}
	sameModel(t, out(whole), out(dir))
}

// stopAt is a standard output that cancels the run at its n-th line.
type stopAt struct {
	buffer
	left   int
	cancel func()
}

func (s *stopAt) Write(p []byte) (int, error) {
	if s.left--; s.left == 0 {
		s.cancel()
	}
	return s.buffer.Write(p)
}

// cancelled runs an adaptation and cancels it at its n-th event.
func cancelled(t *testing.T, dir string, n int, more ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var talk buffer
	code := run(ctx, adaptation(dir, more...), &stopAt{left: n, cancel: cancel}, &talk)
	want := "secateur: error: interrupted\nhint: the run is kept in " + filepath.Join(dir, "run") + "; the same command with --resume goes on with it\n"
	if code != exitInterrupt || talk.String() != want {
		t.Fatalf("exit code %d, standard error %q, want %d and %q", code, talk.String(), exitInterrupt, want)
	}
	if _, err := os.Stat(out(dir)); err == nil {
		t.Fatalf("an interrupted run wrote a model")
	}
}

// TestResume covers the ways of going on with a run that was cancelled.
func TestResume(t *testing.T) {
	whole := undisturbed(t)
	dir := t.TempDir()
	cancelled(t, dir, 6)

	refused := func(want string, args ...string) {
		t.Helper()
		before := snapshot(t, dir)
		o := secateur(context.Background(), args...)
		if o.code != exitUsage || !strings.Contains(o.stderr, want) || isOneError(o.stderr) != nil {
			t.Errorf("exit code %d, %q; want %d and %q", o.code, o.stderr, exitUsage, want)
		}
		if after := snapshot(t, dir); len(after) != len(before) {
			t.Errorf("the refused run left %v of %v", after, before)
		}
	}
	refused("holds a run already: go on with --resume, or name another --run folder", adaptation(dir)...)
	refused("holds a run of another model, other options", adaptation(dir, "--resume", "--seed", "2")...)
	refused("holds a run of another model, other options", adaptation(dir, "--resume", "--model", fixtures()+"/line.secateur")...)

	cancelled(t, dir, 3, "--resume")
	resume(t, dir)
	sameModel(t, out(whole), out(dir))
	os.Remove(out(dir))
	resume(t, dir) // of a run that is done
	sameModel(t, out(whole), out(dir))
}

// TestResumeWithoutRun starts from the beginning, and says so.
func TestResumeWithoutRun(t *testing.T) {
	dir := t.TempDir()
	o := resume(t, dir)
	if !strings.Contains(o.stdout, `"event":"warning"`) || !strings.Contains(o.stdout, "holds no checkpoint: the run starts from the beginning") {
		t.Errorf("no warning in %s", o.stdout)
	}
}

// TestResumeAuto: what --train auto chose holds when the run goes on with a smaller network.
func TestResumeAuto(t *testing.T) {
	args := []string{"--train", "auto", "--memory-budget", "5MB", "--final-epochs", "2"}
	whole, dir := undisturbed(t, args...), t.TempDir()
	cancelled(t, dir, 9, args...)
	resume(t, dir, args...)
	sameModel(t, out(whole), out(dir))
}

func checkpoints(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "run", "run.*.ckpt"))
	must(err)
	return list
}

// TestDamagedCheckpoint: the generation before is used, with a warning, to the same end; when none
// is whole that is said and nothing is touched.
func TestDamagedCheckpoint(t *testing.T) {
	whole, dir := undisturbed(t), t.TempDir()
	cancelled(t, dir, 8)
	list := checkpoints(t, dir)
	if len(list) != 3 {
		t.Fatalf("generations %v, want 3", list)
	}
	newest := list[2]
	b := read(t, newest)
	write(t, newest, flipped(b, len(b)/2))
	o := resume(t, dir)
	if !strings.Contains(o.stdout, `"event":"warning"`) || !strings.Contains(o.stdout, filepath.Base(newest)) {
		t.Errorf("no warning about %s in %s", newest, o.stdout)
	}
	sameModel(t, out(whole), out(dir))

	os.Remove(out(dir))
	for _, path := range checkpoints(t, dir) {
		b := read(t, path)
		write(t, path, b[:len(b)-7])
	}
	before := snapshot(t, dir)
	o = secateur(context.Background(), adaptation(dir, "--resume")...)
	if o.code != exitFailure || isOneError(o.stderr) != nil || !regexp.MustCompile(`none of 3 generations in .*run is whole; the newest: .*cut short`).MatchString(o.stderr) {
		t.Errorf("exit code %d: %q", o.code, o.stderr)
	}
	if after := snapshot(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("files changed from %v to %v", before, after)
	}
}

// TestInterrupt: the signal of Ctrl-C ends the program with 130 and a line, and the run goes on.
func TestInterrupt(t *testing.T) {
	whole, dir := undisturbed(t), t.TempDir()
	c := exec.Command("secateur", adaptation(dir)...)
	var talk buffer
	c.Stderr = &talk
	must(c.Start())
	waitFor(t, filepath.Join(dir, "run", "run.000002.ckpt"))
	must(c.Process.Signal(syscall.SIGINT))
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitInterrupt || !strings.HasPrefix(talk.String(), "secateur: error: interrupted\nhint: the run is kept in ") {
		t.Errorf("exit code %d, standard error %q", code, talk.String())
	}
	resume(t, dir)
	sameModel(t, out(whole), out(dir))
}

// waitFor waits until a file exists.
func waitFor(t *testing.T, path string) {
	t.Helper()
	for range 3000 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s did not come", path)
}
