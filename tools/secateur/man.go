//go:build man

package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// With the tag man the program can write its manual; the program that is shipped does not carry that along.
func init() { extra = append(extra, manCommand()) }

func manCommand() *cobra.Command {
	return &cobra.Command{Use: "man DIR", Short: "Write the manual", Hidden: true, Args: exactly(1, "a folder"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := newRoot()
			root.DisableAutoGenTag = true
			date := time.Unix(0, 0)
			return doc.GenManTree(root, &doc.GenManHeader{Title: "SECATEUR", Section: "1", Date: &date, Source: "secateur " + version, Manual: "Secateur"}, args[0])
		}}
}
