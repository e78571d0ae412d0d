package latency

import (
	"slices"
	"time"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
)

// A layer is timed for so long, and for so many runs at least; the median counts.
const (
	timedFor  = 2 * time.Millisecond
	timedRuns = 5
)

// Time is the median time of one image through g on e, batch norm folded.
func Time(e graph.Env) Timer {
	return func(g *graph.Graph) (time.Duration, error) {
		p, err := plan.Compile(g, plan.Options{Env: e, Batch: 1, Fold: true})
		if err != nil {
			return 0, err
		}
		if err := p.Run(); err != nil { // memory and caches are warm after it
			return 0, err
		}
		var runs []time.Duration
		for began := time.Now(); len(runs) < timedRuns || time.Since(began) < timedFor; {
			at := time.Now()
			if err := p.Run(); err != nil {
				return 0, err
			}
			runs = append(runs, time.Since(at))
		}
		slices.Sort(runs)
		return runs[len(runs)/2], nil
	}
}
