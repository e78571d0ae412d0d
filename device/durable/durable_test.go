package durable_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/device/durable/durabletest"
)

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	for _, want := range []string{"old", "new", ""} {
		if err := durable.Write(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		durabletest.WantFiles(t, filepath.Dir(path), map[string]string{"x": want})
	}
}

// TestStopAtEveryStep stops a write at each of its steps, by a kill and by a power cut: the file holds the old
// content or the new one, never a part.
func TestStopAtEveryStep(t *testing.T) {
	for _, cut := range []bool{false, true} {
		steps := 0
		for done := false; !done; steps++ {
			path := filepath.Join(t.TempDir(), "x")
			if err := durable.Write(path, []byte("old")); err != nil {
				t.Fatal(err)
			}
			var err error
			done, err = durabletest.Until(steps, cut, func(fs durable.FS) error { return durable.Stream(fs, path, fillNew) })
			if err != nil {
				t.Fatal(err)
			}
			got, _ := os.ReadFile(path)
			if s := string(got); s != "new" && (done || s != "old") {
				t.Errorf("cut %v, step %d: the file holds %q", cut, steps, got)
			}
		}
		if steps < 6 {
			t.Errorf("only %d steps were stopped", steps)
		}
	}
}

func TestFailedStepLeavesTheOldFile(t *testing.T) {
	for _, step := range []string{durable.StepCreate, durable.StepWrite, durable.StepSync, durable.StepRename} {
		path := filepath.Join(t.TempDir(), "x")
		if err := durable.Write(path, []byte("old")); err != nil {
			t.Fatal(err)
		}
		err := durable.Stream(durabletest.Fail{Step: step, Err: syscall.EIO}, path, fillNew)
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: error %v, want EIO", step, err)
		}
		durabletest.WantFiles(t, filepath.Dir(path), map[string]string{"x": "old"})
	}
}

func fillNew(w io.Writer) error {
	_, err := io.WriteString(w, "new")
	return err
}
