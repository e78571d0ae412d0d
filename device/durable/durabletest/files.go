package durabletest

import (
	"os"
	"path/filepath"
	"testing"
)

// WantFiles wants exactly these files with these contents in dir.
func WantFiles(t testing.TB, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, _ := os.ReadFile(filepath.Join(dir, e.Name()))
		if w, ok := want[e.Name()]; !ok || w != string(b) {
			t.Errorf("%s holds %.20q, want %q", e.Name(), b, w)
		}
	}
	if len(entries) != len(want) {
		t.Errorf("%d files in the folder, want %d", len(entries), len(want))
	}
}
