package pruning

import (
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// Decision is why one unit goes.
type Decision struct {
	Group     string  `json:"group"`
	Unit      int     `json:"unit"`   // in the group
	Leaf      string  `json:"leaf"`   // the producing weight
	Filter    int     `json:"filter"` // index along axis 0 of Leaf, in the graph that is cut
	Criterion string  `json:"criterion"`
	Score     float64 `json:"score"`
	Rank      int     `json:"rank"` // from 0, the lowest of the group
	Of        int     `json:"of"`   // units in the group
	Step      int     `json:"step"` // of the allocation, from 0
	Allocator string  `json:"allocator"`
	Block     string  `json:"block,omitempty"` // the residual block that it went with, all of its branch
}

// decisions lists the units in the order in which the steps take them.
func (a Allocation) decisions(steps []step) []Decision {
	var list []Decision
	for i, st := range steps {
		f := len(st.group.Units)
		for rank := f - st.from; rank < f-st.to; rank++ {
			list = append(list, a.decide(st.group, rank, i))
		}
	}
	return list
}

func (a Allocation) decide(g *groups.Group, rank, step int) Decision {
	sc := a.Select.Scores[g.ID]
	u := sc.Order[rank]
	leaf := g.Producers[0].Weight
	return Decision{
		Group: g.Name, Unit: u, Leaf: leaf.Name, Filter: g.Units[u].Indices(leaf, 0)[0],
		Criterion: a.Select.Criterion.Name, Score: sc.Values[u],
		Rank: rank, Of: len(g.Units), Step: step, Allocator: a.Allocator,
	}
}

// Original gives each decision the filter's number in the network that change began with.
func Original(list []Decision, change *groups.Change) []Decision {
	out := make([]Decision, len(list))
	for i, d := range list {
		if change != nil {
			d.Filter = change.Origin(d.Leaf, 0, d.Filter)
		}
		out[i] = d
	}
	return out
}

// Worst is the group to suspect when the plan has done harm: the one that lost most score if
// the criterion compares across groups, else the one that lost the largest share. "" if nothing
// was removed.
func (p *Plan) Worst(c criteria.Criterion) string {
	lost := map[string]float64{}
	worst := ""
	for _, d := range p.Decisions {
		if c.Comparable {
			lost[d.Group] += d.Score
		} else {
			lost[d.Group] += 1 / float64(d.Of)
		}
		if worst == "" {
			worst = d.Group
		}
	}
	for _, d := range p.Decisions {
		if lost[d.Group] > lost[worst] {
			worst = d.Group
		}
	}
	return worst
}
