package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/device/slot"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
	"github.com/secateur/secateur/tools/secateur/box"
	"github.com/spf13/cobra"
)

// modelsFlags is what all of `secateur models` are told.
type modelsFlags struct {
	config, dir, golden, key string
	latency                  time.Duration
	rules                    accept.Rules
	keep                     int // models.keep of the configuration; 0 is the store's default
}

func modelsCommand() *cobra.Command {
	f := &modelsFlags{rules: accept.DefaultRules()}
	c := &cobra.Command{
		Use:   "models",
		Short: "The models of a box: live, previous, factory, staged",
		Long: `The models of a box. A model is staged, verified (its sums, its signature where a key is set, whether it
loads, the golden set), and activated: it is live on trial until it is confirmed. A model on trial that starts
three times without being confirmed is rolled back by itself, and so is a live one that is damaged.`,
		Example: "  secateur models stage line.secateur --models /var/lib/secateur/models --golden /var/lib/secateur/golden\n  secateur models activate 7\n  secateur models rollback --reason rejects",
		Args:    knownCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	fl := c.PersistentFlags()
	fl.StringVar(&f.config, "config", "", "configuration, for what no flag says; the default is /etc/secateur/config.toml where it is there")
	fl.StringVar(&f.dir, "models", "/var/lib/secateur/models", "folder of the models")
	fl.StringVar(&f.golden, "golden", "", "folder of the golden set; none: models are not judged by pictures")
	fl.StringVar(&f.key, "key", "", "minisign public key that must have signed every model: the text, or a file")
	fl.Float64Var(&f.rules.Margin, "margin", f.rules.Margin, "share of the golden set by which a model may be worse than the live one")
	fl.Float64Var(&f.rules.WorstMargin, "worst-margin", f.rules.WorstMargin, "the same for each class")
	fl.Float64Var(&f.rules.Floor, "floor", f.rules.Floor, "least share right of each class")
	fl.DurationVar(&f.latency, "latency", 0, "most that the median image may take; 0 does not ask")
	c.AddCommand(f.list(), f.stage(), f.verify(), f.activate(), f.confirm(), f.rollback(), f.scrub())
	for _, sub := range c.Commands() {
		fromEnvironment(sub)
	}
	return c
}

// on runs do with the box of the flags.
func (f *modelsFlags) on(do func(c *cobra.Command, b *box.Box, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if err := f.configured(c); err != nil {
			return err
		}
		key, err := box.PublicKey(f.key)
		if err != nil {
			return usagef("--key: %w", err)
		}
		store, err := slot.Open(f.dir, slot.Options{Key: key, Keep: f.keep})
		if err != nil {
			return err
		}
		env, err := newEnv(c)
		if err != nil {
			return err
		}
		defer env.Pool.Close()
		f.rules.Latency = f.latency
		return do(c, &box.Box{Models: store, Golden: f.golden, Rules: f.rules, Env: env}, args)
	}
}

// configured takes from the box's configuration what neither a flag nor the environment says.
func (f *modelsFlags) configured(c *cobra.Command) error {
	if _, err := os.Stat(firmwareconfig.Path); f.config == "" && err != nil {
		return nil
	}
	cfg, err := loadConfig("/", f.config)
	if err != nil {
		return err
	}
	rules := box.Rules(cfg)
	f.keep = cfg.Models.Keep
	for name, take := range map[string]func(){
		"models":       func() { f.dir = cfg.Models.Dir },
		"golden":       func() { f.golden = cfg.Gate.Golden },
		"key":          func() { f.key = cfg.Models.PublicKey },
		"margin":       func() { f.rules.Margin = rules.Margin },
		"worst-margin": func() { f.rules.WorstMargin = rules.WorstMargin },
		"floor":        func() { f.rules.Floor = rules.Floor },
		"latency":      func() { f.latency = rules.Latency },
	} {
		if !c.Flags().Changed(name) {
			take()
		}
	}
	return nil
}

func modelNumber(args []string) (uint64, error) {
	n, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil || n == 0 {
		return 0, usagef("%q is no number of a model; see secateur models list", args[0])
	}
	return n, nil
}

func (f *modelsFlags) list() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "What is there, and what is live", Args: exactly(0, "flags alone"),
		RunE: f.on(func(c *cobra.Command, b *box.Box, _ []string) error {
			st, warnings, err := b.Models.State()
			if err != nil {
				return err
			}
			s := newShow(c)
			for _, w := range warnings {
				s.say("caution: %s", w)
			}
			models, err := b.Models.Models()
			if err != nil {
				return err
			}
			if isJSON(c) {
				return printJSON(c.OutOrStdout(), map[string]any{"state": st, "models": models})
			}
			return printModels(c.OutOrStdout(), st, models)
		})}
}

func printModels(w io.Writer, st *slot.State, models []*slot.Model) error {
	if len(models) == 0 {
		fmt.Fprintln(w, "no model is staged")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range models {
		fmt.Fprintf(t, "%d\t%s\t%s\t%.1f MB\t%s\t%.12s\n", m.Number, st.Role(m.Number), m.Name, float64(m.Bytes)/1e6, m.Staged.Format("2006-01-02 15:04"), m.SHA256)
	}
	return t.Flush()
}

func (f *modelsFlags) stage() *cobra.Command {
	var signature string
	var about slot.About
	c := &cobra.Command{Use: "stage FILE", Short: "Verify a model and keep it, not live", Args: exactly(1, "one model file"),
		RunE: f.on(func(c *cobra.Command, b *box.Box, args []string) error {
			var err error
			if about.Signature, err = readSignature(signature, args[0]); err != nil {
				return err
			}
			s, err := b.Stage(c.Context(), args[0], about)
			if err != nil {
				return err
			}
			return printStaged(c, s, "staged")
		})}
	c.Flags().StringVar(&signature, "signature", "", "minisign signature; default FILE.minisig where it is there")
	c.Flags().BoolVar(&about.Factory, "factory", false, "the model to fall back to for ever")
	return c
}

func readSignature(path, model string) ([]byte, error) {
	if path != "" {
		return os.ReadFile(path)
	}
	b, err := os.ReadFile(model + ".minisig")
	if os.IsNotExist(err) {
		return nil, nil
	}
	return b, err
}

// printStaged says what a model is like; a refused one is an error.
func printStaged(c *cobra.Command, s *box.Staged, what string) error {
	if isJSON(c) {
		if err := printJSON(c.OutOrStdout(), s); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(c.OutOrStdout(), "model %d %s: %s, %d bytes, sha256 %.12s\n", s.Model.Number, what, s.Model.Name, s.Model.Bytes, s.Model.SHA256)
	}
	if s.Verdict == nil {
		return nil
	}
	if !isJSON(c) && s.Verdict.Candidate != nil {
		printReport(c.OutOrStdout(), "golden set", s.Verdict.Candidate)
	}
	return s.Verdict.Err()
}

func (f *modelsFlags) verify() *cobra.Command {
	return &cobra.Command{Use: "verify N", Short: "Read a model through: sums, signature, golden set", Args: exactly(1, "the number of a model"),
		RunE: f.on(func(c *cobra.Command, b *box.Box, args []string) error {
			n, err := modelNumber(args)
			if err != nil {
				return err
			}
			s, err := b.Verify(c.Context(), n)
			if err != nil {
				return err
			}
			return printStaged(c, s, "is whole")
		})}
}

func (f *modelsFlags) activate() *cobra.Command {
	return &cobra.Command{Use: "activate N", Short: "Verify a model and put it live, on trial", Args: exactly(1, "the number of a model"),
		RunE: f.on(func(c *cobra.Command, b *box.Box, args []string) error {
			n, err := modelNumber(args)
			if err != nil {
				return err
			}
			if err := b.Activate(c.Context(), n); err != nil {
				return err
			}
			return sayLive(c, b)
		})}
}

func (f *modelsFlags) confirm() *cobra.Command {
	return &cobra.Command{Use: "confirm", Short: "End the trial of the live model: it stays", Args: exactly(0, "flags alone"),
		RunE: f.on(func(c *cobra.Command, b *box.Box, _ []string) error {
			if err := b.Models.Confirm(); err != nil {
				return err
			}
			return sayLive(c, b)
		})}
}

func (f *modelsFlags) rollback() *cobra.Command {
	reason := "by hand"
	c := &cobra.Command{Use: "rollback", Short: "Make the previous model live again", Args: exactly(0, "flags alone"),
		RunE: f.on(func(c *cobra.Command, b *box.Box, _ []string) error {
			if _, err := b.Models.Rollback(reason); err != nil {
				return err
			}
			return sayLive(c, b)
		})}
	c.Flags().StringVar(&reason, "reason", reason, "why: it is remembered, and the model never goes live again")
	return c
}

// sayLive prints which model is live now.
func sayLive(c *cobra.Command, b *box.Box) error {
	st, _, err := b.Models.State()
	if err != nil {
		return err
	}
	if isJSON(c) {
		return printJSON(c.OutOrStdout(), st)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "model %d is live (%s), %d before it\n", st.Live, st.Role(st.Live), st.Previous)
	return err
}

func (f *modelsFlags) scrub() *cobra.Command {
	return &cobra.Command{Use: "scrub", Short: "Read every model through, put damaged ones aside", Args: exactly(0, "flags alone"),
		RunE: f.on(func(c *cobra.Command, b *box.Box, _ []string) error {
			found, err := b.Models.Scrub()
			if err != nil {
				return err
			}
			for _, d := range found {
				if isJSON(c) {
					err = printJSON(c.OutOrStdout(), d)
				} else {
					_, err = fmt.Fprintf(c.OutOrStdout(), "model %d (%s): %s\n", d.Model, d.Role, d.What)
				}
				if err != nil {
					return err
				}
			}
			if len(found) > 0 {
				return fmt.Errorf("%d damaged models", len(found))
			}
			return nil
		})}
}
