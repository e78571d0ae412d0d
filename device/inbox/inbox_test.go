package inbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stream is a whole stream of files.
func stream(t testing.TB, files ...File) []byte {
	t.Helper()
	var b bytes.Buffer
	err := Write(&b, func(yield func(File) error) error {
		for _, f := range files {
			if err := yield(f); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var three = []File{{"good", "1.jpg", []byte("one")}, {"good", "2.jpg", []byte("two")}, {"bad part", "1.png", []byte("three")}}

func TestReceive(t *testing.T) {
	dir := t.TempDir()
	for range 2 { // the second one replaces
		n, err := Receive(bytes.NewReader(stream(t, three...)), dir, "line-1", DefaultLimits(), 0)
		if err != nil || n != 3 {
			t.Fatal(n, err)
		}
	}
	for _, f := range three {
		if b, err := os.ReadFile(filepath.Join(dir, "line-1", f.Class, f.Name)); err != nil || !bytes.Equal(b, f.Bytes) {
			t.Errorf("%s/%s holds %q, %v", f.Class, f.Name, b, err)
		}
	}
	wantNothing(t, dir, ".incoming-line-1")
}

// TestReceiveTables: a set's tables lie in its own folder, and nothing else does.
func TestReceiveTables(t *testing.T) {
	dir := t.TempDir()
	files := []File{{"images", "1.png", []byte("one")}, {"Annotations", "1.xml", []byte("<x/>")}, {Top, "boxes.csv", []byte("file")}}
	if n, err := Receive(bytes.NewReader(stream(t, files...)), dir, "s", DefaultLimits(), 0); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(filepath.Join(dir, "s", f.Class, f.Name)); err != nil || !bytes.Equal(b, f.Bytes) {
			t.Errorf("%s/%s holds %q, %v", f.Class, f.Name, b, err)
		}
	}
	for _, f := range []File{{Top, "1.png", nil}, {Top, "..", nil}, {Top, "boxes.csv/x", nil}, {"..", "boxes.csv", nil}, {"", "boxes.csv", nil}, {"./.", "boxes.csv", nil}} {
		if err := f.check(); !errors.Is(err, ErrStream) {
			t.Errorf("%q/%q: %v", f.Class, f.Name, err)
		}
	}
}

func wantNothing(t *testing.T, dir, name string) {
	t.Helper()
	if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is there", name)
	}
}

// TestCutAnywhere: a stream that ends early, or whose bytes are damaged, is an error.
func TestCutAnywhere(t *testing.T) {
	whole := stream(t, three...)
	ignore := func(File) error { return nil }
	for n := range whole {
		if err := Read(bytes.NewReader(whole[:n]), DefaultLimits(), ignore); !errors.Is(err, ErrStream) {
			t.Errorf("cut at %d of %d: %v", n, len(whole), err)
		}
		damaged := bytes.Clone(whole)
		damaged[n] ^= 0x20
		if err := Read(bytes.NewReader(damaged), DefaultLimits(), ignore); err == nil && !caseOfName(whole, n) {
			t.Errorf("damaged at %d of %d: no error", n, len(whole))
		}
	}
}

// TestHalfAStreamLeavesNothing on the disk.
func TestHalfAStreamLeavesNothing(t *testing.T) {
	whole, dir := stream(t, three...), t.TempDir()
	if _, err := Receive(bytes.NewReader(whole[:len(whole)-5]), dir, "s", DefaultLimits(), 0); !errors.Is(err, ErrStream) {
		t.Fatal(err)
	}
	wantNothing(t, dir, "s")
	wantNothing(t, dir, ".incoming-s")
}

// caseOfName tells whether byte n lies in a name, which has no sum: another case is another good name.
func caseOfName(whole []byte, n int) bool {
	for _, f := range three {
		for _, s := range []string{f.Class, f.Name} {
			for at := 0; ; at++ {
				i := bytes.Index(whole[at:], []byte(s))
				if i < 0 {
					break
				}
				if at += i; n >= at && n < at+len(s) {
					return true
				}
			}
		}
	}
	return false
}

func raw(class, name string, size uint32) []byte {
	var b bytes.Buffer
	b.WriteString(magic)
	for _, s := range []string{class, name} {
		binary.Write(&b, binary.LittleEndian, uint16(len(s)))
		b.WriteString(s)
	}
	binary.Write(&b, binary.LittleEndian, size)
	return b.Bytes()
}

func TestHostileStreams(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		what  string
		bytes []byte
		want  error
	}{
		{"not a stream", []byte("GIF89a and so on"), ErrStream},
		{"traversal", raw("..", "x", 0), ErrStream},
		{"slash in a class", raw("a/b", "x", 0), ErrStream},
		{"slash in a name", raw("a", "../../etc/passwd", 0), ErrStream},
		{"hidden", raw("a", ".bashrc", 0), ErrStream},
		{"zero byte", raw("a", "x\x00.jpg", 0), ErrStream},
		{"long name", raw("a", strings.Repeat("x", 300), 0), ErrStream},
		{"4 GiB that are not there", raw("a", "x.jpg", 1<<32-1), ErrFull},
		{"empty", stream(t), ErrStream},
		{"twice", stream(t, three[0], three[0]), ErrStream},
		{"too many", stream(t, three...), ErrFull},
	} {
		l := DefaultLimits()
		l.Files = 2
		if _, err := Receive(bytes.NewReader(c.bytes), dir, "s", l, 0); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
	if _, err := Receive(bytes.NewReader(stream(t, three...)), dir, "../s", DefaultLimits(), 0); !errors.Is(err, ErrStream) {
		t.Errorf("set name: %v", err)
	}
	if _, err := Receive(bytes.NewReader(stream(t, three...)), dir, "s", DefaultLimits(), 1<<62); !errors.Is(err, ErrFull) {
		t.Errorf("no room: %v", err)
	}
	wantNothing(t, dir, "s")
}

// TestLinksAreNotFollowed: a link in the place of a set leads nowhere.
func TestLinksAreNotFollowed(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "s")); err != nil {
		t.Fatal(err)
	}
	if _, err := Receive(bytes.NewReader(stream(t, three...)), dir, "s", DefaultLimits(), 0); err == nil {
		t.Error("a link out of the folder was followed")
	}
	if names, _ := os.ReadDir(outside); len(names) != 0 {
		t.Errorf("%v lie outside", names)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(stream(f, three...))
	f.Add(raw("a", "x", 1<<31))
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		err := Read(bytes.NewReader(b), Limits{Files: 10, FileBytes: 1 << 16, Bytes: 1 << 18}, func(f File) error {
			if total += len(f.Bytes); strings.ContainsAny(f.Class+f.Name, "/\\\x00\n") || f.Name[0] == '.' {
				return fmt.Errorf("names %q and %q passed", f.Class, f.Name)
			}
			return nil
		})
		if err != nil && !errors.Is(err, ErrStream) && !errors.Is(err, ErrFull) {
			t.Error(err)
		}
		if total > len(b) {
			t.Errorf("%d bytes out of %d", total, len(b))
		}
	})
}
