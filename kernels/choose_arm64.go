//go:build !noasm

package kernels

// assembly is the sets that this CPU can run, the best first. NEON is part of ARMv8.0.
func assembly() []Set { return []Set{neon()} }
