package tensor

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// TestHuge: the mapping of a large buffer is marked for huge pages, where the system has them.
func TestHuge(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: short, as under emulators, which make up mappings and their flags")
	}
	if b, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil || strings.Contains(string(b), "[never]") {
		t.Skip("skipped: the system has no huge pages")
	}
	v := Floats(4 * hugePage)
	at := uintptr(unsafe.Pointer(&v[len(v)/2]))
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip("skipped: the system does not tell about mappings")
	}
	within := false
	for line := range strings.Lines(string(smaps)) {
		var lo, hi uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &lo, &hi); n == 2 {
			within = lo <= at && at < hi
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && within {
			if !strings.Contains(flags, " hg") {
				t.Errorf("the mapping of the buffer has flags %s, want hg among them", flags)
			}
			return
		}
	}
	t.Error("no mapping holds the buffer")
}
