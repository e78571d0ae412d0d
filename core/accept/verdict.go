package accept

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/detect"
	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
)

// Rules is what a candidate must reach on the golden set. Accuracies, of a detector average precision, are shares from
// 0 to 1; see marks.
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
	v := &Verdict{Reasons: g.misfits(candidate)}
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
	if live != nil && len(g.misfits(live)) == 0 { // a live model of other classes sets no mark
		if v.Live, err = onGolden(ctx, env, live, g.Samples); err != nil {
			return nil, fmt.Errorf("live model: %w", err)
		}
	}
	v.Reasons = compare(v.Candidate, v.Live, g.Classes, r)
	v.Accepted = len(v.Reasons) == 0
	return v, nil
}

func onGolden(ctx context.Context, env graph.Env, m *graph.Graph, samples []data.Sample) (*eval.Report, error) {
	return detect.Measurer(m)(ctx, env, m, samples, eval.Options{Latency: true})
}

// misfits says how a model differs from what the golden set asks. The order of classes counts: what reads the model's
// outputs by index would take one class for another.
func (g *Golden) misfits(m *graph.Graph) []string {
	if detector := detect.Is(m); detector != g.Boxes {
		return []string{fmt.Sprintf("the model is a %s, the golden set is one of a %s", kind(detector), kind(g.Boxes))}
	}
	if got := m.Labels(); !slices.Equal(got, g.Classes) {
		return []string{fmt.Sprintf("the model's classes are %q, the golden set's %q", got, g.Classes)}
	}
	return nil
}

func kind(detector bool) string {
	if detector {
		return "detector"
	}
	return "classifier"
}

// compare is what speaks against the candidate: its first mark is held against the live model's with the margin of the
// whole, the others with that of a class.
func compare(candidate, live *eval.Report, classes []string, r Rules) (reasons []string) {
	no := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	rarest, _ := candidate.Rarest()
	var had []mark
	if live != nil {
		had = marks(live, rarest)
	}
	seen := map[string]bool{}
	for i, m := range marks(candidate, rarest) {
		margin := r.WorstMargin
		if i == 0 {
			margin = r.Margin
		}
		if m.class != "" && m.value < r.Floor {
			no("%v, at least %.1f are wanted", m, 100*r.Floor)
		}
		if live != nil && m.value < had[i].value-margin {
			no("%v, the live model has %.1f and may lose %.1f", m, 100*had[i].value, 100*margin)
		}
		seen[m.class] = true
	}
	if missing := len(classes) - len(seen) + 1; missing > 0 {
		no("%d of %d classes have no picture in the golden set", missing, len(classes))
	}
	if budget := float64(r.Latency) / float64(time.Millisecond); budget > 0 && candidate.Latency.P50 > budget {
		no("the median image takes %.2f ms, the line allows %.2f", candidate.Latency.P50, budget)
	}
	return reasons
}
