// Command secateur fine-tunes and prunes a pretrained CNN on the camera box itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/core/plan"
	"github.com/secateur/secateur/core/train"
	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

// Exit codes of DESIGN: what a script may rely on.
const (
	exitOK        = 0
	exitFailure   = 1
	exitUsage     = 2
	exitData      = 3
	exitDevice    = 4
	exitResource  = 5
	exitTarget    = 6
	exitInterrupt = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if code, ok := asLoginShell(ctx, os.Args, os.Stdout, os.Stderr); ok {
		os.Exit(code)
	}
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program but for the process's exit.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var gate told
	if errors.As(err, &gate) {
		return gate.code
	}
	code := exitCode(ctx, err)
	line := strings.ReplaceAll(err.Error(), "\n", "; ")
	if code == exitInterrupt {
		line = "interrupted"
	}
	fmt.Fprintf(stderr, "secateur: error: %s\n", line)
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", hint)
	}
	return code
}

// usageError is a command line or a configuration that cannot be followed.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// keptError is an interruption after which a run can go on.
type keptError struct {
	error
	dir string
}

func (e *keptError) Unwrap() error { return e.error }

func exitCode(ctx context.Context, err error) int {
	var usage usageError
	var folder *train.RunError
	var budget *plan.BudgetError
	switch {
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		return exitInterrupt
	case errors.As(err, &usage), errors.As(err, &folder):
		return exitUsage
	case errors.Is(err, data.ErrUnusable):
		return exitData
	case isDevice(err):
		return exitDevice
	case errors.As(err, &budget), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EDQUOT):
		return exitResource
	case errors.Is(err, train.ErrTarget), errors.Is(err, accept.ErrRefused):
		return exitTarget
	}
	return exitFailure
}

// hintFor is what to do about an error, where that is known.
func hintFor(err error) string {
	var budget *plan.BudgetError
	var kept *keptError
	switch {
	case errors.As(err, &kept):
		return "the run is kept in " + kept.dir + "; the same command with --resume goes on with it"
	case errors.As(err, &budget):
		return "a smaller --batch, or --train bias or head, needs less memory"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free some space; what was there before is untouched"
	case isDevice(err):
		return deviceHint(err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES):
		return "choose a folder that can be written with -o, --out or --run"
	case errors.Is(err, accept.ErrRefused):
		return "the live model is as it was; the refused one is kept, with its report"
	case errors.Is(err, train.ErrTarget):
		return "keep more (--keep macs=0.7), or give more images or epochs"
	}
	return ""
}

// extra are commands of the build alone; see man.go.
var extra []*cobra.Command

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "secateur",
		Short:         "Fine-tune and prune a pretrained CNN on the camera box itself",
		Example:       "  secateur demo --out demo\n  secateur adapt --model mobilenet.onnx --data line/ --prune fisher --keep macs=0.5 -o line.secateur",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       versionString(),
		Args:          knownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetVersionTemplate("secateur {{.Version}}\n")
	root.PersistentFlags().Bool("json", false, "print data as JSON on standard output")
	root.PersistentFlags().Bool("quiet", false, "no progress on standard error")
	root.PersistentFlags().Int("threads", 0, "threads; 0 is one for each CPU the process may use")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w; see %s --help", err, c.CommandPath())
	})
	root.AddCommand(demoCommand(), importCommand(), inspectCommand(), adaptCommand(), pruneCommand(),
		evalCommand(), predictCommand(), explainCommand(), exportCommand(), criteriaCommand(), studyCommand(), benchCommand(), labelCommand(), modelsCommand(),
		configureCommand(), doctorCommand(), captureCommand(), cameraCommand(), gpioCommand(), retrainCommand(), remoteCommand(), runCommand())
	root.AddCommand(extra...)
	for _, c := range root.Commands() {
		fromEnvironment(c)
	}
	root.AddCommand(gateCommand()) // after the loop: what a client puts into its environment must not speak
	return root
}

// knownCommand refuses what is no command, naming those that are meant perhaps.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return usagef("unknown command %q; perhaps %s is meant", args[0], strings.Join(near, " or "))
	}
	return usagef("unknown command %q; see %s --help", args[0], c.CommandPath())
}

func versionString() string {
	v := version
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && !strings.Contains(v, s.Value[:7]) {
				v += " (" + s.Value[:12] + ")"
			}
		}
		v += " " + info.GoVersion
	}
	return v
}
