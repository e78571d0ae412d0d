//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

// assembly is the sets that this CPU can run, the best first, and why that one is the best. cpuid
// reports what the operating system saves of the registers, too.
func assembly() (sets []Set, reason string) {
	switch {
	case !cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3):
		return nil, "this CPU has no AVX2 and FMA"
	case !cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512VL, cpuid.AVX512BW, cpuid.AVX512DQ):
		return []Set{avx2()}, "AVX2 and FMA"
	}
	return []Set{avx512(), avx2()}, "AVX-512 F, VL, BW and DQ"
}
