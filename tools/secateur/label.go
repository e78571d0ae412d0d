package main

import (
	"fmt"

	"github.com/secateur/secateur/core/accept"
	"github.com/spf13/cobra"
)

// labelCommand is what people do with pictures.
func labelCommand() *cobra.Command {
	c := &cobra.Command{Use: "label", Short: "Labelled pictures of the line, and its golden set",
		Example: "  secateur label seal golden/",
		Args:    knownCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(sealCommand())
	for _, sub := range c.Commands() {
		fromEnvironment(sub)
	}
	return c
}

func sealCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "seal DIR",
		Short: "Make DIR/CLASS/* the golden set: no model trains on it, every model is judged by it",
		Long: `Make DIR/CLASS/* a golden set. Every picture is written down with its sha256 in DIR/golden.json; from then on a
picture that is gone, changed or new stops the gate until the set is sealed again. Copies of its pictures in training
data are left out by retrain.`,
		Args: exactly(1, "the folder"),
		RunE: func(c *cobra.Command, args []string) error {
			g, err := accept.Seal(args[0])
			if err != nil {
				return err
			}
			if isJSON(c) {
				return printJSON(c.OutOrStdout(), map[string]any{"golden": args[0], "classes": g.Classes, "images": len(g.Samples)})
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s is sealed: %d pictures of %d classes\n", args[0], len(g.Samples), len(g.Classes))
			return err
		},
	}
}
