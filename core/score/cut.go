package score

import (
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
	ranking, err := s.Rank(c.Criterion, st, c.Limits)
	if err != nil {
		return nil, nil, err
	}
	across := ranking
	if c.Allocator == "global" && !c.Criterion.Comparable {
		fisher, err := criteria.Lookup(defaultAcross)
		if err != nil {
			return nil, nil, err
		}
		if across, err = s.Rank(fisher, st, c.Limits); err != nil {
			return nil, nil, err
		}
	}
	p, err := pruning.Allocation{Allocator: c.Allocator, Budget: c.Budget, Original: c.Original, Target: c.Target, Limits: c.Limits,
		Select: ranking, Across: across, Seed: c.Seed}.Allocate(st)
	return st, p, err
}

// defaultAcross compares layers where the selector cannot: allocator × selector.
const defaultAcross = "fisher-margin"

// Apply cuts: the consumers of removed channels are repaired from the images first, and batch norm
// is estimated again after it. The network returned shares no value with the one that was cut.
func (s *Scorer) Apply(st *groups.Structure, remove map[int][]int) (*graph.Graph, *groups.Change, error) {
	var stats map[string]ridge.Moments
	var err error
	if len(s.Samples) > 0 {
		if stats, err = s.Moments(st, losing(st, remove)); err != nil {
			return nil, nil, err
		}
	}
	g, change, _, err := pruning.Prune(st.Graph, st, remove, stats)
	if err != nil {
		return nil, nil, err
	}
	g = g.Copy()
	if len(s.Samples) > 0 {
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
