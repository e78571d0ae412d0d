package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSharedConnections(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	const config = "user secateur-ssh\nport 22\nidentityfile a\n"
	path := func(config string) string {
		o := shared([]byte(config), time.Minute)
		i := slices.IndexFunc(o, func(s string) bool { return strings.HasPrefix(s, "ControlPath=") })
		if i < 0 || !slices.Contains(o, "ControlPersist=60") {
			t.Fatalf("shared by %q", o)
		}
		return o[i]
	}
	before := path(config)
	if path(config) != before || before == path(strings.Replace(config, "identityfile a", "identityfile b", 1)) {
		t.Error("connections go by their configuration, keys too")
	}
	t.Setenv("SSH_AUTH_SOCK", "/another/agent")
	if path(config) == before {
		t.Error("another agent has other keys")
	}
	for name, o := range map[string][]string{"--keep 0": shared([]byte(config), 0), "the user's own": shared([]byte(config+"controlpath /own\n"), time.Minute)} {
		if o != nil {
			t.Errorf("%s: shared by %q", name, o)
		}
	}
	path(config + "controlpath none\n")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir()+strings.Repeat("/folder", 15))
	if o := shared([]byte(config), time.Minute); o != nil {
		t.Errorf("a path of %d bytes is no socket's: %q", len(os.Getenv("XDG_RUNTIME_DIR")), o)
	}
}
