package bench

import (
	"slices"
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
	if e.Pool.Threads() == 1 {
		best = e.Kernels.PeakGFLOPS()
	}
	round := peakRound(e)
	for range ceilingRounds {
		best = max(best, round())
	}
	return best
}

// peakRound is a function that measures the peak for a millisecond, in GFLOP/s.
func peakRound(e graph.Env) func() float64 {
	const calls, flops = 10, 1e5 // of a call, in multiples of the peak a nanosecond: 100 µs
	threads := e.Pool.Threads()
	turns := int(e.Kernels.PeakGFLOPS() * flops / float64(e.Kernels.PeakFlops))
	body := func(int, int) {
		for range calls {
			e.Kernels.Peak(turns)
		}
	}
	return func() float64 {
		start := time.Now()
		e.Pool.Run(threads, body)
		return float64(threads*calls*turns*e.Kernels.PeakFlops) / float64(time.Since(start).Nanoseconds())
	}
}

// RoundsAndPeak is Rounds with a round of the FMA peak after each. What a machine can do changes with what
// others do on it: the median of a kernel is to be compared with peak, the median of those rounds, in GFLOP/s.
func (w Work) RoundsAndPeak(e graph.Env, rounds int, round time.Duration, between func() error) (t Times, peak float64, err error) {
	next, peaks := peakRound(e), []float64{}
	t, err = w.Rounds(rounds, round, func() error {
		peaks = append(peaks, next())
		if between == nil {
			return nil
		}
		return between()
	})
	slices.Sort(peaks)
	return t, peaks[len(peaks)/2], err
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
