package pruning

import (
	"math"

	"github.com/secateur/secateur/pruning/groups"
)

// saved is what the allocator divides scores by, nil where it does not.
func (a Allocation) saved() func(groups.Cost) int64 {
	switch a.Allocator {
	case "latency":
		return func(c groups.Cost) int64 { return c.Latency }
	case "memory":
		return func(c groups.Cost) int64 { return c.Memory }
	case "budget":
		return a.Budget.Part
	}
	return nil
}

// perSaving orders the steps of one group by score for what they save, each with all other groups at their
// present width, along the lower hull of score over saving: a step that costs more for less than the
// one behind it is taken together with that one. So a stair of the kernels is taken whole or not at all (reference:
// HALP, arXiv:2110.10811, items as large as a step of the latency table). What saves nothing goes last.
func (t *trial) perSaving(steps []step) ([]step, error) {
	saved := t.a.saved()
	before := saved(t.before)
	var hull []item
	for i, st := range steps {
		c, err := t.cost(steps[:i+1])
		if err != nil {
			return nil, err
		}
		after := saved(c)
		hull = append(hull, item{st, st.at * float64(st.from-st.to), float64(before - after)})
		hull = merge(hull)
		before = after
	}
	out := make([]step, len(hull))
	for i, x := range hull {
		out[i] = x.step
		out[i].at = x.price()
	}
	return out, nil
}

// item is a step of the knapsack.
type item struct {
	step
	score, saving float64
}

// price is the score given up for what one unit of time or memory saves.
func (x item) price() float64 {
	if x.saving <= 0 {
		return math.Inf(1)
	}
	return x.score / x.saving
}

// merge joins the last item with the ones before it that are not cheaper.
func merge(hull []item) []item {
	for n := len(hull); n > 1 && hull[n-1].price() <= hull[n-2].price(); n-- {
		a, b := hull[n-2], hull[n-1]
		a.to = b.to
		hull = append(hull[:n-2], item{a.step, a.score + b.score, a.saving + b.saving})
	}
	return hull
}
