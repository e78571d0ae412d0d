package sshtest

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// cleanConfig is the sshd_config of a Debian as it comes, but for the port.
const cleanConfig = `Include /etc/ssh/sshd_config.d/*.conf
Port %d
ListenAddress 127.0.0.1
HostKey /etc/ssh/sshtest_host
PidFile /run/sshtest.pid
UsePAM yes
UseDNS no
Subsystem sftp /usr/lib/openssh/sftp-server
`

// StartClean is a box of which nothing is ours: the whole Debian in the folder base, seen through the namespace so that the
// folder stays as it is, with its own sshd, to which root comes with the key called admin. Other names are keys that nobody knows yet.
func StartClean(t *testing.T, base string, names ...string) *Server {
	t.Helper()
	dir := os.Getenv(inside)
	mount(t, "tmpfs", dir, "tmpfs", 0, "mode=0755")
	s := &Server{Keys: filepath.Join(dir, "keys"), Port: freePort(t), Root: filepath.Join(dir, "box"), t: t}
	overlay(t, base, s.Root)
	mount(t, "proc", filepath.Join(s.Root, "proc"), "proc", 0, "")
	mount(t, "/dev", filepath.Join(s.Root, "dev"), "", syscall.MS_BIND|syscall.MS_REC, "")
	public := s.makeKeys(append([]string{"host", "admin"}, names...))
	private, err := os.ReadFile(s.Key("host"))
	s.do(err)
	s.do(os.WriteFile(filepath.Join(s.Root, "etc/ssh/sshtest_host"), private, 0o600))
	s.write(filepath.Join(s.Root, "root/.ssh/authorized_keys"), public["admin"]+"\n")
	s.write(filepath.Join(s.Root, "etc/pam.d/sshd"), pam)
	s.write(filepath.Join(s.Root, "etc/ssh/sshtest.conf"), fmt.Sprintf(cleanConfig, s.Port))
	s.start(public["host"])
	return s
}

// Inside runs a program of a clean box, which must succeed, and returns what it says.
func (s *Server) Inside(name string, args ...string) string {
	s.t.Helper()
	return s.Command("chroot", append([]string{s.Root, name}, args...)...)
}
