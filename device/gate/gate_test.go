package gate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		line, verb string
		values     map[string]string
	}{
		{"status", "status", nil},
		{"retrain set=line-3 prune=fisher keep=macs=0.5 seed=7 follow=yes", "retrain", map[string]string{"set": "line-3", "prune": "fisher", "keep": "macs=0.5", "seed": "7", "follow": "yes"}},
		{"logs job=12", "logs", map[string]string{"job": "12"}},
		{"put set=a", "put", map[string]string{"set": "a"}},
	} {
		r, err := Parse(c.line)
		if err != nil || r.Verb != c.verb || len(r.Values) != len(c.values) {
			t.Errorf("%q: %+v, %v", c.line, r, err)
		}
		for k, v := range c.values {
			if r.Values[k] != v {
				t.Errorf("%q: %s is %q, want %q", c.line, k, r.Values[k], v)
			}
		}
	}
}

// hostile are lines that must be refused. Each is also a seed of the fuzz target.
var hostile = []string{"", " ", "status ", " status", "status  ", "STATUS", "stat\x00us", "status\n", "status;id", "status|id", "status&id", "`id`", "$(id)",
	"retrain set=../../etc", "retrain set=/etc", "retrain set=-rf", "retrain set=.hidden", "retrain set='a b'", "retrain set=a set=b", "retrain sets=a", "retrain set",
	"retrain set=", "retrain keep=macs=0.5;id", "retrain seed=-1", "retrain seed=99999999999", "logs job=1e3", "logs job=../1", "cancel", "promote model=", "promote",
	"put set=a b=c", "sh", "bash -c id", "scp -t /", "/usr/lib/openssh/sftp-server", "rsync --server .", "git-upload-pack x", "retrain set=á", "retrain set=a\ufe0f",
	"retrain set=" + strings.Repeat("a", 65), "status " + strings.Repeat("a", 600), strings.Repeat("status ", 9), "retrain follow=maybe", "put --help", "--help", "-h",
	"models=1", "retrain\tset=a", "retrain set=a\r", "retrain set=a#", "retrain set=%2e%2e", "retrain set=~root", "retrain set=*"}

func TestHostileLinesAreRefused(t *testing.T) {
	for _, line := range hostile {
		if r, err := Parse(line); CodeOf(err) != ExitRefused {
			t.Errorf("%.60q: %+v, %v; want a refusal", line, r, err)
		}
	}
}

// FuzzParse: what is not refused has a known verb, and values of plain letters.
func FuzzParse(f *testing.F) {
	for _, line := range append(hostile, "retrain set=a keep=macs=0.5", "status") {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, err := Parse(line)
		if err != nil {
			if CodeOf(err) != ExitRefused || printable(err.Error()) != nil {
				t.Errorf("error %v for %q", err, line)
			}
			return
		}
		for k, v := range r.Values {
			if grammar[r.Verb].values[k] == nil || strings.ContainsAny(v, " /\\'\"`$;|&<>(){}[]*?~!\x00\n\r\t") || v[0] == '-' || v[0] == '.' {
				t.Errorf("%q lets %s=%q pass", line, k, v)
			}
		}
	})
}

// fixture is a gate with a clock that stands still, for the key "anna".
func fixture(t *testing.T, scopes ...Scope) (*Gate, *[]Request, map[string]Verb) {
	t.Helper()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	g := &Gate{Key: Key{"anna", scopes}, From: "192.0.2.7", Audit: &Audit{filepath.Join(t.TempDir(), "audit.jsonl")},
		Limit: Limits{PerMinute: 30, PerHour: 6}, Now: func() time.Time { return now }}
	var done []Request
	verbs := map[string]Verb{}
	for _, v := range Verbs() {
		verbs[v] = func(r Request) error { done = append(done, r); return nil }
	}
	return g, &done, verbs
}

func TestScopes(t *testing.T) {
	for _, c := range []struct {
		line   string
		scopes []Scope
		code   int
	}{
		{"status", nil, ExitDone},
		{"retrain", []Scope{Upload, Promote}, ExitKey},
		{"retrain", []Scope{Train}, ExitDone},
		{"put set=a", []Scope{Train, Promote}, ExitKey},
		{"put set=a", []Scope{Upload}, ExitDone},
		{"promote model=1", []Scope{Train, Upload}, ExitKey},
		{"rollback", []Scope{Promote}, ExitDone},
		{"nonsense", []Scope{Promote, Train, Upload}, ExitRefused},
	} {
		g, done, verbs := fixture(t, c.scopes...)
		var said bytes.Buffer
		code := CodeOf(g.Serve(c.line, verbs, &said))
		if code != c.code || (len(*done) == 1) != (c.code == ExitDone) || (said.Len() > 0) == (c.code == ExitDone) {
			t.Errorf("%s with %v: code %d, want %d; done %v; said %q", c.line, c.scopes, code, c.code, *done, said.String())
		}
		if n, err := g.Audit.Verify(); n != 1 || err != nil {
			t.Errorf("%s: %d lines in the audit, %v", c.line, n, err)
		}
	}
}

// TestNothingHappensWithoutAnAudit: the gate fails closed.
func TestNothingHappensWithoutAnAudit(t *testing.T) {
	g, done, verbs := fixture(t, Train)
	g.Audit.Path = filepath.Join(t.TempDir(), "no", "such", "folder")
	if code := CodeOf(g.Serve("retrain", verbs, io.Discard)); code != ExitAudit || len(*done) != 0 {
		t.Errorf("code %d, done %v", code, *done)
	}
	g.Audit.Path = "/dev/full"
	if code := CodeOf(g.Serve("retrain", verbs, io.Discard)); code != ExitAudit || len(*done) != 0 {
		t.Errorf("full disk: code %d, done %v", code, *done)
	}
}

func TestLimits(t *testing.T) {
	g, _, verbs := fixture(t, Train)
	now := g.Now()
	g.Now = func() time.Time { return now }
	for i := range 40 {
		want := ExitDone
		if i >= 30 {
			want = ExitLimit
		}
		if code := CodeOf(g.Serve("status", verbs, io.Discard)); code != want {
			t.Fatalf("command %d: code %d, want %d", i+1, code, want)
		}
	}
	other := *g
	other.Key.Name = "bert"
	if code := CodeOf(other.Serve("status", verbs, io.Discard)); code != ExitDone {
		t.Errorf("another key: code %d", code)
	}
	for i := range 8 {
		now = now.Add(2 * time.Minute)
		want := ExitDone
		if i >= 6 {
			want = ExitLimit
		}
		if code := CodeOf(g.Serve("retrain", verbs, io.Discard)); code != want {
			t.Errorf("retrain %d: code %d, want %d", i+1, code, want)
		}
	}
}

// TestAuditChain: a changed, a missing and a swapped line are seen; many writers at once keep it whole.
func TestAuditChain(t *testing.T) {
	a := &Audit{filepath.Join(t.TempDir(), "audit.jsonl")}
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for k := range 5 {
				if err := a.Append(Entry{Key: fmt.Sprint(i), Line: fmt.Sprint(k)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if n, err := a.Verify(); n != 20 || err != nil {
		t.Fatalf("%d lines, %v", n, err)
	}
	whole, _ := os.ReadFile(a.Path)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for name, spoil := range map[string]func([][]byte){
		"changed": func(l [][]byte) { l[7] = bytes.Replace(l[7], []byte(`"code":0`), []byte(`"code":1`), 1) },
		"missing": func(l [][]byte) { l[7] = nil },
		"swapped": func(l [][]byte) { l[7], l[8] = l[8], l[7] },
	} {
		copied := append([][]byte{}, lines...)
		spoil(copied)
		os.WriteFile(a.Path, bytes.Join(copied, nil), 0o640)
		if _, err := a.Verify(); err == nil || !strings.Contains(err.Error(), "line 8 does not follow") && name != "swapped" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAuditAfterAPowerCut: half a line stays visible, and the chain goes on behind it.
func TestAuditAfterAPowerCut(t *testing.T) {
	a := &Audit{filepath.Join(t.TempDir(), "audit.jsonl")}
	for range 2 {
		if err := a.Append(Entry{Key: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	info, _ := os.Stat(a.Path)
	os.Truncate(a.Path, info.Size()-20)
	if err := a.Append(Entry{Key: "after"}); err != nil {
		t.Fatal(err)
	}
	if n, err := a.Verify(); n != 3 || err != nil {
		t.Errorf("%d lines, %v; want the half one between two whole ones", n, err)
	}
}

func TestExitKeepsItsCause(t *testing.T) {
	err := exit(ExitData, "x: %w", os.ErrNotExist)
	if !errors.Is(err, os.ErrNotExist) || CodeOf(fmt.Errorf("y: %w", err)) != ExitData || CodeOf(errors.New("z")) != ExitFailed {
		t.Error(err)
	}
}
