package main

import (
	"context"
	"strings"
	"testing"

	firmwareconfig "github.com/secateur/secateur/firmware-config"
)

// TestLoginShell: of what sshd could have the login shell run, only the forced command of a key is a line for the gate.
func TestLoginShell(t *testing.T) {
	if name, ok := firmwareconfig.KeyOf(firmwareconfig.Key{Name: "plc"}.Command()); !ok || name != "plc" {
		t.Errorf("the forced command that is written is not known again: %q, %v", name, ok)
	}
	for _, line := range []string{"", "gate plc", "/usr/bin/secateur gate", "/usr/bin/secateur gate ", "/usr/bin/secateur  gate plc", "/usr/bin/secateur gate plc ",
		"/usr/bin/secateur gate plc x", "/usr/bin/secateur gate --config=/x", "/usr/bin/secateur gate ../plc", "/usr/bin/secateur gate plc\n", " /usr/bin/secateur gate plc",
		"/usr/bin/secateur status", "/tmp/secateur gate plc", "/usr/bin/secateur gate plc;id"} {
		if name, ok := firmwareconfig.KeyOf(line); ok {
			t.Errorf("%q is taken for the forced command of %q", line, name)
		}
	}
	for _, argv := range [][]string{{"secateur"}, {"secateur", "demo"}, {"secateur", "gate", "-c"}} {
		if _, ok := asLoginShell(context.Background(), argv, nil, nil); ok {
			t.Errorf("%q is taken for the call of a login shell", argv)
		}
	}
}

func TestParseRemote(t *testing.T) {
	for _, args := range []string{"", "box", "-oProxyCommand=x status", "box nothing", "box status x", "box retrain set=../x", "box put set=a", "box put dir", "box put"} {
		if _, _, _, err := parseRemote(strings.Fields(args)); err == nil {
			t.Errorf("remote %s is no request, and is taken", args)
		}
	}
	host, line, dir, err := parseRemote(strings.Fields("box put set=a pictures/"))
	if host != "secateur-ssh@box" || line != "put set=a" || dir != "pictures/" || err != nil {
		t.Errorf("%q, %q, %q, %v", host, line, dir, err)
	}
	if host, _, _, _ := parseRemote([]string{"me@box", "status"}); host != "me@box" {
		t.Errorf("host %q", host)
	}
}
