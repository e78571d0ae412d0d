package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/secateur/secateur/pruning/criteria"
	"github.com/spf13/cobra"
)

// criterionLine is one criterion of `criteria --json`.
type criterionLine struct {
	Name       string `json:"name"`
	Family     string `json:"family"`
	Needs      string `json:"needs"`
	Labels     bool   `json:"labels"`
	Comparable bool   `json:"comparable_across_layers"`
	Source     string `json:"source"`
	Note       string `json:"note,omitempty"`
}

func criteriaCommand() *cobra.Command {
	var run string
	c := &cobra.Command{
		Use:   "criteria [--run DIR [CRITERION…]]",
		Short: "List the pruning criteria, or what they say of the filters of a run",
		Long: `List the pruning criteria: family, what they need, whether they compare layers, source. Every score means: high, keep.
taylor, taylor-gate and fisher are short for their variant on the margin; reverse:NAME is a control for each.
With --run the scores of all filters that may go, of the network before the first cut, by what the run has kept of
it; the images are not wanted again. Without names by those of ` + strings.Join(usualCriteria, ", ") + `
that it can tell of.`,
		Example: "  secateur criteria --json\n  secateur criteria --run runs/1 fisher obs",
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, names []string) error {
			switch {
			case run != "":
				return printScores(c, run, names)
			case len(names) > 0:
				return usagef("--run is missing: the folder of the run whose filters %s shall score", names[0])
			}
			return listCriteria(c)
		},
	}
	c.Flags().StringVar(&run, "run", "", "folder of a run that prunes")
	return c
}

func listCriteria(c *cobra.Command) error {
	w := c.OutOrStdout()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if !isJSON(c) {
		fmt.Fprintln(t, "criterion\tfamily\tneeds\tacross layers\tsource")
	}
	for _, x := range criteria.All() {
		l := criterionLine{x.Name, x.Family, x.Needs.String(), x.Labels, x.Comparable, x.Source, x.Note}
		if isJSON(c) {
			if err := printJSON(w, l); err != nil {
				return err
			}
			continue
		}
		across := "no"
		if l.Comparable {
			across = "yes"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", l.Name, l.Family, l.Needs, across, l.Source)
	}
	return t.Flush()
}
