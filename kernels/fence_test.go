package kernels

import (
	"math"
	"testing"
)

// fence is a slice with canaries before and behind it. The canary is a NaN that no arithmetic
// makes: read, it poisons the result; overwritten, it is missed.
type fence struct {
	x, all []float32
}

const fenceFloats = 19 // more than a vector, and odd: the slice starts unaligned

var canary = math.Float32frombits(0x7fc5a5a5)

func isCanary(v float32) bool { return math.Float32bits(v) == math.Float32bits(canary) }

// fenced is n floats, all canaries so far.
func fenced(n int) fence {
	all := make([]float32, n+2*fenceFloats)
	for i := range all {
		all[i] = canary
	}
	return fence{all[fenceFloats:][:n:n], all}
}

// fencedCopy is a fenced copy of x.
func fencedCopy(x []float32) fence {
	f := fenced(len(x))
	copy(f.x, x)
	return f
}

func (f fence) checkFence(t *testing.T, name string) {
	t.Helper()
	for i := range fenceFloats {
		if !isCanary(f.all[i]) || !isCanary(f.all[len(f.all)-1-i]) {
			t.Fatalf("%s: wrote outside of its %d floats", name, len(f.x))
		}
	}
}
