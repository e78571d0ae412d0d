package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/spf13/cobra"
)

// usualCriteria is one of each family, and the usual sum of ranks; moments are not kept of a large network, and with them
// obs and the sum are left out.
var usualCriteria = []string{"l1", "activation", "obs", "fisher-margin", "jmi", "fusion"}

// scoreLine is one filter of `criteria --run`; a criterion that is not defined for its layer is not in Scores.
type scoreLine struct {
	Layer  string             `json:"layer"`
	Filter int                `json:"filter"`
	Scores map[string]float64 `json:"scores"`
}

// printScores asks criteria about the filters of a run by what it has kept.
func printScores(c *cobra.Command, run string, names []string) error {
	st, kept, err := train.KeptMatrices(run)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = slices.DeleteFunc(slices.Clone(usualCriteria), func(name string) bool {
			_, err := askable([]string{name}, kept)
			return err != nil
		})
	}
	asked, err := askable(names, kept)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', tabwriter.AlignRight)
	if !isJSON(c) {
		fmt.Fprintln(t, strings.Join(append([]string{"layer", "filter"}, names...), "\t")+"\t")
	}
	show := newShow(c)
	defer show.done()
	free := st.Free()
	for i, g := range free {
		show.progress(eval.Progress{Phase: "scoring", Unit: "layers", Done: i, Total: len(free)})
		lines, err := scoreGroup(g, kept, asked, names)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if err := l.print(c, t, names); err != nil {
				return err
			}
		}
	}
	return t.Flush()
}

// askable are the criteria of these names. What a run does not keep for them is an error of usage.
func askable(names []string, kept *score.Collected) (list []criteria.Criterion, err error) {
	for _, name := range names {
		x, err := criteria.Lookup(name)
		if err != nil {
			return nil, usageError{err}
		}
		if lacks := x.Needs &^ (kept.Needs | criteria.Weights); lacks != 0 {
			return nil, usagef("%s needs %s, which this run does not keep: prune or explain with the images asks it", name, lacks)
		}
		list = append(list, x)
	}
	return list, nil
}

func scoreGroup(g *groups.Group, kept *score.Collected, asked []criteria.Criterion, names []string) ([]scoreLine, error) {
	m, err := kept.Matrices(g)
	if err != nil {
		return nil, err
	}
	weight := g.Producers[0].Weight
	lines := make([]scoreLine, len(g.Units))
	for i, u := range g.Units {
		lines[i] = scoreLine{g.Name, u.Indices(weight, 0)[0], map[string]float64{}}
	}
	for k, x := range asked {
		s, err := criteria.Score(x, m, g)
		if err != nil {
			continue // not defined here, as a scale of batch norm where there is none
		}
		for i, v := range s.Values {
			lines[i].Scores[names[k]] = v
		}
	}
	return lines, nil
}

func (l scoreLine) print(c *cobra.Command, t *tabwriter.Writer, names []string) error {
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), l)
	}
	fmt.Fprintf(t, "%s\t%d\t", l.Layer, l.Filter)
	for _, name := range names {
		v, ok := l.Scores[name]
		if !ok {
			fmt.Fprint(t, "-\t")
			continue
		}
		fmt.Fprintf(t, "%.4g\t", v)
	}
	_, err := fmt.Fprintln(t)
	return err
}
