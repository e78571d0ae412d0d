package bench

import (
	"time"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
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
	if e.Pool.Threads() == 1 {
		best = e.Kernels.PeakGFLOPS()
	}
	round := peakRound(e)
	for range ceilingRounds {
		best = max(best, round())
	}
	return best
}

// peakRound is a function that measures the peak for 50 µs, in GFLOP/s.
func peakRound(e graph.Env) func() float64 { return yardstick(e, e.Kernels.Peak) }

// loadsRound is the same of Loads.
func loadsRound(e graph.Env) func() float64 {
	x := tensor.Floats(kernels.LoadsFloats)
	return yardstick(e, func(turns int) { e.Kernels.Loads(turns, &x[0]) })
}

func yardstick(e graph.Env, loop func(turns int)) func() float64 {
	const ns = 5e4 // of a call: long beside the clock, short enough for the collector
	threads := e.Pool.Threads()
	turns := int(e.Kernels.PeakGFLOPS() * ns / float64(e.Kernels.PeakFlops))
	body := func(int, int) { loop(turns) }
	return func() float64 {
		start := time.Now()
		e.Pool.Run(threads, body)
		return float64(threads*turns*e.Kernels.PeakFlops) / float64(time.Since(start).Nanoseconds())
	}
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
