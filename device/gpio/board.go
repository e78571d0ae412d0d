package gpio

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// header says which line a pin of a board's 40-pin header is.
type header struct {
	soc  string // in the device tree's compatible
	pins map[int]string
}

// raspberry is the header of every Raspberry Pi since the B+, by the names that its device tree
// gives the lines (https://pinout.xyz).
var raspberry = map[int]string{
	3: "GPIO2", 5: "GPIO3", 7: "GPIO4", 8: "GPIO14", 10: "GPIO15", 11: "GPIO17", 12: "GPIO18", 13: "GPIO27",
	15: "GPIO22", 16: "GPIO23", 18: "GPIO24", 19: "GPIO10", 21: "GPIO9", 22: "GPIO25", 23: "GPIO11", 24: "GPIO8",
	26: "GPIO7", 29: "GPIO5", 31: "GPIO6", 32: "GPIO12", 33: "GPIO13", 35: "GPIO19", 36: "GPIO16", 37: "GPIO26",
	38: "GPIO20", 40: "GPIO21",
}

// labelled is pins with the label of their chip before the name.
func labelled(label string, pins map[int]string) map[int]string {
	m := map[int]string{}
	for pin, name := range pins {
		m[pin] = label + ":" + name
	}
	return m
}

// headers are the boards whose pins are known. Of a Jetson only pins are listed whose line is
// published (NVIDIA/jetson-gpio); others are named LABEL:OFFSET.
var headers = []header{
	{"brcm,bcm2837", labelled("pinctrl-bcm2835", raspberry)},
	{"brcm,bcm2711", labelled("pinctrl-bcm2711", raspberry)},
	{"brcm,bcm2712", labelled("pinctrl-rp1", raspberry)},
	{"nvidia,p3737-0000", map[int]string{7: "tegra234-gpio:106", 11: "tegra234-gpio:112", 16: "tegra234-gpio-aon:9", 29: "tegra234-gpio-aon:1"}},
	{"nvidia,tegra234", labelled("tegra234-gpio", map[int]string{7: "144", 11: "112", 12: "50", 15: "85", 29: "105", 31: "106"})},
	{"nvidia,p3668-0000", map[int]string{7: "tegra194-gpio:118", 11: "tegra194-gpio:112", 12: "tegra194-gpio:127", 15: "tegra194-gpio-aon:16"}},
	{"nvidia,jetson-nano", labelled("tegra-gpio", map[int]string{7: "216", 11: "50", 12: "79", 29: "149", 31: "200"})},
}

// HeaderPin is the line at a pin of the header, for Find. compatible is the device tree's list,
// most specific first. A board or a pin that is not in the table is ErrMissing.
func HeaderPin(compatible []string, pin int) (string, error) {
	for _, h := range headers {
		if !slices.Contains(compatible, h.soc) {
			continue
		}
		if ref, ok := h.pins[pin]; ok {
			return ref, nil
		}
		return "", fmt.Errorf("pin %d of the header of %s: %w; name the line as LABEL:NAME", pin, h.soc, ErrMissing)
	}
	return "", fmt.Errorf("header pin %d: %w: the board %q is not in the table; name the line as LABEL:NAME", pin, ErrMissing, compatible)
}

// Resolve is the line that a person means: as Find has it, or pin11 (or "pin 11") for a pin of the header of a board that is
// known by its compatible list.
func Resolve(chips []Chip, compatible []string, ref string) (Line, error) {
	ref = strings.ReplaceAll(ref, " ", "")
	if n, ok := strings.CutPrefix(ref, "pin"); ok {
		pin, err := strconv.Atoi(n)
		if err != nil {
			return Line{}, fmt.Errorf("line %q: %w: want pin and a number, as pin11", ref, ErrMissing)
		}
		if ref, err = HeaderPin(compatible, pin); err != nil {
			return Line{}, err
		}
	}
	return Find(chips, ref)
}
