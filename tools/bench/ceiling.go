package bench

import (
	"time"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
)

// Ceiling is what the machine can do on the threads of a run, measured in that run.
type Ceiling struct {
	PeakGFLOPS float64 `json:"peak_gflops"` // fused multiply-adds on registers, all threads together
	CopyGBs    float64 `json:"copy_gb_s"`   // copying memory, bytes read and written
}

// MeasureCeiling takes some tenths of a second.
func MeasureCeiling(e graph.Env) Ceiling { return Ceiling{peakOf(e), copyOf(e)} }

// ceilingRounds is how often a ceiling is measured; the best counts.
const ceilingRounds = 15

func peakOf(e graph.Env) (best float64) {
	threads := e.Pool.Threads()
	one := e.Kernels.PeakGFLOPS()
	turns := int(one * 1e5 / float64(e.Kernels.PeakFlops)) // 100 µs
	const calls = 10
	for range ceilingRounds {
		start := time.Now()
		e.Pool.Run(threads, func(int, int) {
			for range calls {
				e.Kernels.Peak(turns)
			}
		})
		flops := float64(threads * calls * turns * e.Kernels.PeakFlops)
		best = max(best, flops/float64(time.Since(start).Nanoseconds()))
	}
	if threads == 1 {
		best = max(best, one)
	}
	return best
}

func copyOf(e graph.Env) (best float64) {
	dst, src := noise(vectorFloats), noise(vectorFloats)
	threads := e.Pool.Threads()
	for range ceilingRounds {
		start := time.Now()
		e.Pool.Run(threads, func(part, _ int) {
			lo, hi := kernels.Chunk(vectorFloats, threads, part)
			copy(dst[lo:hi], src[lo:hi])
		})
		best = max(best, 8*vectorFloats/float64(time.Since(start).Nanoseconds()))
	}
	return best
}
