// Package doctor looks a box over: a table of checks, each with what it looks at, when that is bad, and what to do then.
package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/secateur/secateur/device/board"
	"github.com/secateur/secateur/device/camera"
	"github.com/secateur/secateur/device/gpio"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
)

// State is how a check went.
type State string

// The states. Only Fail makes the program exit with 1; None is a check that this box has nothing for.
const (
	OK   State = "ok"
	Warn State = "warning"
	Fail State = "failure"
	None State = "not here"
)

// Check is a row of the table.
type Check struct {
	Name string // group and subject: power.now
	How  string // what is looked at
	Bad  string // when it is bad
	Do   string // what to do then
	Run  func(*Box) Result
}

// Result is what a check found.
type Result struct {
	State State
	Found string
}

func ok(format string, args ...any) Result   { return Result{OK, fmt.Sprintf(format, args...)} }
func warn(format string, args ...any) Result { return Result{Warn, fmt.Sprintf(format, args...)} }
func fail(format string, args ...any) Result { return Result{Fail, fmt.Sprintf(format, args...)} }
func none(format string, args ...any) Result { return Result{None, fmt.Sprintf(format, args...)} }

// Box is what checks look at.
type Box struct {
	Root      string
	Board     *board.Board // nil if it cannot be read
	BoardErr  error
	Config    *firmwareconfig.Config // nil if it cannot be read
	ConfigErr error
	Kernels   func() (set, reason string, err error)
	Chips     func() ([]gpio.Chip, error)     // of GPIO
	Cameras   func() ([]camera.Device, error) // of the kernel
	Held      func() (*camera.Lock, error)    // whether the configuration's camera holds its settings
	// Exec runs a program of the system and returns what it says. Tests replace it.
	Exec func(argv ...string) (string, error)
}

// Finding is a check and what it found, as `doctor --json` prints it.
type Finding struct {
	Check string `json:"check"`
	State State  `json:"state"`
	Found string `json:"found"`
	How   string `json:"how"`
	Bad   string `json:"bad_when,omitempty"`
	Do    string `json:"do,omitempty"` // with a warning or a failure
}

// All is the table. Who adds a part of the box adds its checks here.
func All() []Check {
	var all []Check
	for _, part := range [][]Check{boardChecks, powerChecks, systemChecks, storageChecks, configChecks, lineChecks, modelChecks, sshChecks} {
		all = append(all, part...)
	}
	return all
}

// Run makes the checks in order and hands each finding on.
func Run(b *Box, checks []Check, on func(Finding)) (failures int) {
	for _, c := range checks {
		r := c.run(b)
		f := Finding{Check: c.Name, State: r.State, Found: r.Found, How: c.How}
		if r.State == Warn || r.State == Fail {
			f.Bad, f.Do = c.Bad, c.Do
		}
		if r.State == Fail {
			failures++
		}
		on(f)
	}
	return failures
}

// run makes one check; one that panics is a failure of ours, and the others go on.
func (c Check) run(b *Box) (r Result) {
	defer func() {
		if v := recover(); v != nil {
			r = fail("the check itself broke: %v", v)
		}
	}()
	return c.Run(b)
}

// Command runs a program for at most ten seconds. Its name is looked for where administrators' programs lie, too.
func Command(argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	name, err := exec.LookPath(argv[0])
	if err != nil {
		if name, err = exec.LookPath(filepath.Join("/usr/sbin", argv[0])); err != nil {
			return "", exec.ErrNotFound
		}
	}
	out, err := exec.CommandContext(ctx, name, argv[1:]...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// text is a file below the root without white space around, "" if it cannot be read.
func (b *Box) text(path string) string {
	t, _ := os.ReadFile(filepath.Join(b.Root, path))
	return strings.Trim(string(t), " \t\r\n\x00")
}

// glob lists files below the root, as paths below it.
func (b *Box) glob(pattern string) []string {
	names, _ := filepath.Glob(filepath.Join(b.Root, pattern))
	for i := range names {
		names[i], _ = filepath.Rel(b.Root, names[i])
	}
	return names
}

// running reports whether the root is this very system.
func (b *Box) running() bool { return filepath.Clean(b.Root) == "/" }
