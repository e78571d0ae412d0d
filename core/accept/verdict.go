package accept

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
)

// Rules is what a candidate must reach on the golden set. Accuracies are shares from 0 to 1.
type Rules struct {
	Margin      float64       `json:"margin"`       // that overall accuracy may lie below the live model's
	WorstMargin float64       `json:"worst_margin"` // that a class's accuracy may lie below what the live model has of it
	Floor       float64       `json:"floor"`        // least accuracy of the worst class, whatever the live model has
	Latency     time.Duration `json:"latency"`      // most that the median image may take; 0: not judged
}

// DefaultRules: not below the live model overall, one picture in twenty in a class, no class below half.
func DefaultRules() Rules { return Rules{WorstMargin: 0.05, Floor: 0.5} }

// Verdict is whether a candidate may go live, and why not.
type Verdict struct {
	Accepted  bool         `json:"accepted"`
	Reasons   []string     `json:"reasons,omitempty"`
	Candidate *eval.Report `json:"candidate"`
	Live      *eval.Report `json:"live,omitempty"` // on the same pictures; none: there is no live model
}

// ErrRefused says that a model may not go live.
var ErrRefused = errors.New("refused")

// Err is nil for an accepted candidate, else ErrRefused with the reasons.
func (v *Verdict) Err() error {
	if v.Accepted {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrRefused, strings.Join(v.Reasons, "; "))
}

// Judge runs the candidate and the live model (nil: none) over the golden set. A model that cannot be run is refused,
// not an error; an error is a golden set that cannot be read, or an interruption.
func Judge(ctx context.Context, env graph.Env, candidate, live *graph.Graph, g *Golden, r Rules) (*Verdict, error) {
	v := &Verdict{Reasons: wrongClasses(candidate, g.Classes)}
	if len(v.Reasons) > 0 {
		return v, nil
	}
	var err error
	if v.Candidate, err = onGolden(ctx, env, candidate, g.Samples); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		v.Reasons = []string{err.Error()}
		return v, nil
	}
	if live != nil && len(wrongClasses(live, g.Classes)) == 0 { // a live model of other classes sets no mark
		if v.Live, err = onGolden(ctx, env, live, g.Samples); err != nil {
			return nil, fmt.Errorf("live model: %w", err)
		}
	}
	v.Reasons = compare(v.Candidate, v.Live, g.Classes, r)
	v.Accepted = len(v.Reasons) == 0
	return v, nil
}

func onGolden(ctx context.Context, env graph.Env, m *graph.Graph, samples []data.Sample) (*eval.Report, error) {
	return eval.Evaluate(ctx, env, m, samples, eval.Options{Latency: true})
}

// wrongClasses says how a model's classes differ from those of the line. Their order counts: what reads the model's
// outputs by index would take one class for another.
func wrongClasses(m *graph.Graph, want []string) []string {
	if got := m.Labels(); !slices.Equal(got, want) {
		return []string{fmt.Sprintf("the model's classes are %q, the golden set's %q", got, want)}
	}
	return nil
}

// compare is what speaks against the candidate.
func compare(candidate, live *eval.Report, classes []string, r Rules) (reasons []string) {
	no := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	if live != nil && candidate.Accuracy < live.Accuracy-r.Margin {
		no("%.1f %% of the golden set right, the live model has %.1f and may lose %.1f", 100*candidate.Accuracy, 100*live.Accuracy, 100*r.Margin)
	}
	for _, c := range slices.Sorted(maps.Keys(candidate.PerClass)) {
		got := candidate.PerClass[c].Accuracy
		if got < r.Floor {
			no("class %s: %.1f %% right, at least %.1f are wanted", c, 100*got, 100*r.Floor)
		}
		if live == nil {
			continue
		}
		if had := live.PerClass[c].Accuracy; got < had-r.WorstMargin {
			no("class %s: %.1f %% right, the live model has %.1f and may lose %.1f", c, 100*got, 100*had, 100*r.WorstMargin)
		}
	}
	if missing := len(classes) - len(candidate.PerClass); missing > 0 {
		no("%d of %d classes have no picture in the golden set", missing, len(classes))
	}
	if budget := float64(r.Latency) / float64(time.Millisecond); budget > 0 && candidate.Latency.P50 > budget {
		no("the median image takes %.2f ms, the line allows %.2f", candidate.Latency.P50, budget)
	}
	return reasons
}
