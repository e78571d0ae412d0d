// Package gpio drives lines through version 2 of the kernel's character device, behind the
// interfaces of periph.io/x/conn/v3/gpio: a trigger input whose edges carry the kernel's time stamp
// and number, so that a lost one is seen; a reject output with a queue of deadlines; lamps and
// buzzers. Lines are found by the label of their chip and their own name, never by a number that a
// kernel update may change. Source: https://docs.kernel.org/userspace-api/gpio/chardev.html
package gpio

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/secateur/secateur/device/internal/ioctl"
	"golang.org/x/sys/unix"
)

// ErrMissing is a chip or a line that the box does not have.
var ErrMissing = errors.New("no such GPIO line")

// Chip is one GPIO controller.
type Chip struct {
	Path  string `json:"path"`
	Label string `json:"label"` // what it is: pinctrl-rp1, tegra234-gpio
	Lines []Line `json:"lines"`
}

// Line is one line of a chip.
type Line struct {
	Path   string `json:"path"` // of its chip
	Label  string `json:"label"`
	Offset int    `json:"offset"`
	Name   string `json:"name"`           // by the board's device tree; may be empty
	User   string `json:"user,omitempty"` // who has it
	Used   bool   `json:"used"`           // by anyone, the kernel included
	Output bool   `json:"output"`
	Flags  uint64 `json:"-"`
}

func (l Line) String() string {
	if l.Name != "" {
		return l.Label + ":" + l.Name
	}
	return l.Label + ":" + strconv.Itoa(l.Offset)
}

// Chips are the chips below root ("/" on a box), in the order of their device files. One that
// cannot be asked is an error.
func Chips(root string) ([]Chip, error) {
	paths, err := filepath.Glob(filepath.Join(root, "dev/gpiochip*"))
	if err != nil {
		return nil, err
	}
	slices.Sort(paths)
	var chips []Chip
	for _, p := range paths {
		if st, err := os.Lstat(p); err == nil && st.Mode()&os.ModeSymlink != 0 {
			continue // the old number of a chip that got a new one
		}
		c, err := readChip(p)
		if err != nil {
			return nil, err
		}
		chips = append(chips, c)
	}
	return chips, nil
}

func readChip(path string) (Chip, error) {
	f, err := openChip(path)
	if err != nil {
		return Chip{}, err
	}
	defer f.Close()
	var info chipInfo
	if err := control(f, "ask for the chip", reqChipInfo, &info); err != nil {
		return Chip{}, err
	}
	c := Chip{Path: path, Label: text(info.label[:])}
	for i := range info.lines {
		l := lineInfo{offset: i}
		if err := control(f, fmt.Sprintf("ask for line %d", i), reqLineInfo, &l); err != nil {
			return Chip{}, err
		}
		c.Lines = append(c.Lines, Line{
			Path: path, Label: c.Label, Offset: int(i), Name: text(l.name[:]), User: text(l.consumer[:]),
			Used: l.flags&flagUsed != 0, Output: l.flags&flagOutput != 0, Flags: l.flags,
		})
	}
	return c, nil
}

func openChip(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// control makes a request of an open chip or line.
func control[T any](f *os.File, what string, request uint, arg *T) error {
	raw, err := f.SyscallConn()
	if err == nil {
		if e := raw.Control(func(fd uintptr) { err = ioctl.Do(fd, request, arg) }); e != nil {
			err = e
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w", f.Name(), what, err)
	}
	return nil
}

// Find is the line that ref means: NAME as GPIO17, or LABEL:NAME, or LABEL:OFFSET where the board
// names no lines. A name that several chips have is an error; so is one that none has, ErrMissing.
func Find(chips []Chip, ref string) (Line, error) {
	label, name, ok := strings.Cut(ref, ":")
	if !ok {
		label, name = "", ref
	}
	var found []Line
	for _, c := range chips {
		if label != "" && c.Label != label {
			continue
		}
		for _, l := range c.Lines {
			if l.Name == name && name != "" || label != "" && strconv.Itoa(l.Offset) == name {
				found = append(found, l)
			}
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Line{}, fmt.Errorf("line %q: %w; chips here: %s", ref, ErrMissing, labels(chips))
	}
	return Line{}, fmt.Errorf("line %q: %v and %v have that name, want LABEL:NAME", ref, found[0], found[1])
}

func labels(chips []Chip) string {
	if len(chips) == 0 {
		return "none"
	}
	var s []string
	for _, c := range chips {
		s = append(s, c.Label)
	}
	return strings.Join(s, ", ")
}

// text is a C string of at most len(b) bytes.
func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return strings.ToValidUTF8(s, "?")
}
