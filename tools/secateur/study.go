package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/secateur/secateur/core/study"
	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/tools/secateur/report"
	"github.com/spf13/cobra"
)

// studyFlags are what a study was asked for.
type studyFlags struct {
	config, out string
	page        bool
}

func studyCommand() *cobra.Command {
	f := &studyFlags{}
	c := &cobra.Command{
		Use:   "study --config STUDY.toml -o DIR",
		Short: "Compare ways to prune over models, data sets, shots and seeds",
		Long: `Compare ways to prune over models, data sets, shots and seeds, pairwise against random filters at the same
widths, against the dense network and against controls. Draws of images run in parallel, one a thread. Results are kept line
by line in DIR/results.jsonl: a study that was broken off goes on where it stood. At the end DIR/results.csv has a row a run,
DIR/summary.md the tables and DIR/study.html the page; --page makes these of the results that are there, or of results.csv
alone.`,
		Example: "  secateur study --config tools/study/resnet20.toml -o out/resnet20\n  secateur study --page -o out/resnet20",
		Args:    exactly(0, "flags alone"),
		RunE:    func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	c.Flags().StringVar(&f.config, "config", "", "TOML file of the study")
	c.Flags().StringVarP(&f.out, "out", "o", "", "folder of the results")
	c.Flags().BoolVar(&f.page, "page", false, "run nothing: tables and page of the results that are there")
	return c
}

func (f *studyFlags) run(c *cobra.Command) error {
	if f.out == "" || f.config == "" && !f.page {
		return usagef("--config and --out are both wanted, or --page and --out")
	}
	title := filepath.Base(f.out)
	var cfg *study.Config
	if f.config != "" {
		var err error
		if cfg, err = study.Load(f.config); err != nil {
			return usageError{err}
		}
		title = cmp.Or(cfg.Name, title)
	}
	results, err := f.results(c, cfg)
	if err != nil {
		return err
	}
	return f.write(c, title, results)
}

// results runs what is missing, or reads what is there.
func (f *studyFlags) results(c *cobra.Command, cfg *study.Config) ([]study.Result, error) {
	if f.page {
		return study.Read(f.out)
	}
	env, err := newEnv(c)
	if err != nil {
		return nil, err
	}
	defer env.Pool.Close()
	results, err := study.OpenResults(f.out)
	if err != nil {
		return nil, err
	}
	s := newShow(c)
	defer s.done()
	s.say("%s: %d results are there already", cfg.Name, len(results.All()))
	err = study.Run(c.Context(), cfg, env.Kernels, env.Pool.Threads(), results, func(line string) { s.say("%s", line) })
	return results.All(), err
}

// write writes tables and page, and prints the tables.
func (f *studyFlags) write(c *cobra.Command, title string, results []study.Result) error {
	tables := study.Summarize(results)
	text := "# " + title + "\n" + study.Markdown(tables)
	if err := os.WriteFile(filepath.Join(f.out, "summary.md"), []byte(text), 0o644); err != nil {
		return err
	}
	var page bytes.Buffer
	if err := report.WriteStudy(&page, title, results); err != nil {
		return err
	}
	if err := durable.Write(filepath.Join(f.out, "study.html"), page.Bytes()); err != nil {
		return err
	}
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), tables)
	}
	_, err := fmt.Fprint(c.OutOrStdout(), text)
	return err
}
