package pruning

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/secateur/secateur/pruning/groups"
)

// Report writes a row a group: width, width after the plan (nil for none), what it is, and why
// it is locked if it is.
func Report(w io.Writer, s *groups.Structure, p *Plan) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "group\twidth\tafter\tkind\tnote")
	for _, g := range s.Groups {
		after := len(g.Units)
		if p != nil {
			after -= len(p.Remove[g.ID])
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\n", g.Name, len(g.Units), after, g.Kind(), g.Reason)
	}
	if p != nil {
		fmt.Fprintf(t, "MACs\t%d\t%d\nparameters\t%d\t%d\n", p.Before.MACs, p.After.MACs, p.Before.Params, p.After.Params)
		reportMore(t, p)
	}
	return t.Flush()
}

// reportMore writes the rows of what only some budgets and allocators look at.
func reportMore(w io.Writer, p *Plan) {
	for _, of := range []string{"latency", "memory", "bytes"} {
		b := Budget{Of: of}
		if before := b.Part(p.Before); before > 0 {
			fmt.Fprintf(w, "%s\t%s\t%s\n", of, b.Format(before), b.Format(b.Part(p.After)))
		}
	}
}
