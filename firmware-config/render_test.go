package firmwareconfig

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func rendered(t testing.TB, c *Config, id string) []File {
	t.Helper()
	p, err := ProfileOf(id)
	if err != nil {
		t.Fatal(err)
	}
	files, err := Render(Input{Config: c, Profile: p})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestGolden: the files of every board. A plain computer's are written whole, of the other boards those that differ from them.
func TestGolden(t *testing.T) {
	base := map[string]string{}
	for _, id := range ProfileIDs() {
		a := &txtar.Archive{Comment: []byte("the files of " + id + "; go test ./firmware-config -update rewrites them\n")}
		for _, f := range rendered(t, line(t), id) {
			if id == "pc" {
				base[f.Path] = f.Text
			}
			if id == "pc" || base[f.Path] != f.Text {
				a.Files = append(a.Files, txtar.File{Name: f.Path, Data: []byte(strings.TrimSuffix(f.Text, "\n") + "\n")})
			}
		}
		golden(t, filepath.Join("testdata/golden", id+".txtar"), txtar.Format(a))
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(got) {
		t.Errorf("%s", diff.Diff(path, want, "rendered", got))
	}
}

// staged writes a board's files, and the program they start, into a root.
func staged(t *testing.T, id string) string {
	t.Helper()
	root := t.TempDir()
	var changes []Change
	for _, f := range rendered(t, line(t), id) {
		changes = append(changes, Change{Path: f.Path, New: []byte(f.Text), Mode: f.Mode})
	}
	changes = append(changes, Change{Path: "usr/bin/secateur", New: []byte("#!/bin/sh\n"), Mode: 0o755})
	if err := Stage(root, changes); err != nil {
		t.Fatal(err)
	}
	return root
}

func analyzer(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not here: apt-get install systemd")
	}
	return path
}

// verified boards have units that differ.
var verified = []string{"pc", "raspberrypi-5", "jetson-agx-orin"}

// TestUnitsVerify: systemd says nothing against a unit.
func TestUnitsVerify(t *testing.T) {
	analyze := analyzer(t)
	for _, id := range verified {
		root := staged(t, id)
		for _, dir := range []string{"usr/lib/systemd/system", "usr/lib/systemd"} { // the targets that units name
			os.MkdirAll(filepath.Join(root, dir), 0o755)
		}
		for _, name := range []string{"multi-user", "timers", "basic", "sysinit", "shutdown", "paths", "sockets", "network-online", "time-set", "time-sync"} {
			os.WriteFile(filepath.Join(root, "usr/lib/systemd/system", name+".target"), []byte("[Unit]\nDescription="+name+"\n"), 0o644)
		}
		units, _ := filepath.Glob(filepath.Join(root, "etc/systemd/system/secateur-*"))
		if len(units) != 7 {
			t.Fatalf("%s: %d units", id, len(units))
		}
		out, err := exec.Command(analyze, append([]string{"verify", "--man=no", "--recursive-errors=one", "--root=" + root}, units...)...).CombinedOutput()
		if err != nil || len(strings.TrimSpace(string(out))) > 0 {
			t.Errorf("%s: %v\n%s", id, err, out)
		}
	}
}

// TestVerifyFindsFaults: the test above would see a misspelt key.
func TestVerifyFindsFaults(t *testing.T) {
	analyze := analyzer(t)
	unit := filepath.Join(t.TempDir(), "x.service")
	if err := os.WriteFile(unit, []byte("[Service]\nExecStart=/bin/true\nMemoryMaxx=1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=one", unit).CombinedOutput(); err == nil {
		t.Errorf("a misspelt key passes:\n%s", out)
	}
}

// TestExposure: how much of the system a unit could reach, by systemd's own score from 0 to 10.
func TestExposure(t *testing.T) {
	analyze := analyzer(t)
	for _, id := range verified {
		root := staged(t, id)
		for unit, limit := range map[string]float64{"secateur-train.service": 1.5, "secateur-run.service": 3, "secateur-scrub.service": 1.5} {
			out, err := exec.Command(analyze, "security", "--offline=yes", "--no-pager", "--root="+root, filepath.Join(root, "etc/systemd/system", unit)).CombinedOutput()
			m := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindSubmatch(out)
			if err != nil || m == nil {
				t.Fatalf("%s: %v\n%s", unit, err, out)
			}
			score, err := strconv.ParseFloat(string(m[1]), 64)
			if err != nil || score > limit {
				t.Errorf("%s of %s scores %v, want at most %v\n%s", unit, id, score, limit, out)
			}
			t.Logf("%s of %s: %v", unit, id, score)
		}
	}
}

// TestSSHDAccepts: sshd reads the drop-in, and for the gate's account it says what the drop-in wants.
func TestSSHDAccepts(t *testing.T) {
	sshd, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Skip("sshd is not here: apt-get install openssh-server")
	}
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not here: apt-get install openssh-client")
	}
	root := staged(t, "raspberrypi-5")
	host := filepath.Join(root, "host")
	if out, err := exec.Command(keygen, "-q", "-t", "ed25519", "-N", "", "-f", host).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	config := filepath.Join(root, "sshd_config")
	text := "HostKey " + host + "\nInclude " + filepath.Join(root, "etc/ssh/sshd_config.d/*.conf") + "\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(sshd, "-T", "-f", config, "-C", "user=secateur-ssh,host=h,addr=10.0.0.7").CombinedOutput()
	if err != nil && strings.Contains(string(out), "Missing privilege separation directory") {
		t.Skip("sshd wants /run/sshd")
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"authenticationmethods publickey", "permittty no", "permituserrc no", "disableforwarding yes", "passwordauthentication no",
		"authorizedkeysfile /etc/ssh/secateur-keys/%u", "maxsessions 4"} {
		if !strings.Contains(string(out), "\n"+want+"\n") {
			t.Errorf("sshd does not say %q", want)
		}
	}
	if out, err := exec.Command(keygen, "-l", "-f", filepath.Join(root, "etc/ssh/secateur-keys/secateur-ssh")).CombinedOutput(); err != nil || strings.Count(string(out), "SHA256:") != 2 {
		t.Errorf("ssh-keygen reads of the keys file: %v\n%s", err, out)
	}
}

// TestWritable: a folder that is configured to lie elsewhere can be written to by the services.
func TestWritable(t *testing.T) {
	c := line(t)
	c.Retention.Dir, c.Models.Dir = "/srv/pictures", "/srv/pictures/models"
	for _, f := range rendered(t, c, "pc") {
		if strings.HasSuffix(f.Path, "secateur-run.service") && !strings.Contains(f.Text, "\nReadWritePaths=/var/lib/secateur /srv/pictures/models /srv/pictures\n") {
			t.Errorf("%s: %s", f.Path, f.Text)
		}
	}
}

// TestShares: inference has CPUs of its own, training the others.
func TestShares(t *testing.T) {
	for _, c := range []struct {
		cpus       int
		run, train string
	}{{0, "", ""}, {1, "", ""}, {2, "1", "0"}, {4, "3", "0-2"}, {6, "4-5", "0-3"}, {12, "10-11", "0-9"}} {
		if run, train := shares(c.cpus); run != c.run || train != c.train {
			t.Errorf("%d CPUs: %q and %q, want %q and %q", c.cpus, run, train, c.run, c.train)
		}
	}
	if got := without("0,2-3", 6); got != "1,4,5" {
		t.Errorf("without 0,2-3 of 6: %q", got)
	}
}
