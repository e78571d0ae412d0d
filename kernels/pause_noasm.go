//go:build noasm || (!amd64 && !arm64)

package kernels

// pause has nothing to tell the CPU without assembly.
func pause() {}
