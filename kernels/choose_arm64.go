//go:build !noasm

package kernels

func assembly() []Set { return nil }
