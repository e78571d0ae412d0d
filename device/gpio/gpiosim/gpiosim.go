// Package gpiosim makes the kernel's test chip of GPIO lines (gpio-sim) for tests that run in the machine of tools/vm.
// Source: https://docs.kernel.org/admin-guide/gpio/gpio-sim.html
package gpiosim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Label is that of the chip, and Names are those of its first lines; it has eight.
const Label = "pinctrl-rp1"

// Names are the lines that have one, by their offset.
var Names = []string{"GPIO17", "GPIO27", "GPIO22"}

const config = "/sys/kernel/config/gpio-sim"

// Chip is the chip from outside: by it lines are pulled and read.
type Chip struct {
	t   testing.TB
	dir string
}

// New makes the chip, or finds the one that another test has made.
func New(t testing.TB) *Chip {
	t.Helper()
	if os.Getenv("SECATEUR_VM") == "" {
		t.Skip("needs the machine of tools/vm: make test-vm")
	}
	if _, err := os.Stat(config); err != nil {
		t.Skip("this machine's kernel has no gpio-sim: tools/vm could not build it")
	}
	dir := filepath.Join(config, "secateur")
	bank := filepath.Join(dir, "bank0")
	if _, err := os.Stat(dir); err != nil {
		create(t, dir, bank)
	}
	device, err1 := os.ReadFile(filepath.Join(dir, "dev_name"))
	chip, err2 := os.ReadFile(filepath.Join(bank, "chip_name"))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &Chip{t, filepath.Join("/sys/devices/platform", strings.TrimSpace(string(device)), strings.TrimSpace(string(chip)))}
}

func create(t testing.TB, dir, bank string) {
	t.Helper()
	dirs := []string{dir, bank}
	files := [][2]string{{bank + "/num_lines", "8"}, {bank + "/label", Label}}
	for i, name := range Names {
		line := fmt.Sprintf("%s/line%d", bank, i)
		dirs, files = append(dirs, line), append(files, [2]string{line + "/name", name})
	}
	for _, d := range dirs {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range append(files, [2]string{dir + "/live", "1"}) {
		if err := os.WriteFile(w[0], []byte(w[1]), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// Pull drives a line from outside.
func (c *Chip) Pull(line int, high bool) {
	c.t.Helper()
	v := "pull-down"
	if high {
		v = "pull-up"
	}
	if err := os.WriteFile(fmt.Sprintf("%s/sim_gpio%d/pull", c.dir, line), []byte(v), 0); err != nil {
		c.t.Fatal(err)
	}
}

// High reads a line from outside.
func (c *Chip) High(line int) bool {
	c.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("%s/sim_gpio%d/value", c.dir, line))
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimSpace(string(b)) == "1"
}
