//go:build noasm || (!amd64 && !arm64)

package kernels

func assembly() []Set { return nil }
