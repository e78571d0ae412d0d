package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	firmwareconfig "github.com/secateur/secateur/firmware-config"
)

var sshChecks = []Check{
	{"ssh.settings", "sshd -T for the gate's account: what holds in the end, not what one file says", "a setting is not what the drop-in wants", "look for another file that says so first: grep -r . /etc/ssh/sshd_config.d", sshSettings},
	{"ssh.ca", "TrustedUserCAKeys of sshd -T", "a CA is trusted for all: a certificate without a command gives a shell", "trust the CA by a line cert-authority,restrict,command=… of the keys file", sshCA},
	{"ssh.keys", "/etc/ssh/secateur-keys/secateur-ssh: owner, mode, and each line", "not root's alone, or a line lacks restrict or the gate's command; a key without from= is a warning", "secateur configure apply; from = [\"10.0.0.0/24\"] for the key", sshKeys},
	{"ssh.shell", "login shell of secateur-ssh", "it is a shell", "usermod --shell /usr/bin/secateur secateur-ssh", sshShell},
}

const gateUser = firmwareconfig.GateUser

func (b *Box) withSSH() bool { return b.Config != nil && b.Config.SSH.Enabled }

// sshd is what the server does for the gate's account.
func (b *Box) sshd() (map[string]string, string) {
	out, absent, err := b.asked("sshd", "-T", "-C", "user="+gateUser+",host=localhost,addr=127.0.0.1")
	if absent != "" {
		return nil, absent
	}
	if err != nil {
		return nil, "sshd -T: " + strings.ReplaceAll(out, "\n", "; ")
	}
	m := map[string]string{}
	for line := range strings.Lines(out) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), " ")
		if m[k] != "" {
			v = m[k] + " " + v
		}
		m[k] = v
	}
	return m, ""
}

func sshSettings(b *Box) Result {
	if !b.withSSH() {
		return none("ssh.enabled is false")
	}
	m, absent := b.sshd()
	if absent != "" {
		return none("%s", absent)
	}
	var bad []string
	for _, want := range [][2]string{{"authenticationmethods", "publickey"}, {"authorizedkeysfile", "/etc/ssh/secateur-keys/%u"}, {"permittty", "no"},
		{"permituserrc", "no"}, {"disableforwarding", "yes"}, {"passwordauthentication", "no"}, {"permituserenvironment", "no"}} {
		if got := m[want[0]]; got != want[1] {
			bad = append(bad, fmt.Sprintf("%s %s, want %s", want[0], got, want[1]))
		}
	}
	if len(bad) > 0 {
		return fail("%s", strings.Join(bad, "; "))
	}
	return ok("as the drop-in wants")
}

func sshCA(b *Box) Result {
	if !b.withSSH() {
		return none("ssh.enabled is false")
	}
	m, absent := b.sshd()
	switch ca := m["trustedusercakeys"]; {
	case absent != "":
		return none("%s", absent)
	case ca != "" && ca != "none":
		return fail("%s", ca)
	}
	return ok("none")
}

func sshKeys(b *Box) Result {
	path := filepath.Join(b.Root, "etc/ssh/secateur-keys", gateUser)
	info, err := os.Stat(path)
	if !b.withSSH() || err != nil {
		return none("there is no keys file")
	}
	st := info.Sys().(*syscall.Stat_t)
	if b.running() && st.Uid != 0 || info.Mode().Perm()&0o022 != 0 {
		return fail("owner %d, mode %04o; want root and at most 0644", st.Uid, info.Mode().Perm())
	}
	keys, open := 0, 0
	for line := range strings.Lines(b.text("etc/ssh/secateur-keys/" + gateUser)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		keys++
		options, _, _ := strings.Cut(line, " ssh-")
		if !strings.HasPrefix(strings.TrimPrefix(options, "cert-authority,"), "restrict,") || !strings.Contains(options, `command="/usr/bin/secateur gate `) {
			return fail("key %d has no restrict or no command of the gate", keys)
		}
		if !strings.Contains(options, `from="`) {
			open++
		}
	}
	if open > 0 {
		return warn("%d of %d keys may come from anywhere", open, keys)
	}
	return ok("%d keys", keys)
}

func sshShell(b *Box) Result {
	for line := range strings.Lines(b.text("etc/passwd")) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 7 || f[0] != gateUser {
			continue
		}
		if f[6] != "/usr/bin/secateur" {
			return fail("%s", f[6])
		}
		return ok("%s", f[6])
	}
	return none("there is no account %s", gateUser)
}
