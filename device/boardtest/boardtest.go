// Package boardtest lays out what the kernel shows on the boards that Secateur runs on, for tests of what reads it.
package boardtest

import (
	"embed"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// trees is an archive a board. NUL is written as ␀ in them, a file's last line feed is the kernel's.
//
//go:embed trees
var trees embed.FS

// Names lists the boards.
func Names() []string {
	entries, err := trees.ReadDir("trees")
	if err != nil {
		panic(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".txtar"))
	}
	return names
}

// Root is the root of a board's files in a folder of its own, which the test may change.
func Root(t testing.TB, name string) string {
	t.Helper()
	b, err := trees.ReadFile("trees/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for _, f := range txtar.Parse(b).Files {
		text := string(f.Data)
		if strings.Contains(text, "␀") {
			text = strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "␀", "\x00")
		}
		Set(t, root, f.Name, text)
	}
	return root
}

// Set writes one file below root.
func Set(t testing.TB, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Remove takes a file or folder away.
func Remove(t testing.TB, root, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
		t.Fatal(err)
	}
}
