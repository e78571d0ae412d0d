package sysfs

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestList(t *testing.T) {
	for text, want := range map[string][]int{"0-3,6\n": {0, 1, 2, 3, 6}, "0": {0}, "": nil, "x,2,3-": {2}, "5-4": nil} {
		if got := List(text); !slices.Equal(got, want) {
			t.Errorf("List(%q) = %v, want %v", text, got, want)
		}
	}
	if n := len(List("0-999999999999")); n != 4097 {
		t.Errorf("an absurd range gives %d numbers", n)
	}
}

func TestReading(t *testing.T) {
	root := filepath.Join(t.TempDir(), "odd[0]*") // the root is no pattern
	os.MkdirAll(root, 0o755)
	for name, text := range map[string]string{"a": "0x50005\n", "b": "raspi\x00", "c": "much\n"} {
		os.WriteFile(filepath.Join(root, name), []byte(text), 0o644)
	}
	if v, err := Int(root, "a"); v != 0x50005 || err != nil {
		t.Errorf("Int = %#x, %v", v, err)
	}
	if s, err := Text(root, "b"); s != "raspi" || err != nil {
		t.Errorf("Text = %q, %v", s, err)
	}
	if _, err := Int(root, "c"); err == nil {
		t.Error("a word is a number")
	}
	if got := Glob(root, "[ab]"); len(got) != 2 {
		t.Errorf("Glob finds %q", got)
	}
}
