package criteria

import (
	"fmt"
	"maps"
	"slices"
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
	// CostGroup and CostUnit are further passes of what lies behind a group, for the group and for each of its units.
	CostGroup, CostUnit float64
	Source              string // paper
	Note                string // what a user should know before choosing it
	Score               func(m *Matrices, g *groups.Group) ([]float64, error)
}

const foldedNote = "raw weights; a known-bad baseline where batch norm is folded in (below random)"

// All is every criterion there is. reverse:NAME is a further control for each.
func All() []Criterion {
	list := []Criterion{{Name: "random", Family: "control", Needs: Nothing, Comparable: true,
		Source: "Mittal et al., WACV 2018, 1801.10447", Score: randomScore}}
	list = append(list, magnitudeCriteria()...)
	list = append(list, activationCriteria()...)
	list = append(list, reconstructionCriteria()...)
	list = append(list, informationCriteria()...)
	list = append(list, probingCriteria()...)
	list = append(list, conceptCriteria()...)
	for _, on := range []Needs{LossGradients, MarginGradients} {
		list = append(list, gradientCriteria(on)...)
	}
	list = append(list, interpretabilityCriteria()...)
	return list
}

// aliases lead from the plain name to the variant on the margin.
var aliases = map[string]string{
	"taylor":       "taylor-margin",
	"group-fisher": "group-fisher-margin",
	"snip":         "snip-margin",
	"taylor-gate":  "taylor-gate-margin",
	"fisher":       "fisher-margin",
	"fusion":       fusionPrefix + fused,
}

const reversed = "reverse:"

// Lookup finds a criterion by name: one of All, a plain gradient name for its variant on
// the margin, reverse:NAME for the opposite order, fusion:NAME+NAME for a sum of ranks or fusion for the usual one. The error lists what there is.
func Lookup(name string) (Criterion, error) {
	if of, ok := strings.CutPrefix(name, reversed); ok {
		c, err := Lookup(of)
		if err != nil {
			return Criterion{}, err
		}
		return reverse(c), nil
	}
	if names, ok := strings.CutPrefix(name, fusionPrefix); ok {
		return fuse(names)
	}
	if full, ok := aliases[name]; ok {
		return Lookup(full)
	}
	var known []string
	for _, c := range All() {
		if c.Name == name {
			return c, nil
		}
		known = append(known, c.Name)
	}
	return Criterion{}, fmt.Errorf("criterion %q is not known, want one of %s, %s, reverse:NAME, fusion:NAME+NAME",
		name, strings.Join(known, ", "), strings.Join(slices.Sorted(maps.Keys(aliases)), ", "))
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
