package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/secateur/secateur/device/durable"
	"golang.org/x/sys/unix"
)

// Generations is a series of checkpoints in one folder, Dir/Base.000001.ckpt and so on, of
// which the newest few are kept. There is no pointer to the current one that could be wrong:
// the newest that is whole is current. Numbers, never clocks, say which is newer, since a box
// may lack a clock. One process at a time may save.
type Generations struct {
	Dir  string
	Base string
	Keep int // below 1 means 3

	fs durable.FS // nil means the disk
}

const defaultKeep = 3

// Save writes f as the next generation, reads it back from the disk, and only then removes
// generations beyond Keep. On an error all earlier generations are as they were.
func (g *Generations) Save(f *File) error {
	old, err := g.numbers()
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	next := uint64(1)
	if len(old) > 0 {
		next = old[0] + 1
	}
	g.sweep()
	if err := write(g.disk(), g.path(next), f); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	if err := readBack(g.path(next)); err != nil {
		g.disk().Remove(g.path(next))
		return fmt.Errorf("save checkpoint: read back what was written: %w", err)
	}
	return g.prune(old)
}

// Load reads the newest generation that is whole and says where it lies. Each warning names a
// newer one that is not, and what is wrong with it. Without any generation the error is
// fs.ErrNotExist.
func (g *Generations) Load() (f *File, path string, warnings []string, err error) {
	numbers, err := g.numbers()
	if err != nil {
		return nil, "", nil, fmt.Errorf("load checkpoint: %w", err)
	}
	if len(numbers) == 0 {
		return nil, "", nil, fmt.Errorf("load checkpoint: no %s.*%s in %s: %w", g.Base, suffix, g.Dir, fs.ErrNotExist)
	}
	for _, n := range numbers {
		f, err := Read(g.path(n))
		if err == nil {
			return f, g.path(n), warnings, nil
		}
		warnings = append(warnings, err.Error())
	}
	return nil, "", warnings, fmt.Errorf("load checkpoint: none of %d generations in %s is whole; the newest: %s",
		len(numbers), g.Dir, warnings[0])
}

const (
	suffix    = ".ckpt"
	maxDigits = 18 // more cannot be a number of ours, and would overflow
)

func (g *Generations) path(n uint64) string {
	return filepath.Join(g.Dir, fmt.Sprintf("%s.%06d%s", g.Base, n, suffix))
}

// numbers are the generations in the folder, newest first.
func (g *Generations) numbers() (list []uint64, err error) {
	names, err := os.ReadDir(g.Dir)
	if err != nil {
		return nil, err
	}
	for _, e := range names {
		if n, ok := g.number(e.Name()); ok {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list, nil
}

// number reads the generation from a file name that path makes.
func (g *Generations) number(name string) (uint64, bool) {
	s, ok := strings.CutPrefix(name, g.Base+".")
	if !ok {
		return 0, false
	}
	s, ok = strings.CutSuffix(s, suffix)
	if !ok || len(s) > maxDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && filepath.Base(g.path(n)) == name
}

// prune removes the oldest of old so that with the one just written Keep are left.
func (g *Generations) prune(old []uint64) error {
	keep := g.Keep
	if keep < 1 {
		keep = defaultKeep
	}
	for _, n := range old[min(keep-1, len(old)):] {
		if err := g.disk().Remove(g.path(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("save checkpoint: saved, but an old generation stays: %w", err)
		}
	}
	return nil
}

// sweep removes the temporary files that a power cut left.
func (g *Generations) sweep() {
	names, _ := os.ReadDir(g.Dir)
	for _, e := range names {
		if durable.IsTemp(e.Name(), g.Base+".") {
			g.disk().Remove(filepath.Join(g.Dir, e.Name()))
		}
	}
}

func (g *Generations) disk() durable.FS {
	if g.fs == nil {
		return durable.Disk{}
	}
	return g.fs
}

// readBack verifies the file as the disk has it rather than the page cache.
func readBack(path string) error {
	if f, err := os.Open(path); err == nil {
		unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // advice: without it the check is weaker, not wrong
		f.Close()
	}
	return Verify(path)
}
