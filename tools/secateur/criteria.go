package main

import (
	"fmt"
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
	return &cobra.Command{
		Use:     "criteria",
		Short:   "List the pruning criteria: family, what they need, whether they compare layers, source",
		Long:    "List the pruning criteria. Every score means: high, keep. taylor, taylor-gate and fisher are short for their\nvariant on the margin; reverse:NAME is a control for each.",
		Example: "  secateur criteria --json",
		Args:    exactly(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error {
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
		},
	}
}
