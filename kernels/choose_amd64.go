//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

// assembly is the sets that this CPU can run, the best first.
func assembly() (sets []Set) {
	if cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3) {
		sets = append(sets, avx2())
	}
	return sets
}
