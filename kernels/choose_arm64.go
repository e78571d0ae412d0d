//go:build !noasm

package kernels

import (
	"os"

	"github.com/klauspost/cpuid/v2"
)

// assembly is the sets that this CPU can run, the best first, and why that one is the best. NEON
// is part of ARMv8.0.
func assembly() (sets []Set, reason string) {
	inOrder, reason := describe(coresHere())
	if inOrder {
		return []Set{neonInOrder(), neon()}, reason
	}
	return []Set{neon(), neonInOrder()}, reason
}

// coresHere is the kinds of cores of this machine: those that Linux lists, and the one we run on.
func coresHere() []core {
	cpuinfo, _ := os.ReadFile("/proc/cpuinfo") // without it, the one we run on is all we know
	return distinct(append(coresOf(string(cpuinfo)), running()...))
}

// running is the core we run on by its MIDR, of which cpuid keeps the lower half and the vendor.
// Linux shows it to programs since 4.11.
func running() []core {
	if cpuid.CPU.VendorID != cpuid.ARM || cpuid.CPU.Model == 0 {
		return nil
	}
	return []core{{implementerARM, cpuid.CPU.Model >> 4 & 0xfff}}
}
