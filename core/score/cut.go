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
	Original  groups.Cost
	Target    int64 // instead of the budget's own; 0: the budget's
	Limits    pruning.Limits
	Seed      uint64
}

// Plan scores the groups of g and allocates the cut.
func (s *Scorer) Plan(g *graph.Graph, c Cut) (*groups.Structure, *pruning.Plan, error) {
	st, err := groups.Find(g)
	if err != nil {
		return nil, nil, err
	}
	comparable := c.Criterion
	if c.Allocator == "global" && !comparable.Comparable {
		if comparable, err = criteria.Lookup(DefaultAcross); err != nil {
			return nil, nil, err
		}
	}
	k, err := s.Collect(st, c.Criterion.Needs|comparable.Needs)
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
	p, err := pruning.Allocation{Allocator: c.Allocator, Budget: c.Budget, Original: c.Original, Target: c.Target, Limits: c.Limits,
		Select: ranking, Across: across, Seed: c.Seed}.Allocate(st)
	return st, p, err
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
