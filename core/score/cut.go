package score

import (
	"fmt"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/ridge"
)

// Cut is the question of one cut: by which scores, and down to what.
type Cut struct {
	Criterion criteria.Criterion
	Allocator string
	Budget    pruning.Budget
	Costs     func(*graph.Graph) (groups.Cost, error) // as Costs makes it; nil counts MACs and parameters
	Original  groups.Cost
	Target    int64 // instead of the budget's own; 0: the budget's
	Limits    pruning.Limits
	Seed      uint64
	// Measure, when set, is asked what a planned network really costs of what the budget counts; the plan goes further
	// while that misses the target.
	Measure func(*graph.Graph) (groups.Cost, error)
}

// corrections is how often a plan is made again because measuring it missed the target.
const corrections = 3

// allocate answers the question, and again with a lower target while the measured cost misses it.
func (c Cut) allocate(a pruning.Allocation, st *groups.Structure) (*pruning.Plan, error) {
	p, err := a.Allocate(st)
	if err != nil || c.Measure == nil {
		return p, err
	}
	want := p.Target
	for again := 0; ; again++ {
		g, _, err := groups.Cut(st.Graph, st, p.Remove)
		if err != nil {
			return nil, err
		}
		if p.After, err = c.Measure(g); err != nil {
			return nil, err
		}
		got, aimed, possible := c.Budget.Part(p.After), p.Target, p.Met
		p.Target, p.Met = want, got <= want
		if p.Met || !possible || again == corrections {
			return p, nil
		}
		a.Target = int64(0.99 * float64(aimed) * float64(want) / float64(got))
		if p, err = a.Allocate(st); err != nil {
			return nil, err
		}
	}
}

// Plan scores the groups of g and allocates the cut.
func (s *Scorer) Plan(g *graph.Graph, c Cut) (*groups.Structure, *pruning.Plan, error) {
	st, err := groups.Find(g)
	if err != nil {
		return nil, nil, err
	}
	comparable := c.Criterion
	if pruning.Compares(c.Allocator) && !comparable.Comparable {
		if comparable, err = criteria.Lookup(DefaultAcross); err != nil {
			return nil, nil, err
		}
	}
	k, err := s.judged(st, c.Criterion.Needs|comparable.Needs)
	if err != nil {
		return nil, nil, fmt.Errorf("criterion %s: %w", c.Criterion.Name, err)
	}
	ranking, err := pruning.Rank(c.Criterion, st, c.Limits, k.Matrices)
	if err != nil {
		return nil, nil, err
	}
	across := ranking
	if comparable.Name != c.Criterion.Name {
		if across, err = pruning.Rank(comparable, st, c.Limits, k.Matrices); err != nil {
			return nil, nil, err
		}
	}
	a := pruning.Allocation{Allocator: c.Allocator, Budget: c.Budget, Costs: c.Costs, Original: c.Original, Target: c.Target, Limits: c.Limits,
		Select: ranking, Across: across, Seed: c.Seed}
	if c.Allocator == "sensitivity" {
		if a.Curves, err = s.Sensitivity(st, ranking); err != nil {
			return nil, nil, err
		}
	}
	p, err := c.allocate(a, st)
	return st, p, err
}

// judged collects, and tells the cautions about what was collected. Activations are looked at with whatever else lies at the
// gates: they show a dead layer.
func (s *Scorer) judged(st *groups.Structure, needs criteria.Needs) (*Collected, error) {
	if needs&atGates != 0 {
		needs |= criteria.Activations
	}
	k, err := s.Collect(st, needs)
	if err != nil || s.Warn == nil {
		return k, err
	}
	for _, caution := range k.Cautions(st) {
		if err := s.Warn(caution); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// DefaultAcross compares layers where the selector cannot: allocator × selector.
const DefaultAcross = "fisher-margin"

// Repair is what makes up for a cut without training.
type Repair int

// Repairs, each with what the one before does. Without images there is none.
const (
	NoRepair Repair = iota
	Norm            // batch norm is estimated again
	Rebuild         // removed channels are rebuilt from the kept ones where they are read
)

// Apply cuts and repairs. The network returned shares no value with the one that was cut.
func (s *Scorer) Apply(st *groups.Structure, remove map[int][]int, how Repair) (*graph.Graph, *groups.Change, error) {
	if len(s.Samples) == 0 {
		how = NoRepair
	}
	var stats map[string]ridge.Moments
	var err error
	if how == Rebuild {
		if stats, err = s.Moments(st, losing(st, remove)); err != nil {
			return nil, nil, err
		}
	}
	g, change, _, err := pruning.Prune(st.Graph, st, remove, stats)
	if err != nil {
		return nil, nil, err
	}
	g = g.Copy()
	if how >= Norm {
		err = s.Reestimate(g, st.Graph, change)
	}
	return g, change, err
}

// losing are the groups that lose units.
func losing(st *groups.Structure, remove map[int][]int) []*groups.Group {
	var list []*groups.Group
	for _, g := range st.Groups {
		if len(remove[g.ID]) > 0 {
			list = append(list, g)
		}
	}
	return list
}
