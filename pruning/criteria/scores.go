package criteria

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/pruning/groups"
)

// Scores is one criterion's judgement of one group.
type Scores struct {
	Values  []float64 // by unit, high means keep, finite
	Order   []int     // units from the first to go to the last; ties in a seeded random order
	Floored int       // values that were NaN or infinite and count as the lowest
	Ties    int       // units that share their value with the one before in Order
}

// Score asks a criterion for one group. NaN and infinities, which dead filters produce, become
// the lowest finite value and go first. The error names the group and what is missing.
func Score(c Criterion, m *Matrices, g *groups.Group) (*Scores, error) {
	if err := m.check(c.Needs, g); err != nil {
		return nil, fmt.Errorf("%s of %s: %w", c.Name, g.Name, err)
	}
	v, err := m.score(c, g)
	if err == nil && len(v) != len(g.Units) {
		err = fmt.Errorf("%d scores for %d units", len(v), len(g.Units))
	}
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", c.Name, g.Name, err)
	}
	return rank(v, m.Seed, g.Name), nil
}

func rank(v []float64, seed uint64, name string) *Scores {
	s := &Scores{Values: v}
	floored := make([]bool, len(v))
	low := lowest(v)
	for i, x := range v {
		if !finite(x) {
			floored[i], v[i] = true, low
			s.Floored++
		}
	}
	key := random.Stream(seed, name+" ties", 0).Perm(len(v))
	s.Order = make([]int, len(v))
	for i := range v {
		s.Order[i] = i
	}
	slices.SortFunc(s.Order, func(a, b int) int {
		switch {
		case v[a] < v[b]:
			return -1
		case v[a] > v[b]:
			return 1
		}
		return cmp.Or(first(floored[a], floored[b]), cmp.Compare(key[a], key[b]))
	})
	for i := 1; i < len(v); i++ {
		if v[s.Order[i]] == v[s.Order[i-1]] {
			s.Ties++
		}
	}
	return s
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// lowest is the least finite value, 0 without one.
func lowest(v []float64) float64 {
	low := math.Inf(1)
	for _, x := range v {
		if finite(x) {
			low = min(low, x)
		}
	}
	if !finite(low) {
		return 0
	}
	return low
}

// first orders true before false.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// randomScore is uniform noise by seed and group.
func randomScore(m *Matrices, g *groups.Group) ([]float64, error) {
	rng := random.Stream(m.Seed, g.Name+" random", 0)
	s := make([]float64, len(g.Units))
	for i := range s {
		s[i] = rng.Float64()
	}
	return s, nil
}
