package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/secateur/secateur/device/board"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
	"github.com/spf13/cobra"
)

// configureFlags is what all of configure's commands want to know.
type configureFlags struct {
	root, config, board, stage string
	force, noActivate          bool
}

func configureCommand() *cobra.Command {
	var f configureFlags
	c := &cobra.Command{
		Use:   "configure",
		Short: "Put the box's files in place: boot, systemd, sshd, udev and the rest",
		Long: `Put the files of the system in place that follow from the board and from /etc/secateur/config.toml: boot
configuration, systemd units, accounts, sshd, udev, sysctl, journald and time. What is replaced is kept, so that undo
brings it back, after a power cut too.`,
		Example: "  secateur configure plan\n  secateur configure apply && secateur configure check\n  secateur configure undo",
		Args:    knownCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },

		SuggestionsMinimumDistance: 2,
	}
	c.PersistentFlags().StringVar(&f.root, "root", "/", "the file system that is configured")
	c.PersistentFlags().StringVar(&f.config, "config", "", "configuration; the default is etc/secateur/config.toml below --root")
	c.PersistentFlags().StringVar(&f.board, "board", "", "configure for this board instead of the one that is found")
	add := func(use, short, example string, run func(*cobra.Command, *configureFlags) error) *cobra.Command {
		s := &cobra.Command{Use: use, Short: short, Example: "  secateur configure " + example, Args: exactly(0, "flags alone"),
			RunE: func(c *cobra.Command, _ []string) error { return run(c, &f) }}
		c.AddCommand(s)
		return s
	}
	plan := add("plan", "Write what would change into a staging root, and print the difference", "plan --stage out/staging", planConfig)
	plan.Flags().StringVar(&f.stage, "stage", "", "folder for the files as they would be")
	add("diff", "Print what differs from what the files should be", "diff --board raspberrypi-5", planConfig)
	apply := add("apply", "Put the files in place and keep what they replace", "apply", applyConfig)
	apply.Flags().BoolVar(&f.noActivate, "no-activate", false, "leave it to others to make the system read the files")
	undo := add("undo", "Take the last apply back", "undo", undoConfig)
	undo.Flags().BoolVar(&f.force, "force", false, "also files that were changed since; they are kept as NAME.edited")
	add("check", "Report files that are not as they should be; exit 1 if there are any", "check --json", checkConfig)
	for _, s := range c.Commands() {
		fromEnvironment(s)
	}
	return c
}

// configLine is one file of `configure --json`.
type configLine struct {
	Path string `json:"path"`
	What string `json:"what"`
	Diff string `json:"diff,omitempty"`
}

func (f *configureFlags) tree() firmwareconfig.Tree { return firmwareconfig.Tree{Root: f.root} }

// files are what the board and the configuration want.
func (f *configureFlags) files(c *cobra.Command) ([]firmwareconfig.File, error) {
	cfg, err := loadConfig(f.root, f.config)
	if err != nil {
		return nil, err
	}
	id := f.board
	if id == "" && cfg.Box.Board != "auto" {
		id = cfg.Box.Board
	}
	if id == "" {
		b, err := board.Read(f.root)
		if err != nil {
			return nil, err
		}
		if b.Warning != "" {
			newShow(c).say("%s", b.Warning)
		}
		id = b.ID
	}
	p, err := firmwareconfig.ProfileOf(id)
	if err != nil {
		return nil, usageError{err}
	}
	boot := "boot/firmware"
	if _, err := os.Stat(filepath.Join(f.root, boot)); err != nil {
		if _, err := os.Stat(filepath.Join(f.root, "boot/config.txt")); err == nil {
			boot = "boot"
		}
	}
	return firmwareconfig.Render(firmwareconfig.Input{Config: cfg, Profile: p, Boot: boot})
}

// loadConfig reads the configuration of a root. A box without one has the defaults.
func loadConfig(root, path string) (*firmwareconfig.Config, error) {
	given := path != ""
	if !given {
		path = filepath.Join(root, firmwareconfig.Path)
	}
	cfg, err := firmwareconfig.Load(path)
	if errors.Is(err, fs.ErrNotExist) && !given {
		return firmwareconfig.Parse(path, nil)
	}
	if err != nil {
		return nil, usageError{err}
	}
	return cfg, nil
}

func planConfig(c *cobra.Command, f *configureFlags) error {
	changes, err := f.changes(c)
	if err != nil {
		return err
	}
	if f.stage != "" {
		if err := firmwareconfig.Stage(f.stage, changes); err != nil {
			return err
		}
	}
	return printChanges(c, changes, true)
}

func (f *configureFlags) changes(c *cobra.Command) ([]firmwareconfig.Change, error) {
	files, err := f.files(c)
	if err != nil {
		return nil, err
	}
	changes, warnings, err := f.tree().Plan(files)
	warn(c, warnings)
	return changes, err
}

func warn(c *cobra.Command, warnings []string) {
	for _, w := range warnings {
		newShow(c).say("%s", w)
	}
}

func printChanges(c *cobra.Command, changes []firmwareconfig.Change, diffs bool) error {
	for _, x := range changes {
		l := configLine{Path: "/" + x.Path, What: x.What()}
		if diffs {
			l.Diff = x.Diff()
		}
		if isJSON(c) {
			if err := printJSON(c.OutOrStdout(), l); err != nil {
				return err
			}
			continue
		}
		text := l.Diff
		if !diffs {
			text = fmt.Sprintf("%s: %s\n", l.Path, l.What)
		}
		if _, err := io.WriteString(c.OutOrStdout(), text); err != nil {
			return err
		}
	}
	return nil
}

func applyConfig(c *cobra.Command, f *configureFlags) error {
	files, err := f.files(c)
	if err != nil {
		return err
	}
	changes, warnings, err := f.tree().Apply(files)
	warn(c, warnings)
	if err != nil {
		return err
	}
	if err := printChanges(c, changes, false); err != nil {
		return err
	}
	s := newShow(c)
	for _, a := range firmwareconfig.Actions(changes) {
		if f.noActivate || !booted(f.root) {
			s.say("then: %s", strings.Join(a.Argv, " "))
			continue
		}
		if err := activate(c.Context(), a); err != nil {
			if a.Must {
				_, undo := f.tree().Undo(false)
				return errors.Join(fmt.Errorf("%w: everything was taken back", err), undo)
			}
			s.say("%v", err)
		}
	}
	return nil
}

// booted reports whether root is a running system.
func booted(root string) bool {
	_, err := os.Stat("/run/systemd/system")
	return filepath.Clean(root) == "/" && err == nil
}

func activate(ctx context.Context, a firmwareconfig.Action) error {
	out, err := exec.CommandContext(ctx, a.Argv[0], a.Argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(a.Argv, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func undoConfig(c *cobra.Command, f *configureFlags) error {
	paths, err := f.tree().Undo(f.force)
	for _, p := range paths {
		l := configLine{Path: "/" + p, What: "restored"}
		if isJSON(c) {
			printJSON(c.OutOrStdout(), l)
		} else {
			fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", l.Path, l.What)
		}
	}
	return err
}

func checkConfig(c *cobra.Command, f *configureFlags) error {
	changes, err := f.changes(c)
	if err != nil {
		return err
	}
	if err := printChanges(c, changes, false); err != nil {
		return err
	}
	if n := len(changes); n > 0 {
		return fmt.Errorf("%d files are not as they should be", n)
	}
	return nil
}
