package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/spf13/cobra"
)

func inspectCommand() *cobra.Command {
	var groups, planned, ops bool
	c := &cobra.Command{
		Use:     "inspect MODEL",
		Short:   "Show a model: layers, multiply-adds, channel groups, memory plan",
		Example: "  secateur inspect mobilenet.onnx --groups",
		Args:    exactly(1, "one model"),
		RunE: func(c *cobra.Command, args []string) error {
			if groups && planned || planned && ops || ops && groups {
				return usagef("--groups, --plan and --ops exclude each other")
			}
			g, err := loadModel(args[0])
			if err != nil {
				return err
			}
			w := c.OutOrStdout()
			switch {
			case groups:
				return inspectGroups(c, w, g)
			case planned:
				return inspectPlan(c, w, g)
			case ops:
				return inspectOps(c, w, g)
			case isJSON(c):
				return printJSON(w, summary(g))
			}
			return inspectLayers(w, g)
		},
	}
	c.Flags().BoolVar(&groups, "groups", false, "the channel groups that pruning cuts, and why others are locked")
	c.Flags().BoolVar(&planned, "plan", false, "the memory plan of an inference, loop by loop")
	c.Flags().BoolVar(&ops, "ops", false, "how often each operator occurs")
	return c
}

// modelSummary is `inspect --json`.
type modelSummary struct {
	Inputs  map[string]string `json:"inputs"`
	Outputs map[string]string `json:"outputs"`
	Nodes   int               `json:"nodes"`
	MACs    int64             `json:"macs"`
	Params  int               `json:"params"`
	Labels  []string          `json:"labels,omitempty"`
	Meta    map[string]string `json:"meta,omitempty"`
}

func summary(g *graph.Graph) modelSummary {
	s := modelSummary{Inputs: map[string]string{}, Outputs: map[string]string{}, MACs: groups.CostOf(g).MACs, Params: g.Params(), Labels: g.Labels(), Meta: g.Meta}
	for _, n := range g.Nodes {
		if n.Is(graph.Input) {
			s.Inputs[n.Name] = n.Shape.String()
		} else if !n.IsLeaf() {
			s.Nodes++
		}
	}
	for _, o := range g.Outputs {
		s.Outputs[o.Name] = o.Shape.String()
	}
	return s
}

func inspectLayers(w io.Writer, g *graph.Graph) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "layer\top\toutput\tMACs\tparameters")
	for _, n := range g.Nodes {
		c, ok := n.Op.(graph.Counter)
		if !ok && !n.Is(graph.Input) {
			continue
		}
		macs, params := int64(0), 0
		if ok {
			macs = c.MACs(n)
		}
		for _, in := range n.In {
			if in.Is(graph.Param) {
				params += len(in.Value)
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%v\t%s\t%s\n", n.Name, n.Op.Kind(), n.Shape, count(macs), count(int64(params)))
	}
	cost := groups.CostOf(g)
	fmt.Fprintf(t, "in all\t\t\t%s\t%s\n", count(cost.MACs), count(cost.Params))
	return t.Flush()
}

func inspectOps(c *cobra.Command, w io.Writer, g *graph.Graph) error {
	kinds := map[string]int{}
	var names []string
	for _, n := range g.Nodes {
		if n.IsLeaf() {
			continue
		}
		if kinds[n.Op.Kind()]++; kinds[n.Op.Kind()] == 1 {
			names = append(names, n.Op.Kind())
		}
	}
	if isJSON(c) {
		return printJSON(w, kinds)
	}
	slices.Sort(names)
	for _, k := range names {
		fmt.Fprintf(w, "%4d %s\n", kinds[k], k)
	}
	return nil
}

// groupLine is one group of `inspect --groups --json`.
type groupLine struct {
	Name    string   `json:"name"`
	Width   int      `json:"channels"`
	Stream  bool     `json:"stream"`
	Locked  bool     `json:"locked"`
	Reason  string   `json:"reason,omitempty"`
	Members []string `json:"members"`
}

func inspectGroups(c *cobra.Command, w io.Writer, g *graph.Graph) error {
	st, err := groups.Find(g)
	if err != nil {
		return err
	}
	var lines []groupLine
	free, channels := 0, 0
	for _, x := range st.Groups {
		l := groupLine{Name: x.Name, Width: len(x.Units), Stream: x.Stream, Locked: x.Locked, Reason: x.Reason}
		for _, m := range x.Members {
			l.Members = append(l.Members, fmt.Sprintf("%s[%d]", m.Leaf.Name, m.Axis))
		}
		if !x.Locked {
			free++
			channels += len(x.Units)
		}
		lines = append(lines, l)
	}
	blocks := blockLines(g)
	if isJSON(c) {
		return printJSON(w, map[string]any{"groups": free, "channels": channels, "list": lines, "blocks": blocks})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "group\tchannels\tkind\ttensors")
	for _, l := range lines {
		kind := "inner"
		if l.Stream {
			kind = "stream"
		}
		if l.Locked {
			kind = "locked: " + l.Reason
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%d\n", l.Name, l.Width, kind, len(l.Members))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d groups with %d channels may be pruned\n", free, channels)
	return printBlocks(w, blocks)
}

// blockLine is one residual block of `inspect --groups --json`.
type blockLine struct {
	Name   string `json:"name"` // of its sum
	Skip   string `json:"skip,omitempty"`
	MACs   int64  `json:"macs"` // of its branch
	Locked bool   `json:"locked"`
	Reason string `json:"reason,omitempty"`
}

func blockLines(g *graph.Graph) []blockLine {
	lines := []blockLine{}
	for _, b := range groups.Blocks(g) {
		l := blockLine{Name: b.Name, Locked: b.Locked, Reason: b.Reason}
		if b.Skip != nil {
			l.Skip = b.Skip.Name
		}
		for _, n := range b.Inside {
			if c, ok := n.Op.(graph.Counter); ok {
				l.MACs += c.MACs(n) / int64(max(1, g.Batch()))
			}
		}
		lines = append(lines, l)
	}
	return lines
}

func printBlocks(w io.Writer, blocks []blockLine) error {
	if len(blocks) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "block\tskip\tMACs\twith adapt --blocks")
	for _, b := range blocks {
		kind := "may go as a whole"
		if b.Locked {
			kind = "stays: " + b.Reason
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", b.Name, b.Skip, count(b.MACs), kind)
	}
	return t.Flush()
}

func inspectPlan(c *cobra.Command, w io.Writer, g *graph.Graph) error {
	env, err := newEnv(c)
	if err != nil {
		return err
	}
	defer env.Pool.Close()
	p, err := plan.Compile(g, plan.Options{Env: env, Fold: true})
	if err != nil {
		return err
	}
	if isJSON(c) {
		return printJSON(w, map[string]any{"arena_bytes": p.ArenaBytes(), "loops": p.Steps()})
	}
	return p.Dump(w)
}
