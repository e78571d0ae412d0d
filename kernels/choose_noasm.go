//go:build noasm || (!amd64 && !arm64)

package kernels

func assembly() ([]Set, string) { return nil, "built without assembly" }
