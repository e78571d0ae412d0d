// Package bench holds what is measured: training steps, inferences and kernels, each a piece of
// work that can be repeated and counts its operations.
package bench

import (
	"slices"
	"time"
)

// Work is something that is measured by repeating it.
type Work struct {
	Name  string
	Run   func()
	Flops float64 // floating-point operations of a repetition, a multiply-add is two
	Bytes float64 // bytes that have to be read and written at least, 0 where nobody asks
	// Pieces is the work as at most n others, done one after the other. nil if it cannot be cut.
	Pieces func(n int) []Work
}

// Times is how long repetitions of a work took.
type Times struct {
	Median time.Duration
	Best   time.Duration
	Runs   int
}

// Summary is the times of repetitions, in any order.
func Summary(ts []time.Duration) Times {
	if len(ts) == 0 {
		return Times{}
	}
	s := slices.Sorted(slices.Values(ts))
	return Times{Median: s[len(s)/2], Best: s[0], Runs: len(s)}
}

// Time is how long one repetition takes.
func (w Work) Time() time.Duration {
	start := time.Now()
	w.Run()
	return time.Since(start)
}

// perRound is how many repetitions fill a round: doubled until they take a fifth of it, then
// extrapolated, so that short work is not judged by one call.
func (w Work) perRound(round time.Duration) int {
	for n := 1; ; n *= 2 {
		start := time.Now()
		for range n {
			w.Run()
		}
		if took := time.Since(start); took*5 >= round || n >= 1<<24 {
			return max(1, int(float64(n)*float64(round)/float64(took)))
		}
	}
}

// piece is what a round does: of is how many repetitions of the work that is.
type piece struct {
	run func()
	of  float64
}

// pieces are as many repetitions as fill a round, or parts of one that is longer. The work has run before.
func (w Work) pieces(round time.Duration) (ps []piece) {
	if took := w.Time(); w.Pieces != nil && took > 2*round {
		for _, p := range w.Pieces(int(took / round)) {
			ps = append(ps, piece{p.Run, p.Flops / w.Flops})
		}
		return ps
	}
	n := w.perRound(round)
	return []piece{{func() {
		for range n {
			w.Run()
		}
	}, float64(n)}}
}
