package criteria

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/secateur/secateur/pruning/groups"
)

// fused is what the default fusion adds up: a score of use, one of redundancy and one of information (reference:
// pruning §1.14).
const fused = "fisher-margin+obs+jmi"

const fusionPrefix = "fusion:"

// fuse is the criterion that adds the ranks inside a group that others give, names with + between.
func fuse(names string) (Criterion, error) {
	c := Criterion{Name: fusionPrefix + names, Family: "fusion", Source: "rank sum of " + strings.ReplaceAll(names, "+", ", ")}
	var parts []Criterion
	for _, name := range strings.Split(names, "+") {
		p, err := Lookup(name)
		if err != nil {
			return c, err
		}
		parts = append(parts, p)
		c.Needs, c.Labels, c.Cost = c.Needs|p.Needs, c.Labels || p.Labels, max(c.Cost, p.Cost)
		c.CostGroup, c.CostUnit = c.CostGroup+p.CostGroup, c.CostUnit+p.CostUnit
	}
	c.Score = func(m *Matrices, g *groups.Group) ([]float64, error) {
		sum := make([]float64, len(g.Units))
		for _, p := range parts {
			v, err := m.score(p, g)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.Name, err)
			}
			for i, r := range Ranks(v) {
				sum[i] += r
			}
		}
		return sum, nil
	}
	return c, nil
}

// Ranks are the places of v in ascending order, from 0; equal values share the mean of their places, and what is no
// number comes first.
func Ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	value := func(i int) float64 {
		if !finite(v[i]) {
			return lowest(v) - 1
		}
		return v[i]
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(value(a), value(b)) })
	out := make([]float64, len(v))
	for lo := 0; lo < len(order); {
		hi := lo
		for hi < len(order) && value(order[hi]) == value(order[lo]) {
			hi++
		}
		for _, i := range order[lo:hi] {
			out[i] = float64(lo+hi-1) / 2
		}
		lo = hi
	}
	return out
}
