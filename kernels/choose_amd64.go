//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

// assembly is the sets that this CPU can run, the best first, and why that one is the best.
func assembly() (sets []Set, reason string) {
	if !cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3) {
		return nil, "this CPU has no AVX2 and FMA"
	}
	return []Set{avx2()}, "AVX2 and FMA"
}
