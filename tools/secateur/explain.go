package main

import (
	"bytes"
	"time"

	"github.com/secateur/secateur/core/explain"
	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/tools/secateur/report"
	"github.com/spf13/cobra"
)

// explainFlags is what `secateur explain` was asked for.
type explainFlags struct {
	run, data, out string
	cards          int
}

func explainCommand() *cobra.Command {
	var f explainFlags
	c := &cobra.Command{
		Use:   "explain --run DIR -o report.html",
		Short: "Why each filter of a pruning run went: one HTML page",
		Long: `Read the folder of an adaptation that prunes (adapt --prune … --run DIR) and write one self-contained HTML
page: for removed filters, and a few kept ones, the parts of your pictures that excite them, what they tell of the
classes, their ranks under all criteria, the filter that does their work now, the network without them, and the reason
in a sentence; layer widths by reason, turns with roll-backs over multiply-adds and measured time, and the decisions that
pruning changed. Of a detector what filters tell is counted by box, relevance starts at the anchors that answer for an object,
and the changed decisions are objects found and lost, with boxes drawn.
With --json the data behind the page goes to standard output.`,
		Example: "  secateur explain --run runs/1 -o report.html",
		Args:    exactly(0, "flags alone"),
		RunE:    func(c *cobra.Command, _ []string) error { return f.explain(c) },
	}
	c.Flags().StringVar(&f.run, "run", "", "folder of the run")
	c.Flags().StringVar(&f.data, "data", "", "folder of its images, where they have moved")
	c.Flags().StringVarP(&f.out, "out", "o", "", "the page")
	c.Flags().IntVar(&f.cards, "cards", 40, "most filters shown one by one")
	return c
}

func (f *explainFlags) explain(c *cobra.Command) error {
	switch {
	case f.run == "":
		return usagef("--run is missing")
	case f.out == "" && !isJSON(c):
		return usagef("--out is missing")
	case f.cards < 0 || f.cards > 1000:
		return usagef("--cards wants 0 to 1000")
	}
	if f.out != "" {
		if err := checkWritable(f.out); err != nil {
			return err
		}
	}
	env, err := newEnv(c)
	if err != nil {
		return err
	}
	defer env.Pool.Close()
	run, err := train.OpenRun(f.run, f.data)
	if err != nil {
		return err
	}
	s := newShow(c)
	defer s.done()
	x, err := explain.Explain(c.Context(), run, explain.Options{Env: env, Cards: f.cards, Progress: s.progress})
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := saveExplanation(f.out, x); err != nil {
			return err
		}
		s.say("%s written", f.out)
	}
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), x)
	}
	return nil
}

// saveExplanation writes the page, whole or not at all.
func saveExplanation(path string, x *explain.Explanation) error {
	var b bytes.Buffer
	if err := report.WriteExplanation(&b, x, time.Now(), machine()); err != nil {
		return err
	}
	return durable.Write(path, b.Bytes())
}
