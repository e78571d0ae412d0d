package pruning

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
)

// Allocators is the names of the allocators: uniform takes the same share of every group, global
// takes what scores lowest wherever it is, latency, memory and budget what scores lowest for what it saves of
// the time of an image, of the peak of memory or of what the budget counts, and sensitivity cuts every group to where that alone costs
// the same loss.
func Allocators() []string {
	return []string{"uniform", "global", "latency", "memory", "budget", "sensitivity"}
}

// Compares reports whether an allocator compares scores of different groups.
func Compares(allocator string) bool { return allocator != "uniform" && allocator != "sensitivity" }

// Allocation is the question how many units of each group go, and which.
type Allocation struct {
	Allocator string // one of Allocators
	Budget    Budget
	// Costs is what a network costs, in what Budget counts and in what the allocator saves; nil counts MACs
	// and parameters.
	Costs    func(*graph.Graph) (groups.Cost, error)
	Original groups.Cost // that shares of the budget refer to
	// Target replaces the budget's number where it is above 0: the goal of one turn.
	Target int64
	Limits Limits
	// Select says which units of a group go first.
	Select Ranking
	// Across says how groups compare for allocators that do; without scores it is Select.
	Across Ranking
	// Curves are for sensitivity, by group ID, along the order of Select.
	Curves map[int]Curve
	Seed   uint64
}

// Ranking is one criterion's scores of the groups by ID.
type Ranking struct {
	Criterion criteria.Criterion
	Scores    map[int]*criteria.Scores
}

// Rank asks a criterion for every group that the limits allow to be cut. matrices gives those
// of a group.
func Rank(c criteria.Criterion, s *groups.Structure, l Limits, matrices func(*groups.Group) (*criteria.Matrices, error)) (Ranking, error) {
	r := Ranking{Criterion: c, Scores: map[int]*criteria.Scores{}}
	for _, g := range s.Groups {
		if !l.allows(g) {
			continue
		}
		m, err := matrices(g)
		if err != nil {
			return Ranking{}, err
		}
		if r.Scores[g.ID], err = criteria.Score(c, m, g); err != nil {
			return Ranking{}, err
		}
	}
	return r, nil
}

// Plan is an answer: what goes, and what that leads to.
type Plan struct {
	Remove    map[int][]int `json:"remove"`    // group ID to units, ascending
	Decisions []Decision    `json:"decisions"` // in the order of removal
	Before    groups.Cost   `json:"before"`
	After     groups.Cost   `json:"after"`
	Target    int64         `json:"target"` // of what the budget counts
	Met       bool          `json:"met"`    // After is within Target
	Fine      bool          `json:"fine"`   // whole multiples could not reach the target
}

// step is one cut of one group from a width to the next.
type step struct {
	group    *groups.Group
	from, to int
	at       float64 // steps go in ascending order of at
}

// Allocate finds the shortest run of steps that reaches the target: giving back the last step
// would miss it. A step takes a group from one multiple of Limits.Multiple to the next.
//
// Rule for what multiples leave: groups narrower than twice Multiple are left alone and widths
// stay multiples, unless all groups cut in whole multiples to their floors, over any number of
// turns, would still miss the target; then single units of all groups go as well. If the limits
// do not let the target be reached at all, everything they allow goes and Met is false.
func (a Allocation) Allocate(s *groups.Structure) (*Plan, error) {
	if err := a.check(s); err != nil {
		return nil, err
	}
	t, err := newTrial(a, s)
	if err != nil {
		return nil, err
	}
	fine, err := t.needsFine()
	if err != nil {
		return nil, err
	}
	steps, err := t.steps(fine)
	if err != nil {
		return nil, err
	}
	n, after, err := t.shortest(steps)
	if err != nil {
		return nil, err
	}
	p := &Plan{Remove: a.removal(steps[:n]), Before: t.before, After: after, Target: t.target, Fine: fine}
	p.Met = a.Budget.Part(after) <= t.target
	p.Decisions = a.decisions(steps[:n])
	return p, nil
}

func (a Allocation) check(s *groups.Structure) error {
	if !slices.Contains(Allocators(), a.Allocator) {
		return fmt.Errorf("allocator %q is not known, want %s", a.Allocator, strings.Join(Allocators(), " or "))
	}
	if a.Costs == nil && (!a.Budget.Counts() || a.Allocator == "latency" || a.Allocator == "memory") {
		return fmt.Errorf("budget %s with allocator %s wants a function that says what a network costs", a.Budget, a.Allocator)
	}
	across := a.across()
	if Compares(a.Allocator) && !across.Criterion.Comparable {
		return fmt.Errorf("criterion %s ranks inside a group only: allocator %s wants one that is comparable, such as taylor-gate or fisher",
			across.Criterion.Name, a.Allocator)
	}
	for _, g := range s.Groups {
		if !a.Limits.allows(g) {
			continue
		}
		for _, r := range []Ranking{a.Select, across} {
			if sc := r.Scores[g.ID]; sc == nil || len(sc.Order) != len(g.Units) {
				return fmt.Errorf("no scores of %s by %s", g.Name, r.Criterion.Name)
			}
		}
		if a.Allocator == "sensitivity" && len(a.Curves[g.ID]) < 2 {
			return fmt.Errorf("no sensitivity curve of %s", g.Name)
		}
	}
	return nil
}

func (a Allocation) across() Ranking {
	if a.Across.Scores == nil {
		return a.Select
	}
	return a.Across
}

// groupSteps is all steps that the limits allow, by group, not yet in the order in which they go.
func (a Allocation) groupSteps(s *groups.Structure, fine bool, limit func([]int) []int) [][]step {
	var all [][]step
	for _, g := range s.Groups {
		if !a.Limits.allows(g) {
			continue
		}
		var list []step
		widths := limit(a.Limits.widths(g, fine))
		for i, to := range widths[1:] {
			st := step{group: g, from: widths[i], to: to}
			st.at = a.when(st)
			list = append(list, st)
		}
		all = append(all, list)
	}
	return all
}

// sorted is the steps of all groups in the order in which they go. Within a group at must not fall.
func (a Allocation) sorted(s *groups.Structure, byGroup [][]step) []step {
	all := slices.Concat(byGroup...)
	key := random.Stream(a.Seed, "allocation ties", 0).Perm(len(s.Groups))
	slices.SortStableFunc(all, func(x, y step) int {
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(key[x.group.ID], key[y.group.ID]))
	})
	return all
}

// when is the share of the group's original width that is gone after the step, the rise of loss there, or
// the mean score of its units. All rise from step to step of one group.
func (a Allocation) when(st step) float64 {
	f := len(st.group.Units)
	switch a.Allocator {
	case "uniform":
		return 1 - float64(st.to)/float64(a.Limits.original(st.group))
	case "sensitivity":
		return a.Curves[st.group.ID].Rise(1 - float64(st.to)/float64(f))
	}
	sc := a.across().Scores[st.group.ID]
	sum := 0.0
	for _, u := range sc.Order[f-st.from : f-st.to] {
		sum += sc.Values[u]
	}
	return sum / float64(st.from-st.to)
}

// removal is the units that the steps take, by the order of Select.
func (a Allocation) removal(steps []step) map[int][]int {
	width := map[*groups.Group]int{}
	for _, st := range steps {
		width[st.group] = st.to
	}
	remove := map[int][]int{}
	for g, w := range width {
		units := slices.Clone(a.Select.Scores[g.ID].Order[:len(g.Units)-w])
		slices.Sort(units)
		remove[g.ID] = units
	}
	return remove
}
