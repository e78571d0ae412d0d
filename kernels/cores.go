package kernels

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// core is a kind of ARM core as MIDR_EL1 tells it: who made it, and the part number.
type core struct{ implementer, part int }

const implementerARM = 0x41

// armCores is what Arm calls its cores, and which of them issue in order, at most two
// instructions a cycle. Part numbers are those of the field PartNum of MIDR_EL1 in the technical
// reference manual of each core.
var armCores = map[int]struct {
	name    string
	inOrder bool
}{
	0xd03: {"cortex-a53", true},
	0xd04: {"cortex-a35", true},
	0xd05: {"cortex-a55", true},
	0xd07: {"cortex-a57", false},
	0xd08: {"cortex-a72", false},
	0xd09: {"cortex-a73", false},
	0xd0a: {"cortex-a75", false},
	0xd0b: {"cortex-a76", false},
	0xd0c: {"neoverse-n1", false},
	0xd0d: {"cortex-a77", false},
	0xd40: {"neoverse-v1", false},
	0xd41: {"cortex-a78", false},
	0xd42: {"cortex-a78ae", false},
	0xd49: {"neoverse-n2", false},
}

func (c core) inOrder() bool { return c.implementer == implementerARM && armCores[c.part].inOrder }

func (c core) String() string {
	if c.implementer != implementerARM {
		return fmt.Sprintf("a core of implementer %#x (part %#x)", c.implementer, c.part)
	}
	if known, ok := armCores[c.part]; ok {
		return fmt.Sprintf("%s (part %#x)", known.name, c.part)
	}
	return fmt.Sprintf("an Arm core (part %#x)", c.part)
}

// describe says whether all cores issue in order, and the reason for the choice that follows. A
// thread may run on any core, so the schedule for in-order cores is for machines that have no
// other.
func describe(cores []core) (inOrder bool, reason string) {
	var names []string
	in := 0
	for _, c := range cores {
		names = append(names, c.String())
		if c.inOrder() {
			in++
		}
	}
	list := strings.Join(names, " and ")
	switch {
	case len(cores) == 0:
		return false, "NEON, on a core that the system does not name"
	case in == len(cores):
		return true, list + ": in-order cores"
	case in > 0:
		return false, list + ": not all cores are in-order"
	}
	return false, list + ": NEON"
}

// coresOf is the cores in the text of /proc/cpuinfo, one paragraph each.
func coresOf(cpuinfo string) (cores []core) {
	var c core
	for line := range strings.Lines(cpuinfo) {
		name, value, _ := strings.Cut(line, ":")
		n, err := strconv.ParseInt(strings.TrimSpace(value), 0, 32)
		if err != nil {
			continue
		}
		switch strings.TrimSpace(name) {
		case "CPU implementer":
			c.implementer = int(n)
		case "CPU part":
			c.part = int(n)
			cores = append(cores, c)
		}
	}
	return cores
}

// distinct is each kind of core once, in the order of part numbers.
func distinct(cores []core) []core {
	slices.SortFunc(cores, func(a, b core) int {
		return (a.implementer<<12 | a.part) - (b.implementer<<12 | b.part)
	})
	return slices.Compact(cores)
}
