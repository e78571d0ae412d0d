// Package board says what box this is: the board, its SoC, its CPUs and memory. Every reader takes the root of the
// file system, "/" on a box.
package board

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/secateur/secateur/device/internal/sysfs"
)

// Board is what is known of a box.
type Board struct {
	ID         string   `json:"id"`         // raspberrypi-5, jetson-orin-nano, …; pc for a plain computer, the SoC's for a board that is not known
	Name       string   `json:"name"`       // for people
	SoC        string   `json:"soc"`        // bcm2712, tegra234, …; "" for a PC
	Model      string   `json:"model"`      // as the device tree or the firmware says it
	Compatible []string `json:"compatible"` // of the device tree, most specific first
	Revision   string   `json:"revision,omitempty"`
	Warning    string   `json:"warning,omitempty"` // why this is a guess
	L4T        string   `json:"l4t,omitempty"`     // release of Jetson Linux, 36.4.4

	CPUs        []CPU     `json:"cpus"`     // on line
	Offline     []int     `json:"offline"`  // present but off: nvpmodel does that
	Clusters    []Cluster `json:"clusters"` // of the CPUs on line
	Features    []string  `json:"features"` // that every CPU on line has
	MemoryBytes int64     `json:"memory_bytes"`

	// ThrottleCelsius is from where on the firmware slows the SoC down by itself, where no trip point says so.
	ThrottleCelsius float64 `json:"throttle_celsius"`
}

// Read looks at a box. It is an error only if nothing can be read of its CPUs.
func Read(root string) (*Board, error) {
	b := &Board{}
	b.Compatible = Compatible(root)
	b.Model, _ = sysfs.Text(root, "proc/device-tree/model")
	b.identify(root)
	b.L4T = l4t(root)
	b.MemoryBytes = memory(root)
	if err := b.readCPUs(root); err != nil {
		return nil, fmt.Errorf("board: %w", err)
	}
	return b, nil
}

// Compatible is the device tree's list, most specific first; none where there is no device tree.
func Compatible(root string) []string {
	text, err := sysfs.Text(root, "proc/device-tree/compatible")
	if err != nil {
		return nil
	}
	return strings.Split(text, "\x00")
}

// identify finds the SoC first and the board second: vendors make new boards of an old SoC.
func (b *Board) identify(root string) {
	if len(b.Compatible) == 0 {
		b.plain(root)
		return
	}
	soc, ok := findSoC(b.Compatible)
	if !ok {
		b.plain(root)
		b.ID, b.Name = "arm", b.Model
		b.Warning = fmt.Sprintf("SoC %s (%s) is not known: it runs without a profile", b.Compatible[len(b.Compatible)-1], b.Model)
		return
	}
	b.SoC, b.ThrottleCelsius = soc.name, soc.throttle
	if k, ok := findBoard(b.Compatible, b.Model, soc.name); ok {
		b.ID, b.Name = k.id, k.name
		if k.throttle != 0 {
			b.ThrottleCelsius = softLimit(root, k.throttle)
		}
		return
	}
	b.ID, b.Name = soc.id, soc.as
	b.Warning = fmt.Sprintf("board %s (%s) is not known: it runs as any %s, like %s", b.Compatible[0], b.Model, soc.name, soc.as)
}

// softLimit is the temp_soft_limit of the boot configuration, or else the firmware's own.
func softLimit(root string, firmware float64) float64 {
	for _, path := range []string{"boot/firmware/config.txt", "boot/config.txt"} {
		text, _ := sysfs.Text(root, path)
		for line := range strings.Lines(text) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "temp_soft_limit="); ok {
				if c, err := strconv.ParseFloat(v, 64); err == nil {
					firmware = c
				}
			}
		}
	}
	return firmware
}

// plain is a computer without a device tree.
func (b *Board) plain(root string) {
	b.ID, b.Name, b.ThrottleCelsius = "pc", "plain computer", 90
	if b.Model == "" {
		vendor, _ := sysfs.Text(root, "sys/class/dmi/id/sys_vendor")
		product, _ := sysfs.Text(root, "sys/class/dmi/id/product_name")
		b.Model = strings.TrimSpace(vendor + " " + product)
	}
}

// memory is MemTotal in bytes, 0 where it is not said.
func memory(root string) int64 {
	text, _ := sysfs.Text(root, "proc/meminfo")
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// l4t is the release of Jetson Linux: "# R36 (release), REVISION: 4.4, …" is 36.4.4.
func l4t(root string) string {
	text, _ := sysfs.Text(root, "etc/nv_tegra_release")
	major, rest, ok := strings.Cut(strings.TrimPrefix(text, "# R"), " (release), REVISION: ")
	minor, _, _ := strings.Cut(rest, ",")
	if !ok {
		return ""
	}
	return major + "." + minor
}

// JetPack is the major version of JetPack that an L4T release belongs to, 0 where it is not known.
func JetPack(l4t string) int {
	major, _, _ := strings.Cut(l4t, ".")
	return map[string]int{"32": 4, "34": 5, "35": 5, "36": 6, "38": 7}[major]
}
