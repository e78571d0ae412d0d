package line

import (
	"crypto/sha256"
	"errors"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	l := Target()
	l.Camera.Width, l.Camera.Height = 40, 32
	dir := filepath.Join(t.TempDir(), "data")
	if err := l.Write(dir, map[string]int{"train": 3, "test": 2}, 4); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*", "*.png"))
	if len(files) != 6*5 {
		t.Fatalf("%d files, want 6 classes × (3 + 2)", len(files))
	}
	seen := map[[32]byte]string{}
	for _, f := range files {
		img := load(t, f)
		if b := img.Bounds(); b.Dx() != 40 || b.Dy() != 32 {
			t.Errorf("%s is %v, want 40×32", f, b)
		}
		if img.ColorModel() != color.RGBAModel {
			t.Errorf("%s has an alpha channel", f)
		}
		raw, _ := os.ReadFile(f)
		sum := sha256.Sum256(raw)
		if seen[sum] != "" {
			t.Errorf("%s and %s are the same picture", f, seen[sum])
		}
		seen[sum] = f
	}
	top, _ := os.ReadDir(dir)
	if len(top) != 2 || top[0].Name() != "test" || top[1].Name() != "train" {
		t.Errorf("folder holds %v, want test and train", top)
	}
}

// TestWriteSharesNoSpecimen: nobody can learn a class from a pose that another class has too.
func TestWriteSharesNoSpecimen(t *testing.T) {
	shots, err := Source().plan(t.TempDir(), map[string]int{"train": 2, "val": 2, "test": 2})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]bool{}
	for _, s := range shots {
		if seen[s.index] {
			t.Errorf("%s shows specimen %d again", s.file, s.index)
		}
		seen[s.index] = true
	}
	if len(shots) != 24*6 {
		t.Errorf("%d pictures, want 24 classes × 6", len(shots))
	}
}

func TestWriteRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.MkdirAll(filepath.Join(full, "train", "ok"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		dir   string
		split map[string]int
		want  string
	}{
		{t.TempDir(), map[string]int{"training": 1}, `split "training", want one of`},
		{t.TempDir(), map[string]int{"train": 0}, "0 images a class"},
		{full, map[string]int{"train": 1}, "want an empty folder or none"},
		{file, map[string]int{"train": 1}, "not a directory"},
	}
	for _, c := range cases {
		err := Target().Write(c.dir, c.split, 1)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("split %v: error %v, want one with %q", c.split, err, c.want)
		}
	}
}

// TestEachStops: the first failure is returned and ends the work.
func TestEachStops(t *testing.T) {
	bad := errors.New("bad")
	err := each(1000, func(i int) error {
		if i == 3 {
			return bad
		}
		return nil
	})
	if !errors.Is(err, bad) {
		t.Errorf("error %v, want %v", err, bad)
	}
}
