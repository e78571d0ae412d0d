package sshtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a box with its sshd.
type Server struct {
	Port  int
	Keys  string // folder of key pairs, NAME and NAME.pub
	Known string // known_hosts with the box's key
	Root  string // folder of a box with files of its own; "": it has this machine's, in the namespace
	t     *testing.T
	sshd  *os.Process
}

// main is an sshd_config as Debian's, on a port of its own; the worst that somebody can do to it is done: a CA whose
// certificates are trusted for every account.
const sshdConfig = `Include /etc/ssh/sshd_config.d/*.conf
Port %d
ListenAddress 127.0.0.1
HostKey %s/host
PidFile /run/sshtest.pid
UsePAM yes
UseDNS no
MaxStartups 200:30:400
TrustedUserCAKeys %s/ca.pub
Subsystem sftp /usr/lib/openssh/sftp-server
AcceptEnv LANG LC_*
Match User ` + Bare + `
    AuthorizedKeysFile /etc/ssh/sshtest-bare
`

// Bare is an account whose keys run /bin/true and nothing else: what sshd itself takes for a command.
const Bare = "sshtest-bare"

// pam lets in whoever sshd has let in; a session without a terminal needs no more.
const pam = "auth required pam_deny.so\naccount required pam_permit.so\nsession required pam_permit.so\n"

// Start makes a box of this machine's namespace: key pairs by name, the configuration that config makes of their
// public keys, accounts, folders, and sshd. configure is what puts the box's files in place.
func Start(t *testing.T, names []string, config func(public map[string]string) string, configure func() error) *Server {
	t.Helper()
	enter(t)
	s := &Server{Keys: "/etc/sshtest", Port: freePort(t), t: t}
	public := s.makeKeys(append([]string{"host", "ca"}, names...))
	s.write("/etc/secateur/config.toml", config(public))
	s.do(configure())
	s.write("/etc/sysusers.d/sshtest.conf", "u "+Bare+" - - / /bin/sh\n")
	s.Command("systemd-sysusers", "/etc/sysusers.d/secateur.conf", "/etc/sysusers.d/sshtest.conf")
	bare := ""
	for _, n := range names {
		bare += `restrict,command="/bin/true" ` + public[n] + "\n"
	}
	s.write("/etc/ssh/sshtest-bare", bare)
	s.Command("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/secateur.conf")
	s.write("/etc/pam.d/sshd", pam)
	s.write("/etc/ssh/sshtest.conf", fmt.Sprintf(sshdConfig, s.Port, s.Keys, s.Keys))
	s.start(public["host"])
	return s
}

// makeKeys makes key pairs, and returns their public keys.
func (s *Server) makeKeys(names []string) map[string]string {
	s.do(os.MkdirAll(s.Keys, 0o700))
	public := map[string]string{}
	for _, n := range names {
		s.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", n, "-f", s.Key(n))
		b, err := os.ReadFile(s.Key(n) + ".pub")
		s.do(err)
		public[n] = strings.TrimSpace(string(b))
	}
	return public
}

// start starts sshd, whose key clients know from then on.
func (s *Server) start(hostKey string) {
	s.Known = filepath.Join(s.Keys, "known")
	s.write(s.Known, fmt.Sprintf("[127.0.0.1]:%d %s\n", s.Port, hostKey))
	s.do(os.MkdirAll(s.Root+"/run/sshd", 0o755))
	log, err := os.Create(s.Root + "/run/sshd.log")
	s.do(err)
	sshd := exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/sshtest.conf")
	sshd.Stderr = log
	if s.Root != "" {
		sshd.Dir, sshd.Env, sshd.SysProcAttr = "/", []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, &syscall.SysProcAttr{Chroot: s.Root}
	}
	s.do(sshd.Start())
	s.sshd = sshd.Process
	s.t.Cleanup(func() {
		sshd.Process.Kill()
		sshd.Wait()
		if s.t.Failed() {
			b, _ := os.ReadFile(log.Name())
			s.t.Logf("sshd: %s", b[max(0, len(b)-4000):])
		}
	})
	s.listens()
}

func (s *Server) listens() {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port)); err == nil {
			c.Close()
			return
		} else if time.Now().After(end) {
			s.t.Fatalf("sshd does not listen: %v", err)
		}
	}
}

// Reload has sshd read its configuration again, as systemctl reload ssh does.
func (s *Server) Reload() {
	s.do(s.sshd.Signal(syscall.SIGHUP))
	time.Sleep(200 * time.Millisecond) // it lets its port go and takes it again
	s.listens()
}

// Key is the file of a private key.
func (s *Server) Key(name string) string { return filepath.Join(s.Keys, name) }

// Certify signs a key by the CA; more are options of ssh-keygen.
func (s *Server) Certify(name, principal string, more ...string) {
	s.t.Helper()
	args := append([]string{"-q", "-s", s.Key("ca"), "-I", name, "-n", principal}, more...)
	s.Command("ssh-keygen", append(args, s.Key(name)+".pub")...)
}

// Command runs a program that must succeed.
func (s *Server) Command(name string, args ...string) string {
	s.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Socket is where the connection of a key is shared.
func (s *Server) Socket(key string) string { return s.Key(key) + ".socket" }

// Connect opens a connection for a key that others share by ssh -S: a session of sshd each, without the handshake. The
// end takes the socket away: ssh, which is killed, leaves it, and would not share another connection where one lies.
func (s *Server) Connect(key string) (end func()) {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	master := s.Client(ctx, key, "", "-M", "-N", "-S", s.Socket(key))
	s.do(master.Start())
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(s.Socket(key)); err == nil {
			return func() { stop(); master.Wait(); s.do(os.Remove(s.Socket(key))) }
		} else if time.Now().After(end) {
			s.t.Fatalf("no connection for key %s: %v", key, err)
		}
	}
}

// Result is how an ssh ended.
type Result struct {
	Code           int // -1: by a signal
	Stdout, Stderr string
	Took           time.Duration
}

// Client is the command of a system's ssh with a key; options come before the host.
func (s *Server) Client(ctx context.Context, key, line string, options ...string) *exec.Cmd {
	args := append([]string{"-F", "/dev/null", "-i", s.Key(key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "UserKnownHostsFile=" + s.Known,
		"-p", fmt.Sprint(s.Port)}, options...)
	args = append(args, "--", "secateur-ssh@127.0.0.1")
	if line != "" {
		args = append(args, line)
	}
	return exec.CommandContext(ctx, "ssh", args...)
}

// SSH asks for a line with a key.
func (s *Server) SSH(key, line string, options ...string) Result {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	return Run(s.Client(ctx, key, line, options...))
}

// Run runs a command to its end.
func Run(c *exec.Cmd) Result {
	var out, talk bytes.Buffer
	c.Stdout, c.Stderr = &out, &talk
	began := time.Now()
	err := c.Run()
	r := Result{Stdout: out.String(), Stderr: talk.String(), Took: time.Since(began)}
	var code *exec.ExitError
	if errors.As(err, &code) {
		r.Code = code.ExitCode()
	} else if err != nil {
		r.Code, r.Stderr = -1, err.Error()
	}
	return r
}

func (s *Server) write(path, text string) {
	s.t.Helper()
	s.do(os.MkdirAll(filepath.Dir(path), 0o755))
	s.do(os.WriteFile(path, []byte(text), 0o644))
}

func (s *Server) do(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
