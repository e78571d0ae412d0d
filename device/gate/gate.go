// Package gate is the forced command of an SSH key: it parses what a client asks for, holds it against the scopes and
// limits of the key, writes it into an audit chain before anything happens, and hands it on. It starts no program and
// passes no text of the client to one (reference: device §5).
package gate

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Exit codes of the forced command. 255 is ssh's own and never ours.
const (
	ExitDone      = 0
	ExitFailed    = 1
	ExitTarget    = 6   // the golden set refused the model; it is kept, the live one is as it was
	ExitRefused   = 64  // no command of the grammar
	ExitData      = 65  // the data cannot be used
	ExitLimit     = 69  // too many commands by this key
	ExitSpace     = 73  // no room for what is sent
	ExitAudit     = 74  // the audit cannot be written: nothing was done
	ExitBusy      = 75  // another job is pending or running
	ExitKey       = 77  // not for this key
	ExitCancelled = 130 // the job was cancelled
)

// Exit is an error with its exit code.
type Exit struct {
	Code int
	Err  error
}

func (e *Exit) Error() string { return e.Err.Error() }
func (e *Exit) Unwrap() error { return e.Err }

func exit(code int, format string, args ...any) error {
	return &Exit{code, fmt.Errorf(format, args...)}
}

// CodeOf is the exit code of what a verb ended with.
func CodeOf(err error) int {
	var e *Exit
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &e):
		return e.Code
	}
	return ExitFailed
}

// Key is who asks: the name that stands in the forced command, and what it may do.
type Key struct {
	Name   string
	Scopes []Scope
}

func (k Key) may(s Scope) bool {
	if s == Look {
		return true
	}
	for _, x := range k.Scopes {
		if x == s {
			return true
		}
	}
	return false
}

// Gate is one invocation.
type Gate struct {
	Key   Key
	From  string // of the client, as sshd says
	Audit *Audit
	Limit Limits
	Now   func() time.Time
}

// Verb does what was asked for, and is called only after the audit holds the request.
type Verb func(Request) error

// Serve parses line, asks limits, scope and audit, and calls the verb. Its error, nil included, has the exit code by
// CodeOf. The client's text comes back in no message but quoted and cut.
func (g *Gate) Serve(line string, verbs map[string]Verb, stderr io.Writer) error {
	err := g.serve(line, verbs)
	if err != nil {
		fmt.Fprintf(stderr, "secateur gate: %v\n", err)
	}
	return err
}

// Refuse writes a refusal that was decided before the line was looked at, and is its error.
func (g *Gate) Refuse(line string, code int, why error, stderr io.Writer) error {
	err := g.record(line, Request{}, &Exit{code, why})
	if err == nil {
		err = &Exit{code, why}
	}
	fmt.Fprintf(stderr, "secateur gate: %v\n", err)
	return err
}

func (g *Gate) serve(line string, verbs map[string]Verb) error {
	r, err := Parse(line)
	if err == nil {
		err = g.allow(r)
	}
	if over := g.Limit.check(g.Audit, g.Key.Name, r.Verb, g.Now()); over != nil && CodeOf(err) != ExitRefused {
		err = over
	}
	if failed := g.record(line, r, err); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	do := verbs[r.Verb]
	if do == nil {
		return exit(ExitRefused, "%s is not offered by this box", r.Verb)
	}
	return do(r)
}

// allow refuses what the key's scopes do not hold.
func (g *Gate) allow(r Request) error {
	if s := grammar[r.Verb].scope; !g.Key.may(s) {
		return exit(ExitKey, "key %s may not %s: it lacks the scope %s", g.Key.Name, r.Verb, s)
	}
	return nil
}

// record writes the request and the decision; nothing may happen that is not written.
func (g *Gate) record(line string, r Request, decision error) error {
	e := Entry{Time: g.Now().UTC(), Key: g.Key.Name, From: g.From, Verb: r.Verb, Line: quoted(line), Code: CodeOf(decision)}
	if err := g.Audit.Append(e); err != nil {
		return exit(ExitAudit, "the audit cannot be written, so nothing was done: %w", err)
	}
	return nil
}
