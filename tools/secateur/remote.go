package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/device/gate"
	"github.com/secateur/secateur/device/inbox"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
	"github.com/spf13/cobra"
)

// remoteFlags is how a box is reached.
type remoteFlags struct {
	port     int
	identity string
	keep     time.Duration
}

func remoteCommand() *cobra.Command {
	var f remoteFlags
	c := &cobra.Command{
		Use:   "remote HOST VERB [key=value…] [DIR]",
		Short: "Ask a box over SSH: retrain, status, logs, put, promote and the rest",
		Long: `Ask the gate of a box, through the system's ssh. HOST is what ssh knows it by; the account is secateur-ssh unless
USER@HOST says another. The host's key must be known. put set=NAME DIR sends the pictures DIR/CLASS/* or, with
boxes, DIR/images/* and what stands beside them (boxes.csv, DIR/labels/*, DIR/annotations/*, …). The exit code is the gate's: 0 done, 1 failed, 6 the golden set refused the model, 64 refused, 65 bad data, 69 over a limit, 73 no space,
74 no audit, 75 busy, 77 not for this key, 130 cancelled; 255 is ssh's own.`,
		Example: "  secateur remote box7 status\n  secateur remote box7 put set=monday pictures/\n  secateur remote box7 retrain set=monday prune=fisher keep=macs=0.5 follow=yes\n  secateur remote box7 logs follow=yes",
		Args:    cobra.ArbitraryArgs,
		RunE:    func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	c.Flags().IntVar(&f.port, "port", 0, "port of the box's sshd; 0 is ssh's own choice")
	c.Flags().StringVarP(&f.identity, "identity", "i", "", "file of the private key")
	c.Flags().DurationVar(&f.keep, "keep", time.Minute, "how long ssh keeps the connection for the next request; 0: it does not, and the user's own ControlPath goes before")
	return c
}

func (f *remoteFlags) run(c *cobra.Command, args []string) error {
	host, request, dir, err := parseRemote(args)
	if err != nil {
		return err
	}
	options, err := f.connection(c.Context(), host)
	if err != nil {
		return err
	}
	ssh := exec.CommandContext(c.Context(), "ssh", append(options, "-T", "-o", "ClearAllForwardings=yes", "-o", "ForwardAgent=no", "--", host, request)...)
	ssh.Stderr = c.ErrOrStderr()
	out, err := ssh.StdoutPipe()
	if err != nil {
		return err
	}
	sent := func() error { return nil }
	if dir != "" {
		if sent, err = send(ssh, dir); err != nil {
			return err
		}
	}
	if err := ssh.Start(); err != nil {
		return fmt.Errorf("ssh: %w", err)
	}
	printed := printAnswer(c, out)
	sending := sent()
	return remoteEnd(ssh.Wait(), sending, printed)
}

// remoteEnd is how a request ended: by the gate's code, where it has one.
func remoteEnd(ended, sending, printed error) error {
	var code *exec.ExitError
	switch {
	case errors.As(ended, &code) && code.ExitCode() > 0:
		return told{code.ExitCode()}
	case ended != nil:
		return fmt.Errorf("ssh: %w", ended)
	}
	return errors.Join(sending, printed)
}

// parseRemote is the host, the line for its gate, and the folder of a put.
func parseRemote(args []string) (host, line, dir string, err error) {
	if len(args) < 2 {
		return "", "", "", usagef("secateur remote wants HOST and VERB; known verbs are %s", strings.Join(gate.Verbs(), ", "))
	}
	host, words := args[0], args[1:]
	if host == "" || strings.HasPrefix(host, "-") {
		return "", "", "", usagef("%q is no host", host)
	}
	if !strings.Contains(host, "@") {
		host = firmwareconfig.GateUser + "@" + host
	}
	if words[0] == "put" {
		last := len(words) - 1
		if dir = words[last]; last < 1 || strings.HasPrefix(dir, "set=") {
			return "", "", "", usagef("put wants set=NAME and the folder of pictures, DIR/CLASS/*")
		}
		words = words[:last]
	}
	line = strings.Join(words, " ")
	if _, err := gate.Parse(line); err != nil {
		return "", "", "", usageError{err}
	}
	return host, line, dir, nil
}

func (f *remoteFlags) options() (o []string) {
	if f.port > 0 {
		o = append(o, "-p", fmt.Sprint(f.port))
	}
	if f.identity != "" {
		o = append(o, "-i", f.identity)
	}
	return o
}

// connection is how ssh gets to a host, by what its configuration says of it. A box that is not known is not talked to:
// only accept-new of the user's own configuration, which still refuses a key that changed, is left as it is.
func (f *remoteFlags) connection(ctx context.Context, host string) ([]string, error) {
	config, err := exec.CommandContext(ctx, "ssh", append(f.options(), "-G", "--", host)...).Output()
	if err != nil {
		return nil, fmt.Errorf("ssh -G %s: %w", host, err)
	}
	checking := "yes"
	if bytes.Contains(config, []byte("\nstricthostkeychecking accept-new\n")) {
		checking = "accept-new"
	}
	return append(append(f.options(), "-o", "StrictHostKeyChecking="+checking), shared(config, f.keep)...), nil
}

// send has the pictures of a folder stream into ssh; the function it returns waits for their end.
func send(ssh *exec.Cmd, dir string) (func() error, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, usagef("%s holds no picture: want %s/CLASS/* or, with boxes, %[2]s/images/*", dir, filepath.Clean(dir))
	}
	for _, table := range inbox.Tables {
		if path := filepath.Join(dir, table); there(path) {
			files = append(files, path)
		}
	}
	in, err := ssh.StdinPipe()
	if err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() {
		err := inbox.Write(in, func(yield func(inbox.File) error) error { return eachPicture(dir, files, yield) })
		in.Close()
		ended <- err
	}()
	return func() error { return <-ended }, nil
}

func there(path string) bool { _, err := os.Stat(path); return err == nil }

// eachPicture reads CLASS/NAME, below dir, of each file; the class of those in dir itself is inbox.Top. Hidden files and
// folders below a class are left out.
func eachPicture(dir string, files []string, yield func(inbox.File) error) error {
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.IsDir() || strings.HasPrefix(filepath.Base(path), ".") {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		class, err := filepath.Rel(dir, filepath.Dir(path))
		if err != nil {
			return err
		}
		if err := yield(inbox.File{Class: class, Name: filepath.Base(path), Bytes: b}); err != nil {
			return err
		}
	}
	return nil
}

// printAnswer writes what a gate says: with --json its JSON to standard output and its talk to standard error, else all
// of it for people.
func printAnswer(c *cobra.Command, r io.Reader) error {
	show := newShow(c)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if err := printAnswerLine(c, show, lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func printAnswerLine(c *cobra.Command, show *show, line []byte) error {
	var e train.Event
	var pretty bytes.Buffer
	w := c.OutOrStdout()
	switch {
	case isJSON(c) && json.Valid(line):
		_, err := fmt.Fprintf(w, "%s\n", line)
		return err
	case isJSON(c):
		show.say("%s", line)
		return nil
	case json.Unmarshal(line, &e) == nil && e.Event != "":
		show.event(e)
		return nil
	case json.Indent(&pretty, line, "", "  ") == nil:
		line = pretty.Bytes()
	}
	_, err := fmt.Fprintf(w, "%s\n", line)
	return err
}
