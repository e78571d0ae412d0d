package firmwareconfig

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/secateur/secateur/device/durable"
)

// Tree is a root of files that is configured: "/" on a box, a folder in tests and images.
type Tree struct {
	Root string
	FS   durable.FS // nil: the disk
}

// Change is a file that is not as it should be.
type Change struct {
	Path    string // below the root
	Had     bool   // there is one now
	Old     []byte
	OldMode fs.FileMode
	New     []byte
	Mode    fs.FileMode
	Remove  bool // it was ours and is not wanted any more
}

// Diff is the change as a unified diff; one of the mode alone is a line.
func (c Change) Diff() string {
	was, is := "a/"+c.Path, "b/"+c.Path
	if !c.Had {
		was = "/dev/null"
	}
	if c.Remove {
		is = "/dev/null"
	}
	text := string(diff.Diff(was, c.Old, is, c.New))
	if c.Had && !c.Remove && c.OldMode != c.Mode {
		text += fmt.Sprintf("mode of %s: %04o, want %04o\n", c.Path, c.OldMode, c.Mode)
	}
	return text
}

// What is the change in a word, for `configure check`.
func (c Change) What() string {
	switch {
	case c.Remove:
		return "not wanted any more"
	case !c.Had:
		return "missing"
	case bytes.Equal(c.Old, c.New):
		return fmt.Sprintf("mode %04o, want %04o", c.OldMode, c.Mode)
	}
	return "differs"
}

// Plan is what must change for files to be as they should, in order of their paths. Warnings name files that were ours, are
// not wanted any more, and were changed by somebody: they are left alone.
func (s Tree) Plan(files []File) (changes []Change, warnings []string, err error) {
	for _, f := range files {
		c, err := s.compare(f)
		if err != nil {
			return nil, nil, err
		}
		if !c.Had || c.OldMode != c.Mode || !bytes.Equal(c.Old, c.New) {
			changes = append(changes, c)
		}
	}
	managed, err := s.managed()
	if err != nil {
		return nil, nil, err
	}
	for path, sum := range managed {
		if slices.ContainsFunc(files, func(f File) bool { return f.Path == path }) {
			continue
		}
		c, err := s.read(path)
		if err != nil {
			return nil, nil, err
		}
		if !c.Had {
			continue
		}
		if c.Remove = checksum(c.Old) == sum; c.Remove {
			changes = append(changes, c)
		} else {
			warnings = append(warnings, path+" is not wanted any more, but was changed by somebody: left alone")
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	slices.Sort(warnings)
	return changes, warnings, nil
}

// compare reads a file and says what would be there.
func (s Tree) compare(f File) (Change, error) {
	c, err := s.read(f.Path)
	if err != nil {
		return c, err
	}
	c.Mode = f.Mode
	switch f.Kind {
	case Block:
		c.New = []byte(withBlock(string(c.Old), f.Text))
	case Words:
		c.New = []byte(withWords(string(c.Old), f.Text))
	default:
		c.New = []byte(f.Text)
	}
	if f.Kind != Whole && c.Had {
		c.Mode = c.OldMode // not ours: FAT has none of its own
	}
	return c, nil
}

// read looks at what is there. Anything but a file is an error: a link to /dev/null is somebody's will.
func (s Tree) read(path string) (Change, error) {
	c := Change{Path: path}
	full, err := s.full(path)
	if err != nil {
		return c, err
	}
	info, err := os.Lstat(full)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("configure: %w", err)
	}
	if !info.Mode().IsRegular() {
		return c, fmt.Errorf("configure: %s is a %s, want a file or nothing there", full, what(info.Mode()))
	}
	c.Had, c.OldMode = true, info.Mode().Perm()
	c.Old, err = os.ReadFile(full)
	return c, err
}

func what(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	case m.IsDir():
		return "folder"
	}
	return "special file"
}

// full is where a path lies. A link among its folders that leads out of the root is an error.
func (s Tree) full(path string) (string, error) {
	root, err := filepath.EvalSymlinks(s.Root)
	if err != nil {
		return "", fmt.Errorf("configure: %w", err)
	}
	full := filepath.Join(root, path)
	for dir := filepath.Dir(full); len(dir) > len(root); dir = filepath.Dir(dir) {
		real, err := filepath.EvalSymlinks(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("configure: %w", err)
		}
		if real != root && !strings.HasPrefix(real, strings.TrimSuffix(root, "/")+"/") {
			return "", fmt.Errorf("configure: %s leads out of %s, to %s", dir, root, real)
		}
		break
	}
	return full, nil
}

// The marks around our lines in somebody else's file.
const (
	blockBegin = "# secateur begin: managed by secateur configure\n"
	blockEnd   = "# secateur end\n"
)

// withBlock puts our lines into a text: where they were, or at its end.
func withBlock(text, lines string) string {
	block := blockBegin + lines + blockEnd
	if begin := strings.Index(text, blockBegin); begin >= 0 {
		if n := strings.Index(text[begin:], blockEnd); n >= 0 {
			return text[:begin] + block + text[begin+n+len(blockEnd):]
		}
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + block
}

// withWords adds the words that a line lacks.
func withWords(text, words string) string {
	line := strings.TrimRight(text, "\n")
	for _, w := range strings.Fields(words) {
		if !slices.Contains(strings.Fields(line), w) {
			line = strings.TrimSpace(line + " " + w)
		}
	}
	if line == strings.TrimRight(text, "\n") {
		return text
	}
	return line + "\n"
}

func checksum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// Stage writes what changes would make into a root of its own, to be looked at.
func Stage(dir string, changes []Change) error {
	for _, c := range changes {
		if c.Remove {
			continue
		}
		full := filepath.Join(dir, c.Path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return fmt.Errorf("stage: %w", err)
		}
		if err := os.WriteFile(full, c.New, c.Mode); err != nil {
			return fmt.Errorf("stage: %w", err)
		}
	}
	return nil
}
