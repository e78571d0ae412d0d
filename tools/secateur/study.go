package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/secateur/secateur/core/study"
	"github.com/spf13/cobra"
)

func studyCommand() *cobra.Command {
	var config, out string
	c := &cobra.Command{
		Use:   "study --config STUDY.toml -o DIR",
		Short: "Compare ways to prune over models, data sets, shots and seeds",
		Long: `Compare ways to prune over models, data sets, shots and seeds, pairwise against random filters at the same
widths. Results are kept line by line in DIR/results.jsonl: a study that was broken off goes on where it stood.
At the end DIR/results.csv has a row a run and DIR/summary.md the tables.`,
		Example: "  secateur study --config tools/study/resnet20.toml -o out/resnet20",
		Args:    exactly(0, "flags alone"),
		RunE:    func(c *cobra.Command, _ []string) error { return runStudy(c, config, out) },
	}
	c.Flags().StringVar(&config, "config", "", "TOML file of the study")
	c.Flags().StringVarP(&out, "out", "o", "", "folder of the results")
	return c
}

func runStudy(c *cobra.Command, config, out string) error {
	if config == "" || out == "" {
		return usagef("--config and --out are both wanted")
	}
	cfg, err := study.Load(config)
	if err != nil {
		return usageError{err}
	}
	env, err := newEnv(c)
	if err != nil {
		return err
	}
	defer env.Pool.Close()
	results, err := study.OpenResults(out)
	if err != nil {
		return err
	}
	s := newShow(c)
	defer s.done()
	s.say("%s: %d results are there already", cfg.Name, len(results.All()))
	if err := study.Run(c.Context(), cfg, env.Kernels, env.Pool.Threads(), results, func(line string) { s.say("%s", line) }); err != nil {
		return err
	}
	tables := study.Summarize(results.All())
	text := "# " + cfg.Name + "\n" + study.Markdown(tables)
	if err := os.WriteFile(filepath.Join(out, "summary.md"), []byte(text), 0o644); err != nil {
		return err
	}
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), tables)
	}
	_, err = fmt.Fprint(c.OutOrStdout(), text)
	return err
}
