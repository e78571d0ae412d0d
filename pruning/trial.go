package pruning

import (
	"slices"
	"sort"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/pruning/groups"
)

// trial measures runs of steps.
type trial struct {
	a      Allocation
	s      *groups.Structure
	costs  func(map[int][]int) (groups.Cost, error)
	before groups.Cost
	target int64
}

func newTrial(a Allocation, s *groups.Structure) (*trial, error) {
	of := a.Costs
	if of == nil {
		of = func(g *graph.Graph) (groups.Cost, error) { return groups.CostOf(g), nil }
	}
	t := &trial{a: a, s: s, costs: s.Costs(of), target: a.Target}
	if t.target <= 0 {
		t.target = a.Budget.Target(a.Original)
	}
	var err error
	t.before, err = of(s.Graph)
	return t, err
}

// needsFine reports whether whole multiples, without a cap per turn, miss the target.
func (t *trial) needsFine() (bool, error) {
	if t.a.Limits.multiple() == 1 {
		return false, nil
	}
	all := t.a.groupSteps(t.s, false, func(w []int) []int { return w })
	c, err := t.cost(slices.Concat(all...))
	return t.a.Budget.Part(c) > t.target, err
}

// steps is what may go, in the order in which it goes.
func (t *trial) steps(fine bool) ([]step, error) {
	byGroup := t.a.groupSteps(t.s, fine, t.a.Limits.capped)
	if t.a.saved() != nil {
		for i, list := range byGroup {
			var err error
			if byGroup[i], err = t.perSaving(list); err != nil {
				return nil, err
			}
		}
	}
	return t.a.sorted(t.s, byGroup), nil
}

func (t *trial) cost(steps []step) (groups.Cost, error) {
	return t.costs(t.a.removal(steps))
}

// shortest is the least number of steps whose cost is within the target, or all of them. Counts
// only fall as steps are added, so bisection finds it; a predicted time may rise by a step, and then what is
// found is some number of steps within the target whose last one is needed.
func (t *trial) shortest(steps []step) (int, groups.Cost, error) {
	var failed error
	n := sort.Search(len(steps), func(k int) bool {
		c, err := t.cost(steps[:k])
		if err != nil {
			failed = err
		}
		return err != nil || t.a.Budget.Part(c) <= t.target
	})
	if failed != nil {
		return 0, groups.Cost{}, failed
	}
	c, err := t.cost(steps[:n])
	return n, c, err
}
