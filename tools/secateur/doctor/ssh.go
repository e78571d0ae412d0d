package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/secateur/secateur/device/gate"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
)

var sshChecks = []Check{
	{"ssh.settings", "sshd -T for the gate's account: what holds in the end, not what one file says", "a setting is not what the drop-in wants", "look for another file that says so first: grep -r . /etc/ssh/sshd_config.d", sshSettings},
	{"ssh.ca", "TrustedUserCAKeys of sshd -T", "a CA is trusted for all: a certificate without a command gives a shell", "trust the CA by a line cert-authority,restrict,command=… of the keys file", sshCA},
	{"ssh.keys", "/etc/ssh/secateur-keys/secateur-ssh: owner, mode, and each line", "not root's alone, or a line lacks restrict or the gate's command; a key without from= is a warning", "secateur configure apply; from = [\"10.0.0.0/24\"] for the key", sshKeys},
	{"ssh.shell", "login shell of secateur-ssh", "it is a shell", "usermod --shell /usr/bin/secateur secateur-ssh", sshShell},
	{"ssh.audit", firmwareconfig.Audit + ": its folder, its mode, and the chain of its lines", "it cannot be written (the gate then refuses everything, exit 74), others may write it, or a line was changed",
		"secateur configure apply makes the folder; a broken chain: keep the file, and look who was on the box", sshAudit},
	{"ssh.rsync", "the version of rsync, and keys that use rrsync", "rrsync before 3.5.0 lets a key out of its folder (CVE-2026-53783)", "a newer rsync; or secateur remote put instead of rsync", sshRsync},
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

func sshAudit(b *Box) Result {
	if !b.withSSH() {
		return none("ssh.enabled is false")
	}
	path := filepath.Join(b.Root, firmwareconfig.Audit)
	if len(b.glob(filepath.Dir(firmwareconfig.Audit))) == 0 {
		return fail("%s is not there", filepath.Dir(firmwareconfig.Audit))
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ok("nobody has asked for anything yet")
	case err != nil:
		return fail("%v", err)
	case info.Mode().Perm()&0o022 != 0:
		return fail("mode %04o, want 0640", info.Mode().Perm())
	}
	lines, err := (&gate.Audit{Path: path}).Verify()
	if err != nil {
		return fail("%s", strings.ReplaceAll(err.Error(), b.Root, ""))
	}
	return ok("%d lines, each follows from the one before", lines)
}

// sshRsync looks for keys that let rsync in by a rrsync that can be escaped.
func sshRsync(b *Box) Result {
	out, absent, _ := b.asked("rsync", "--version")
	if absent != "" {
		return ok("%s", absent)
	}
	var major, minor int
	_, version, _ := strings.Cut(out, "version ")
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n != 2 {
		return warn("rsync does not say its version")
	}
	if major > 3 || major == 3 && minor >= 5 {
		return ok("rsync %d.%d", major, minor)
	}
	for _, pattern := range []string{"etc/ssh/secateur-keys/*", "root/.ssh/authorized_keys", "home/*/.ssh/authorized_keys"} {
		for _, file := range b.glob(pattern) {
			if strings.Contains(b.text(file), "rrsync") {
				return fail("rsync %d.%d, and /%s uses rrsync", major, minor, file)
			}
		}
	}
	return ok("rsync %d.%d, and no key uses rrsync", major, minor)
}
