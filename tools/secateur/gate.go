package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/secateur/secateur/device/gate"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
	"github.com/secateur/secateur/tools/secateur/box"
	"github.com/spf13/cobra"
)

// told is the exit code of a table other than this program's, whose message stands on standard error already.
type told struct{ code int }

func (t told) Error() string { return fmt.Sprintf("exit %d", t.code) }

func gateCommand() *cobra.Command {
	var config string
	c := &cobra.Command{
		Use:   "gate NAME",
		Short: "The forced command of an SSH key: retrain, status, logs, put and the rest, by the key's scopes",
		Long: `The forced command of the SSH key NAME: what the client asks for comes from SSH_ORIGINAL_COMMAND, is held against the
grammar and the key's scopes and limits, written to the audit, and done. Exit: 0 done, 1 failed, 6 the golden set
refused the model, 64 no command of the grammar, 65 bad data, 69 over a limit, 73 no space, 74 no audit, 75 another job is there, 77 not for this key,
130 cancelled.`,
		Example: "  secateur gate plc",
		Args:    exactly(1, "the name of a key"),
		RunE: func(c *cobra.Command, args []string) error {
			return newCaller().serve(c, config, args[0])
		},
	}
	c.Flags().StringVar(&config, "config", firmwareconfig.Path, "configuration")
	return c
}

// caller is what sshd says of a client.
type caller struct{ line, from string }

func newCaller() caller {
	from, _, _ := strings.Cut(os.Getenv("SSH_CONNECTION"), " ")
	return caller{os.Getenv("SSH_ORIGINAL_COMMAND"), from}
}

// gate is the gate for a key.
func (x caller) gate(key gate.Key, limit gate.Limits) *gate.Gate {
	return &gate.Gate{Key: key, From: x.from, Audit: &gate.Audit{Path: firmwareconfig.Audit}, Limit: limit, Now: time.Now}
}

// refuse audits that a caller gets nothing.
func (x caller) refuse(name string, code int, stderr io.Writer, format string, args ...any) error {
	return told{gate.CodeOf(x.gate(gate.Key{Name: name}, gate.Limits{}).Refuse(x.line, code, fmt.Errorf(format, args...), stderr))}
}

func (x caller) serve(c *cobra.Command, config, name string) error {
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP) // a client that is gone is an error of the next write, not our end
	syscall.Umask(0o002)                           // pictures are of both accounts
	cfg, err := firmwareconfig.Load(config)
	if err != nil {
		return x.refuse(name, gate.ExitFailed, c.ErrOrStderr(), "%w", err)
	}
	key, ok := box.GateKey(cfg, name)
	if !ok {
		return x.refuse(name, gate.ExitKey, c.ErrOrStderr(), "key %s is not in %s", name, config)
	}
	verbs, err := x.verbs(c, cfg, config, name)
	if err != nil {
		return x.refuse(name, gate.ExitFailed, c.ErrOrStderr(), "%w", err)
	}
	limit := gate.Limits{PerMinute: cfg.SSH.PerMinute, PerHour: cfg.Train.PerHour}
	return toldOf(x.gate(key, limit).Serve(x.line, verbs, c.ErrOrStderr()))
}

// toldOf is the gate's code of an error that it has told.
func toldOf(err error) error {
	if err == nil {
		return nil
	}
	return told{gate.CodeOf(err)}
}

func (x caller) verbs(c *cobra.Command, cfg *firmwareconfig.Config, config, name string) (map[string]gate.Verb, error) {
	env, err := newEnv(c)
	if err != nil {
		return nil, err
	}
	station, err := box.Open(cfg, firmwareconfig.Spool, env)
	if err != nil {
		return nil, err
	}
	r := &box.Remote{Station: station, Key: name, In: c.InOrStdin(), Out: c.OutOrStdout(), Quota: int64(cfg.SSH.Quota), Reserve: int64(cfg.Retention.Reserve),
		Upload: box.UploadLimits(cfg), Doctor: func(w io.Writer) error { return examine(config, jsonFindings(w)) }}
	return r.Verbs(c.Context()), nil
}

// asLoginShell is what sshd makes of the gate's account, whose login shell is this program: SHELL -c 'COMMAND', or a
// name with a dash in front and no command. Only the forced command of a key is done. ok is false for any other call.
func asLoginShell(ctx context.Context, argv []string, stdout, stderr io.Writer) (code int, ok bool) {
	login := strings.HasPrefix(argv[0], "-")
	if !login && (len(argv) < 2 || argv[1] != "-c") {
		return 0, false
	}
	if !login && len(argv) == 3 {
		if name, forced := firmwareconfig.KeyOf(argv[2]); forced {
			return run(ctx, []string{"gate", name}, stdout, stderr), true
		}
	}
	x := newCaller()
	x.line = strings.Join(argv[1:], " ")
	err := x.refuse("-", gate.ExitRefused, stderr, "this account has no shell: it runs the forced command of a key and nothing else")
	var t told
	errors.As(err, &t)
	return t.code, true
}
