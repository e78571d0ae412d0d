package bench

import (
	"math"
	"slices"
	"time"

	"github.com/secateur/secateur/core/graph"
)

// Share is how long a work takes, and what part of the FMA peak that is.
type Share struct {
	Times         // of a repetition
	Peak  float64 // GFLOP/s, the median of rounds between those of the work
	// Quiet is the part of the peak in the median of those rounds alone during which nobody else computed on the same cores, as far
	// as Loads before and after shows: what a machine of one's own gives. 0 where less than ten were quiet.
	Quiet       float64
	QuietRounds int
}

// Of is the share of the peak that w has, by medians.
func (s Share) Of(w Work) float64 { return w.Flops / float64(max(s.Median.Nanoseconds(), 1)) / s.Peak }

const (
	quietLoads = 0.97 // of the peak that Loads reaches on cores that nobody else uses, at least
	quietLeast = 10
)

// Share times rounds of the work, with rounds of the FMA peak between them: what a machine can do changes with what others do
// on it. A repetition that is longer than a round is cut into pieces, if the work can be, and each is as often a round as the others.
// between, when it is not nil, is called after each round and may stop.
func (w Work) Share(e graph.Env, rounds int, length time.Duration, between func() error) (s Share, err error) {
	loads, peak := loadsRound(e), peakRound(e)
	w.Run()
	pieces := w.pieces(length)
	var ts []time.Duration
	var seen []round
	for i := 0; i < (rounds+len(pieces)-1)/len(pieces)*len(pieces) && err == nil; i++ {
		p := pieces[i%len(pieces)]
		before, start := loads(), time.Now()
		p.run()
		t := float64(time.Since(start).Nanoseconds()) / p.of
		ts, seen = append(ts, time.Duration(t)), append(seen, round{w.Flops / t, min(before, loads()), peak()})
		if between != nil {
			err = between()
		}
	}
	s = Share{Times: Summary(ts), Peak: median(seen, round.ofPeak)}
	seen = slices.DeleteFunc(seen, func(r round) bool { return r.loads < quietLoads*s.Peak })
	if s.QuietRounds = len(seen); s.QuietRounds >= quietLeast {
		s.Quiet = median(seen, round.ofWork) / median(seen, round.ofPeak)
	}
	return s, err
}

// round is what one did, in GFLOP/s: the work, Loads in its slower measurement beside, and the peak.
type round struct{ work, loads, peak float64 }

func (r round) ofWork() float64 { return r.work }
func (r round) ofPeak() float64 { return r.peak }

func median(rounds []round, of func(round) float64) float64 {
	v := make([]float64, len(rounds))
	for i, r := range rounds {
		v[i] = of(r)
	}
	slices.Sort(v)
	return v[len(v)/2]
}

// GeometricMean of shares; 0 where one is 0.
func GeometricMean(shares []float64) float64 {
	sum := 0.0
	for _, s := range shares {
		sum += math.Log(s)
	}
	return math.Exp(sum / float64(len(shares)))
}
