package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFresh fails if the generated files are not what the generator writes.
func TestFresh(t *testing.T) {
	const dir = "../../kernels"
	want := files()
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if string(got) != text {
			t.Errorf("kernels/%s is stale: run go run ./tools/genasm", name)
		}
	}
	assembly, err := filepath.Glob(dir + "/*.s")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range assembly {
		if name := filepath.Base(path); want[name] == "" {
			t.Errorf("kernels/%s is not generated", name)
		}
	}
}
