package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/device/durable/durabletest"
)

// numbered is a checkpoint that says which it is, of several write buffers.
func numbered(n int) *File {
	v := make([]float32, durable.BufferBytes/2)
	for i := range v {
		v[i] = float32(n)
	}
	return &File{Kind: "n", Meta: map[string]string{"n": fmt.Sprint(n)}, Tensors: []Tensor{{Name: "v", Shape: []int{len(v)}, F32: v}}}
}

func save(t *testing.T, g *Generations, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		if err := g.Save(numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
}

func wantLoad(t *testing.T, g *Generations, n string, warnings int) {
	t.Helper()
	f, path, warned, err := g.Load()
	if err != nil {
		t.Error(err)
		return
	}
	if f.Meta["n"] != n || len(warned) != warnings {
		t.Errorf("loaded %s from %s with warnings %q, want %s with %d", f.Meta["n"], path, warned, n, warnings)
	}
}

func TestGenerationsKeepTheNewest(t *testing.T) {
	g := &Generations{Dir: t.TempDir(), Base: "train"}
	save(t, g, 1, 5)
	for n, want := range map[int]bool{1: false, 2: false, 3: true, 4: true, 5: true} {
		_, err := os.Stat(filepath.Join(g.Dir, fmt.Sprintf("train.%06d.ckpt", n)))
		if (err == nil) != want {
			t.Errorf("generation %d: %v, want there %v", n, err, want)
		}
	}
	wantLoad(t, g, "5", 0)
}

func TestGenerationsIgnoreOtherFiles(t *testing.T) {
	g := &Generations{Dir: t.TempDir(), Base: "train"}
	for _, name := range []string{"train.ckpt", "train.7.ckpt", "train.-00001.ckpt", "train.+00009.ckpt", "other.000009.ckpt",
		"train.000009.ckpt.bak", "train.99999999999999999999.ckpt"} {
		if err := os.WriteFile(filepath.Join(g.Dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, _, err := g.Load(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want ErrNotExist", err)
	}
	save(t, g, 1, 2)
	wantLoad(t, g, "2", 0)
}

func TestLoadFallsBack(t *testing.T) {
	g := &Generations{Dir: t.TempDir(), Base: "train"}
	save(t, g, 1, 3)
	if err := os.Truncate(g.path(3), 100); err != nil {
		t.Fatal(err)
	}
	wantLoad(t, g, "2", 1)
	b, err := os.ReadFile(g.path(2))
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(g.path(2), b, 0o600); err != nil {
		t.Fatal(err)
	}
	wantLoad(t, g, "1", 2)
	_, path, warnings, err := g.Load()
	if err != nil || path != g.path(1) {
		t.Fatalf("loaded %s, %v", path, err)
	}
	wantWarning(t, warnings[0], g.path(3)+" is damaged: length: file has 100 bytes of")
	wantWarning(t, warnings[1], g.path(2)+` is damaged: tensor "v": crc32c differs`)
	if err := os.Remove(g.path(1)); err != nil {
		t.Fatal(err)
	}
	_, _, _, err = g.Load()
	wantError(t, err, "none of 2 generations in "+g.Dir+" is whole; the newest: checkpoint "+g.path(3))
	save(t, g, 4, 4)
	wantLoad(t, g, "4", 0)
}

func wantWarning(t *testing.T, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("warning %q, want %q in it", got, want)
	}
}

func TestSaveSweepsItsOwnTemporaryFiles(t *testing.T) {
	g := &Generations{Dir: t.TempDir(), Base: "train"}
	left, other := filepath.Join(g.Dir, ".train.000007.ckpt.0123456789abcdef.tmp"), filepath.Join(g.Dir, ".labels.txt.0123456789abcdef.tmp")
	for _, path := range []string{left, other} {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save(t, g, 1, 1)
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there", left)
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
}

// saveUntil saves with a disk that stops at step n, and says whether it came to the end.
func saveUntil(g Generations, n int, cut bool, f *File) (done bool, err error) {
	return durabletest.Until(n, cut, func(fs durable.FS) error {
		g.fs = fs
		return g.Save(f)
	})
}

// TestStopAtEveryStep stops the fifth save at each step: the fourth or the fifth is loaded,
// without a warning, and the next save works.
func TestStopAtEveryStep(t *testing.T) {
	for _, cut := range []bool{false, true} {
		steps := 0
		for done := false; !done; steps++ {
			g := &Generations{Dir: t.TempDir(), Base: "train"}
			save(t, g, 1, 4)
			var err error
			if done, err = saveUntil(*g, steps, cut, numbered(5)); err != nil {
				t.Fatal(err)
			}
			f, _, warnings, err := g.Load()
			if err != nil || len(warnings) > 0 {
				t.Fatalf("cut %v, step %d: warnings %q, %v", cut, steps, warnings, err)
			}
			if n := f.Meta["n"]; n != "5" && (done || n != "4") {
				t.Errorf("cut %v, step %d: loaded %s", cut, steps, n)
			}
			save(t, g, 6, 6)
			wantLoad(t, g, "6", 0)
			if names, _ := filepath.Glob(filepath.Join(g.Dir, "*")); len(names) != 3 {
				t.Errorf("cut %v, step %d: %q are left, want three generations", cut, steps, names)
			}
			if hidden, _ := filepath.Glob(filepath.Join(g.Dir, ".*")); len(hidden) != 0 {
				t.Errorf("cut %v, step %d: %q are left", cut, steps, hidden)
			}
		}
		if steps < 10 {
			t.Errorf("only %d steps were stopped", steps)
		}
	}
}

// TestSaveReadsBack: a file that comes out wrong is an error and leaves the others.
func TestSaveReadsBack(t *testing.T) {
	g := &Generations{Dir: t.TempDir(), Base: "train"}
	save(t, g, 1, 3)
	g.fs = rotFS{}
	err := g.Save(numbered(4))
	wantError(t, err, "read back what was written: checkpoint "+g.path(4)+" is damaged")
	wantLoad(t, g, "3", 0)
	if _, err := os.Stat(g.path(1)); err != nil {
		t.Error("a failed save removed an old generation: ", err)
	}
}

// rotFS is a disk that forgets a bit of what was written.
type rotFS struct{ durable.Disk }

func (r rotFS) Rename(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(from, b, 0o600); err != nil {
		return err
	}
	return r.Disk.Rename(from, to)
}
