package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestExamples: every command has examples, and their flags are flags it has.
func TestExamples(t *testing.T) {
	for _, c := range slices.Concat(newRoot().Commands(), []*cobra.Command{newRoot()}, benchCommand().Commands(), configureCommand().Commands()) {
		if c.Example == "" {
			t.Errorf("%s has no example", c.Name())
		}
		for _, line := range strings.Split(c.Example, "\n") {
			line, _, _ = strings.Cut(line, "&&")
			root := newRoot()
			named, args, err := root.Find(strings.Fields(line)[1:])
			if err != nil || c.HasParent() && named.Name() != c.Name() && named.Parent().Name() != c.Name() {
				t.Errorf("%q is no example of %s: %v", line, c.Name(), err)
				continue
			}
			if err := named.ParseFlags(args); err != nil {
				t.Errorf("%q: %v", line, err)
			} else if err := named.ValidateArgs(named.Flags().Args()); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	}
}
