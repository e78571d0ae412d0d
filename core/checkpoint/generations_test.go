package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// numbered is a checkpoint that says which it is, of several write buffers.
func numbered(n int) *File {
	v := make([]float32, bufferBytes/2)
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
	left, other := tempName(g.path(7)), tempName(filepath.Join(g.Dir, "labels.txt"))
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

// stopped is what the process ends with in a simulated kill or power cut.
type stopped struct{}

// stopFS is a disk that stops the process before its step number left, counting down. With
// cut, power goes too: what was not synced is lost, contents and renames.
type stopFS struct {
	disk
	left    int
	cut     bool
	unsaved map[string]bool // files whose content is not synced
	undo    []func()        // takes renames back that are not synced
}

func (s *stopFS) step() {
	if s.left == 0 {
		if s.cut {
			s.cutPower()
		}
		panic(stopped{})
	}
	s.left--
}

func (s *stopFS) cutPower() {
	for path := range s.unsaved {
		if info, err := os.Stat(path); err == nil {
			os.Truncate(path, info.Size()/2)
		}
	}
	for i := len(s.undo) - 1; i >= 0; i-- {
		s.undo[i]()
	}
}

func (s *stopFS) Create(path string) (file, error) {
	s.step()
	s.unsaved[path] = true
	f, err := s.disk.Create(path)
	return &stopFile{f, s, path}, err
}

func (s *stopFS) Rename(from, to string) error {
	s.step()
	s.undo = append(s.undo, func() { os.Rename(to, from) })
	return s.disk.Rename(from, to)
}

// Remove lasts, synced or not: the worse of the two.
func (s *stopFS) Remove(path string) error {
	s.step()
	return s.disk.Remove(path)
}

func (s *stopFS) SyncDir(path string) error {
	s.step()
	s.undo = nil
	return s.disk.SyncDir(path)
}

type stopFile struct {
	file
	fs   *stopFS
	path string
}

// Write can be stopped before, in the middle and after.
func (f *stopFile) Write(b []byte) (int, error) {
	f.fs.step()
	n, err := f.file.Write(b[:len(b)/2])
	if err != nil {
		return n, err
	}
	f.fs.step()
	m, err := f.file.Write(b[n:])
	return n + m, err
}

func (f *stopFile) Sync() error {
	f.fs.step()
	delete(f.fs.unsaved, f.path)
	return f.file.Sync()
}

func (f *stopFile) Close() error {
	f.fs.step()
	return f.file.Close()
}

// saveUntil saves with a disk that stops at step n, and says whether it came to the end. If
// it did, the power goes right after.
func saveUntil(g Generations, n int, cut bool, f *File) (done bool, err error) {
	s := &stopFS{left: n, cut: cut, unsaved: map[string]bool{}}
	g.fs = s
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stopped); !ok {
				panic(r)
			}
		}
	}()
	err = g.Save(f)
	if cut {
		s.cutPower()
	}
	return true, err
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
type rotFS struct{ disk }

func (r rotFS) Rename(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(from, b, 0o600); err != nil {
		return err
	}
	return r.disk.Rename(from, to)
}
