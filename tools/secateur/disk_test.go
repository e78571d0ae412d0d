package main

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// onDisk runs the program with DISK a file system of its own: 64 KiB, into which prepare, a shell
// script, has put something. It returns what was left there beside the outcome. The mount lives
// in a name space that ends with the program.
func onDisk(t *testing.T, prepare string, args ...string) (o outcome, left string) {
	t.Helper()
	disk := t.TempDir()
	const script = `set -e; disk=$1; prepare=$2; shift 2
mount -t tmpfs -o size=64k none "$disk"; cd "$disk"; echo earlier >"$disk/earlier"; eval "$prepare"
set +e; secateur "$@"; code=$?
cat "$disk/earlier" >&3; ls -A "$disk" >&3; exit $code`
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "DISK", disk)
	}
	c := exec.Command("unshare", append([]string{"-rm", "sh", "-c", "exec 3>" + disk + ".left; " + script, "sh", disk, prepare}, args...)...)
	var stdout, stderr strings.Builder
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}, string(read(t, disk+".left"))
}

// needDisk skips where a test may not mount.
func needDisk(t *testing.T) {
	t.Helper()
	if b, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "none", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("no file system of its own for this test: unshare -rm mount: %v %s", err, b)
	}
}

// TestFullDisk: exit code 5, one line and a hint, what was there is untouched, and nothing is left
// half-written.
func TestFullDisk(t *testing.T) {
	needDisk(t)
	fix := fixtures()
	adapt := []string{"adapt", "--model", fix + "/tiny.onnx", "--data", fix + "/line", "--epochs", "1", "--head-steps", "2", "--quiet"}
	const fill = "dd if=/dev/zero of=rest bs=1k count=1000 2>/dev/null || true"
	for name, c := range map[string]struct {
		prepare string
		args    []string
		left    string
	}{
		"adapt":         {"", append(adapt[:len(adapt):len(adapt)], "-o", "DISK/earlier"), ""},
		"report":        {fill, append(adapt[:len(adapt):len(adapt)], "-o", t.TempDir()+"/o", "--report", "DISK/earlier"), "rest "},
		"run":           {"", append(adapt[:len(adapt):len(adapt)], "-o", t.TempDir()+"/o", "--run", "DISK"), "events.jsonl metrics.csv run.json "},
		"run from full": {fill, append(adapt[:len(adapt):len(adapt)], "-o", t.TempDir()+"/o", "--run", "DISK"), "events.jsonl metrics.csv rest "},
		"import":        {"", []string{"import", fix + "/tiny.onnx", "-o", "DISK/earlier"}, ""},
		"export":        {"", []string{"export", fix + "/tiny.secateur", "-o", "DISK/earlier"}, ""},
		"prune":         {"", []string{"prune", "--model", fix + "/line.secateur", "--prune", "l1", "--keep", "macs=0.9", "-o", "DISK/earlier"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, left := onDisk(t, c.prepare, c.args...)
			if o.code != exitResource || isOneError(o.stderr) != nil || !strings.Contains(o.stderr, "no space left on device\nhint: free some space") {
				t.Errorf("exit code %d, standard error %q, want %d and no space left", o.code, o.stderr, exitResource)
			}
			if want := "earlier\nearlier\n" + strings.ReplaceAll(c.left, " ", "\n"); left != want {
				t.Errorf("on the disk is %q, want %q", left, want)
			}
		})
	}
}

// TestReadOnlyFolder: exit code 1, one line and a hint, before any work is done.
func TestReadOnlyFolder(t *testing.T) {
	needDisk(t)
	fix := fixtures()
	adapt := []string{"adapt", "--model", fix + "/tiny.onnx", "--data", fix + "/line", "--quiet", "--epochs", "1"}
	for name, args := range map[string][]string{
		"adapt":  append(adapt[:len(adapt):len(adapt)], "-o", "DISK/earlier"),
		"report": append(adapt[:len(adapt):len(adapt)], "-o", t.TempDir()+"/o", "--report", "DISK/earlier"),
		"run":    append(adapt[:len(adapt):len(adapt)], "-o", t.TempDir()+"/o", "--run", "DISK/run"),
		"import": {"import", fix + "/tiny.onnx", "-o", "DISK/earlier"},
		"export": {"export", fix + "/tiny.secateur", "-o", "DISK/earlier"},
		"prune":  {"prune", "--model", fix + "/line.secateur", "--prune", "l1", "-o", "DISK/earlier"},
		"demo":   {"demo", "--out", "DISK/demo"},
	} {
		t.Run(name, func(t *testing.T) {
			o, left := onDisk(t, `mount -o remount,ro "$disk"`, args...)
			if o.code != exitFailure || isOneError(o.stderr) != nil || !strings.Contains(o.stderr, "read-only file system\nhint: choose a folder that can be written") {
				t.Errorf("exit code %d, standard error %q, want %d and read-only file system", o.code, o.stderr, exitFailure)
			}
			if o.stdout != "" || left != "earlier\nearlier\n" {
				t.Errorf("standard output %q, on the disk %q", o.stdout, left)
			}
		})
	}
}
