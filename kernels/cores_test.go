package kernels

import (
	"fmt"
	"strings"
	"testing"
)

// cpuinfo is /proc/cpuinfo of Linux on a machine with these cores, by implementer and part.
func cpuinfo(cores ...core) (text string) {
	for i, c := range cores {
		text += fmt.Sprintf("processor\t: %d\nBogoMIPS\t: 38.40\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: %#02x\n"+
			"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: %#03x\nCPU revision\t: 4\n\n", i, c.implementer, c.part)
	}
	return text
}

func TestDescribeCores(t *testing.T) {
	a53, a55, a72, a76 := core{0x41, 0xd03}, core{0x41, 0xd05}, core{0x41, 0xd08}, core{0x41, 0xd0b}
	for _, c := range []struct {
		machine string
		cpuinfo string
		inOrder bool
		reason  string
	}{
		{"Raspberry Pi 3", cpuinfo(a53, a53, a53, a53) + "Revision\t: a02082\nModel\t\t: Raspberry Pi 3 Model B Rev 1.2\n", true, "cortex-a53 (part 0xd03): in-order cores"},
		{"RK3568", cpuinfo(a55, a55, a55, a55), true, "cortex-a55 (part 0xd05): in-order cores"},
		{"A53 and A55 only", cpuinfo(a55, a53), true, "cortex-a53 (part 0xd03) and cortex-a55 (part 0xd05): in-order cores"},
		{"Raspberry Pi 4", cpuinfo(a72, a72, a72, a72), false, "cortex-a72 (part 0xd08): NEON"},
		{"RK3399", cpuinfo(a53, a53, a53, a53, a72, a72), false, "cortex-a53 (part 0xd03) and cortex-a72 (part 0xd08): not all cores are in-order"},
		{"RK3588", cpuinfo(a55, a55, a76, a76), false, "cortex-a55 (part 0xd05) and cortex-a76 (part 0xd0b): not all cores are in-order"},
		{"Jetson Xavier NX", cpuinfo(core{0x4e, 0x004}), false, "a core of implementer 0x4e (part 0x4): NEON"},
		{"part 0xd03 of another maker", cpuinfo(core{0x53, 0xd03}), false, "a core of implementer 0x53 (part 0xd03): NEON"},
		{"a new core", cpuinfo(core{0x41, 0xdff}), false, "an Arm core (part 0xdff): NEON"},
		{"x86", "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel\t\t: 17\n", false, "NEON, on a core that the system does not name"},
		{"no file", "", false, "NEON, on a core that the system does not name"},
		{"not a number", "CPU implementer\t: 0x41\nCPU part\t: next\n", false, "NEON, on a core that the system does not name"},
	} {
		inOrder, reason := describe(distinct(coresOf(c.cpuinfo)))
		if inOrder != c.inOrder || reason != c.reason {
			t.Errorf("%s: %v, %q, want %v, %q", c.machine, inOrder, reason, c.inOrder, c.reason)
		}
	}
}

// TestCoresOf counts every core: a line that is missing would hide a core of another kind.
func TestCoresOf(t *testing.T) {
	text := cpuinfo(core{0x41, 0xd03}, core{0x41, 0xd08}, core{0x41, 0xd03})
	if got := coresOf(text); len(got) != strings.Count(text, "processor") || got[1].part != 0xd08 {
		t.Errorf("cores are %v, want three, the second 0xd08", got)
	}
}
