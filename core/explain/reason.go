package explain

import (
	"fmt"
	"math"
)

// Reason is why a filter went, or stayed (reference: pruning §6.3).
type Reason string

// Reasons, in the order in which the first that holds is taken; the last two are of kept filters.
const (
	Silent        Reason = "silent"
	Duplicate     Reason = "duplicate"
	Harmful       Reason = "harmful"
	Uninformative Reason = "uninformative"
	Background    Reason = "background"
	SourceOnly    Reason = "source-only"
	Cheap         Reason = "cheap to lose"
	Rounding      Reason = "kept by rounding"
	Useful        Reason = "kept"
)

// Reasons of removed filters, in the order in which the first that holds is taken.
var Reasons = []Reason{Silent, Duplicate, Harmful, Uninformative, Background, SourceOnly, Cheap}

// When they hold.
const (
	silentShare     = 0.01 // of positions
	sameCorrelation = 0.95
	rebuiltResidual = 0.02
	ignorantP       = 0.2
	littleInside    = 0.02 // overlap with the marked parts
	muchOutside     = 0.05 // and with the rest
	leftoverRank    = 0.1
	harmfulP        = 0.05
)

// facts are what a reason follows from.
type facts struct {
	active, residual, correlation, p float64
	inside, outside                  float64 // NaN without masks or boxes
	usage                            float64 // highest percentile under Γ of the margin and relevance
	without                          *Without
	nearest                          int // number of the nearest kept filter, -1 without one
	influence, cost                  float64
	finds                            bool // the network is a detector
}

// reason is the first that holds of a removed filter, and Cheap where none does.
func (f *facts) reason() Reason {
	switch {
	case f.active < silentShare:
		return Silent
	case f.nearest >= 0 && (math.Abs(f.correlation) > sameCorrelation || f.residual < rebuiltResidual):
		return Duplicate
	case f.without != nil && f.without.Loss < 0 && f.without.P < harmfulP:
		return Harmful
	case f.p > ignorantP:
		return Uninformative
	case f.inside < littleInside && f.outside > muchOutside:
		return Background
	case f.usage < leftoverRank:
		return SourceOnly
	}
	return Cheap
}

// sentence says a reason in words.
func (f *facts) sentence(r Reason, multiple int) string {
	switch r {
	case Silent:
		return "It hardly ever responds on your parts."
	case Duplicate:
		if math.Abs(f.correlation) > sameCorrelation {
			return fmt.Sprintf("Filter %d sees the same thing.", f.nearest)
		}
		return fmt.Sprintf("The kept filters together see the same thing, filter %d most of all.", f.nearest)
	case Harmful:
		return "Removing it makes mistakes rarer."
	case Uninformative:
		if f.finds {
			return "It responds alike on all objects and on what lies between them."
		}
		return "It responds alike on all classes of parts."
	case Background:
		return "It looks at the background, not at the part."
	case SourceOnly:
		return "A leftover of the earlier training: no effect here."
	case Rounding:
		return fmt.Sprintf("Kept: the width must be a multiple of %d.", multiple)
	case Useful:
		return fmt.Sprintf("Kept: %s of its layer's influence on the decision.", share(f.influence))
	}
	return fmt.Sprintf("Little use for its cost: %s of the multiply-adds, %s of its layer's influence on the decision.", share(f.cost), share(f.influence))
}

// share is a share in percent with two digits.
func share(v float64) string {
	if v = 100 * v; v > 0 && v < 0.01 {
		return "under 0.01 %"
	}
	return fmt.Sprintf("%.2g %%", v)
}

// facts are those of a unit, without what it is like to be without it.
func (l *layer) facts(e *explainer, u int) *facts {
	f := &facts{active: l.active[u], residual: l.residual[u], p: l.p[u], correlation: l.nearest[u].correlation, nearest: -1,
		influence: l.influence[u], cost: l.cost[u], finds: e.finds, inside: math.NaN(), outside: math.NaN(), usage: 1}
	if v := l.nearest[u].unit; v >= 0 {
		f.nearest = l.filter(v)
	}
	if l.inside != nil {
		f.inside, f.outside = l.inside[u], l.outside[u]
	}
	usage := -1.0
	for i, c := range e.names {
		if (c.Name == "taylor-margin" || c.Name == "lrp") && l.ranks[i] != nil {
			usage = math.Max(usage, l.ranks[i][u])
		}
	}
	if usage >= 0 {
		f.usage = usage
	}
	return f
}

// filter is the number of a unit along the producing weight.
func (l *layer) filter(u int) int { return l.group.Units[u].Indices(l.group.Producers[0].Weight, 0)[0] }

// rounded are the kept units that would have gone but for the width: they are fewer than one step of it.
func (l *layer) rounded(e *explainer) map[int]bool {
	multiple, out := e.Env.Kernels.Width, map[int]bool{}
	kept := len(l.group.Units) - len(l.gone)
	if len(l.gone) == 0 || multiple < 2 || kept%multiple != 0 {
		return out
	}
	for u := range l.group.Units {
		if _, gone := l.gone[u]; gone {
			continue
		}
		if r := l.facts(e, u).reason(); r == Silent || r == Duplicate || r == SourceOnly {
			out[u] = true
		}
	}
	if len(out) >= multiple {
		clear(out)
	}
	return out
}
