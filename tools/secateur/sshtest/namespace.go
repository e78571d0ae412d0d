// Package sshtest sets a box up as its configuration says, with a real sshd on loopback in front of it, in a mount and
// process namespace of its own: accounts, keys, programs and folders are those of a box, and nothing of them is left.
package sshtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// inside is the environment variable that says where a namespace may mount.
const inside = "SECATEUR_SSHTEST_INSIDE"

// Program is the environment variable that names the program of the box; without it the test itself stands in for it.
const Program = "SECATEUR_SSHTEST_PROGRAM"

// needed are the programs without which there is no test.
var needed = []string{"/usr/sbin/sshd", "ssh", "ssh-keygen", "systemd-sysusers", "systemd-tmpfiles"}

// InNamespace runs the test that calls it again in a namespace of its own, and reports whether this is that run. It
// skips the test where the machine has no sshd or the test is not root's.
func InNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		return true
	}
	if os.Getuid() != 0 {
		t.Skip("a real sshd with accounts of its own wants root")
	}
	for _, name := range needed {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is missing: apt-get install openssh-server systemd", name)
		}
	}
	run := exec.Command("/proc/self/exe", "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "40m")
	run.Env = append(os.Environ(), inside+"="+t.TempDir())
	run.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if bytes.Contains(out, []byte("--- SKIP")) {
		t.Skipf("%s", out)
	}
	t.Logf("%s", out)
	return false
}

// Overlaid is what the namespace has its own writable copy of.
var overlaid = []string{"/etc", "/var", "/usr/bin", "/run", "/root"}

// enter gives the namespace its folders, and this program as the box's.
func enter(t *testing.T) {
	t.Helper()
	dir := os.Getenv(inside)
	mount(t, "tmpfs", dir, "tmpfs", 0, "mode=0755")
	for _, o := range overlaid {
		overlay(t, o, o)
	}
	mount(t, "proc", "/proc", "proc", 0, "")
	program, err := os.Executable()
	if p := os.Getenv(Program); p != "" {
		program, err = p, nil
	}
	if err == nil {
		err = os.WriteFile("/usr/bin/secateur", nil, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	mount(t, program, "/usr/bin/secateur", "", syscall.MS_BIND, "")
}

// overlay shows a folder at another one, or at its own place, with what is written there kept in the namespace's memory.
func overlay(t *testing.T, lower, at string) {
	t.Helper()
	dir := os.Getenv(inside)
	upper, work := filepath.Join(dir, "upper", lower), filepath.Join(dir, "work", lower)
	for _, d := range []string{upper, work, at} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mount(t, "overlay", at, "overlay", 0, "lowerdir="+lower+",upperdir="+upper+",workdir="+work)
}

func mount(t *testing.T, from, to, kind string, flags uintptr, options string) {
	t.Helper()
	if err := syscall.Mount(from, to, kind, flags, options); err != nil {
		t.Skipf("mount %s %s: %v: the machine lets no namespace have its own folders", kind, to, err)
	}
}
