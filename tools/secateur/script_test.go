package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/script. Beside testscript's own commands there are
//
//	exits CODE PROGRAM ARG…   run it, want that exit code
//	keys FILE KEY…            the last line of FILE is a JSON object with these keys, a.b for one inside another
//	jsonlines FILE            every line of FILE is a JSON object
//	oneerror                  standard error is one error, and a hint at most
//
// UPDATE_SCRIPTS=1 rewrites golden text that differs.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("FIX", fixtures())
			e.Setenv("SECATEUR_THREADS", "1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "keys": keys, "jsonlines": jsonLines, "oneerror": oneError, "serves": serves,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// serving ends a server by SIGTERM as soon as it has told its address; what an earlier one told is emptied before.
const serving = `: >served.out; "$@" >served.out 2>served.err & server=$!
until grep -q http:// served.out || ! kill -0 $server; do sleep 0.02; done
kill -TERM $server; wait $server; code=$?
cat served.out; cat served.err >&2; exit $code`

func serves(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: serves ARG…")
	}
	ts.Check(ts.Exec("sh", append([]string{"-c", serving, "sh", "secateur"}, args...)...))
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

func keys(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: keys FILE KEY…")
	}
	all := lines(ts.ReadFile(args[0]))
	var object map[string]any
	ts.Check(json.Unmarshal([]byte(all[len(all)-1]), &object))
	for _, path := range args[1:] {
		var at any = object
		for _, k := range strings.Split(path, ".") {
			m, ok := at.(map[string]any)
			if !ok || m[k] == nil {
				ts.Fatalf("no key %s in %s", path, all[len(all)-1])
			}
			at = m[k]
		}
	}
}

func jsonLines(ts *testscript.TestScript, neg bool, args []string) {
	for _, l := range lines(ts.ReadFile(args[0])) {
		var object map[string]any
		if err := json.Unmarshal([]byte(l), &object); err != nil {
			ts.Fatalf("%q: %v", l, err)
		}
	}
}

func oneError(ts *testscript.TestScript, neg bool, args []string) {
	if err := isOneError(ts.ReadFile("stderr")); err != nil {
		ts.Fatalf("%v", err)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("standard output is %q, want nothing", out)
	}
}

// isOneError wants `secateur: error: …` and perhaps `hint: …`, nothing else.
func isOneError(stderr string) error {
	all := lines(stderr)
	switch {
	case !strings.HasPrefix(all[0], "secateur: error: "), len(all) > 2, len(all) == 2 && !strings.HasPrefix(all[1], "hint: "):
		return errors.New("standard error is not one error and at most a hint: " + stderr)
	case strings.Contains(stderr, "%!"), strings.Contains(stderr, "<nil>"), strings.Contains(stderr, "goroutine "):
		return errors.New("standard error is not for people: " + stderr)
	}
	return nil
}
