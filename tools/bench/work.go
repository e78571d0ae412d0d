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

// Rounds times rounds of as many repetitions as fill a round, after one that is not counted.
// between, when it is not nil, is called after each round and may stop.
func (w Work) Rounds(rounds int, round time.Duration, between func() error) (Times, error) {
	w.Run()
	n := w.perRound(round)
	ts := make([]time.Duration, 0, rounds)
	for range rounds {
		start := time.Now()
		for range n {
			w.Run()
		}
		ts = append(ts, time.Since(start)/time.Duration(n))
		if between != nil {
			if err := between(); err != nil {
				return Summary(ts), err
			}
		}
	}
	return Summary(ts), nil
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
