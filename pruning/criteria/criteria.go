package criteria

import (
	"fmt"
	"strings"

	"github.com/secateur/secateur/pruning/groups"
)

// Criterion scores the units of a group: high means keep. Score is a pure function of the
// matrices and the group.
type Criterion struct {
	Name       string
	Family     string // control, magnitude, activation, reconstruction, gradient, information, interpretability, fusion
	Needs      Needs
	Labels     bool    // needs the images' labels
	Comparable bool    // scores of different groups may be ranked together
	Cost       float64 // of collecting what it needs, in forward passes an image; 0 without images
	Source     string  // paper
	Note       string  // what a user should know before choosing it
	Score      func(m *Matrices, g *groups.Group) ([]float64, error)
}

const foldedNote = "raw weights; a known-bad baseline where batch norm is folded in (below random)"

// All is every criterion there is. reverse:NAME is a further control for each.
func All() []Criterion {
	list := []Criterion{
		{Name: "random", Family: "control", Needs: Nothing, Comparable: true,
			Source: "Mittal et al., WACV 2018, 1801.10447", Score: randomScore},
		{Name: "l1", Family: "magnitude", Needs: Weights, Source: "Li et al., ICLR 2017, 1608.08710",
			Note: foldedNote, Score: l1},
		{Name: "l2", Family: "magnitude", Needs: Weights, Source: "He et al., IJCAI 2018, 1808.06866",
			Note: foldedNote, Score: l2},
		{Name: "l1-out", Family: "magnitude", Needs: Weights, Source: "raw L1 norm times outgoing L2 norm; kin of path norms",
			Score: l1Out},
		{Name: "activation-out", Family: "activation", Needs: Activations, Source: "filter form of Wanda, Sun et al., ICLR 2024, 2306.11695",
			Score: activationOut},
	}
	for _, on := range []Needs{LossGradients, MarginGradients} {
		list = append(list, gradientCriteria(on)...)
	}
	return list
}

// aliases lead from the plain name to the variant on the margin.
var aliases = map[string]string{
	"taylor":      "taylor-margin",
	"taylor-gate": "taylor-gate-margin",
	"fisher":      "fisher-margin",
}

const reversed = "reverse:"

// Lookup finds a criterion by name: one of All, a plain gradient name for its variant on
// the margin, or reverse:NAME for the opposite order. The error lists what there is.
func Lookup(name string) (Criterion, error) {
	if of, ok := strings.CutPrefix(name, reversed); ok {
		c, err := Lookup(of)
		if err != nil {
			return Criterion{}, err
		}
		return reverse(c), nil
	}
	want := name
	if full, ok := aliases[name]; ok {
		want = full
	}
	var known []string
	for _, c := range All() {
		if c.Name == want {
			return c, nil
		}
		known = append(known, c.Name)
	}
	return Criterion{}, fmt.Errorf("criterion %q is not known, want one of %s, taylor, taylor-gate, fisher, reverse:NAME",
		name, strings.Join(known, ", "))
}

// reverse is the control that removes the best first.
func reverse(c Criterion) Criterion {
	score := c.Score
	c.Name, c.Family = reversed+c.Name, "control"
	c.Score = func(m *Matrices, g *groups.Group) ([]float64, error) {
		s, err := score(m, g)
		for i := range s {
			s[i] = -s[i]
		}
		return s, err
	}
	return c
}

// Caution is a line for the report where the criterion is known to fail on this graph, else "".
func (c Criterion) Caution(s *groups.Structure) string {
	if c.Note != foldedNote || s.HasNorm() {
		return ""
	}
	return fmt.Sprintf("%s: no batch norm lies apart in this network; if it was folded into the weights, their norms rank worse than chance", c.Name)
}
