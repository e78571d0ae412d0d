package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// fromEnvironment lets SECATEUR_NAME stand in for --name where the flag is not given.
func fromEnvironment(c *cobra.Command) {
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		var err error
		c.Flags().VisitAll(func(f *pflag.Flag) {
			name := "SECATEUR_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
			v, ok := os.LookupEnv(name)
			if !ok || f.Changed || err != nil || f.Name == "help" {
				return
			}
			if e := c.Flags().Set(f.Name, v); e != nil {
				err = usagef("%s=%q: %w", name, v, e)
			}
		})
		if err != nil {
			return err
		}
		return run(c, args)
	}
}

// exactly wants n arguments, called by what they are.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("%s wants %s; got %d arguments", c.CommandPath(), what, len(args))
		}
		return nil
	}
}
