package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secateur/secateur/device/slot"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
	"github.com/secateur/secateur/tools/secateur/sshtest"
)

// TestAnsible sets a box up by the collection in firmware-config/ansible, and rolls retrainings out to three names of it,
// through a real sshd: the first that the golden set refuses, and the first whose data cannot be used, end the rollout.
func TestAnsible(t *testing.T) {
	if !ansible(t) {
		return
	}
	a := newFleet(t)
	t.Run("set up", a.setUp)
	t.Run("refused by the golden set", a.refused)
	t.Run("one box, then the others", a.rolledOut)
	t.Run("bad data", a.badData)
}

// ansible reports whether this run of a test has a namespace for Ansible to work in. It skips the test where it is not asked for.
func ansible(t *testing.T) bool {
	if os.Getenv("SECATEUR_ANSIBLE") == "" {
		t.Skip("takes a minute: make test-ansible")
	}
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Skip("ansible-playbook is missing: apt-get install ansible-core")
	}
	return sshtest.InNamespace(t)
}

// inventory is names of one box, and where Ansible keeps its things.
type inventory struct{ dir string }

func newInventory(t *testing.T, s *sshtest.Server, names int) inventory {
	collection, err := filepath.Abs("../../firmware-config/ansible")
	must(err)
	v := inventory{t.TempDir()}
	parent := filepath.Join(v.dir, "ansible_collections", "secateur")
	must(os.MkdirAll(parent, 0o755))
	must(os.Symlink(collection, filepath.Join(parent, "box")))
	text := "boxes:\n  hosts:\n"
	for i := range names {
		text += fmt.Sprintf("    box%d: {ansible_host: 127.0.0.1, ansible_port: %d, secateur_port: %d}\n", i+1, s.Port, s.Port)
	}
	text += fmt.Sprintf("  vars: {ansible_user: root, ansible_ssh_private_key_file: %s, ansible_python_interpreter: /usr/bin/python3, ansible_ssh_common_args: -o UserKnownHostsFile=%s}\n", s.Key("admin"), s.Known)
	must(os.WriteFile(filepath.Join(v.dir, "boxes.yml"), []byte(text), 0o644))
	return v
}

// play runs a playbook of the collection.
func (v inventory) play(t *testing.T, name string, vars map[string]any, more ...string) sshtest.Result {
	t.Helper()
	b, err := json.Marshal(vars)
	must(err)
	c := exec.Command("ansible-playbook", append([]string{"-i", filepath.Join(v.dir, "boxes.yml"), "secateur.box." + name, "-e", string(b)}, more...)...)
	c.Env = append(os.Environ(), "ANSIBLE_PIPELINING=1", "ANSIBLE_GATHERING=explicit", "ANSIBLE_COLLECTIONS_PATH="+v.dir, "ANSIBLE_COLLECTIONS_PATHS="+v.dir, "ANSIBLE_NOCOLOR=1", "ANSIBLE_RETRY_FILES_ENABLED=0", "HOME="+v.dir, "LC_ALL=C.UTF-8")
	r := sshtest.Run(c)
	t.Logf("%s in %v", name, r.Took.Round(time.Second))
	return r
}

// fleet is three names of one box.
type fleet struct {
	*remoteBox
	inventory
}

func newFleet(t *testing.T) *fleet {
	b := newRemoteBox(t)
	copyFile(t, b.Known, "/etc/ssh/ssh_known_hosts") // for the module, which asks by the system's ssh
	must(os.MkdirAll("/root/.ssh", 0o700))
	copyFile(t, b.Key("admin")+".pub", "/root/.ssh/authorized_keys")
	return &fleet{b, newInventory(t, b.Server, 3)}
}

// play runs a playbook of the collection while the box's service does its jobs.
func (a *fleet) play(t *testing.T, name string, vars map[string]any, more ...string) sshtest.Result {
	t.Helper()
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				a.work(t)
			}
		}
	}()
	r := a.inventory.play(t, name, vars, more...)
	close(stop)
	<-stopped
	return r
}

// work does a job that has no end yet.
func (a *fleet) work(t *testing.T) {
	if n := a.newest(t); n > 0 {
		if st, err := a.spool(t).Status(n); err == nil && st.Done == nil {
			a.train(t)
		}
	}
}

// liveNow is the live model by the store's own word: the keys of before are gone.
func (a *fleet) liveNow(t *testing.T) uint64 {
	t.Helper()
	s, err := slot.Open("/var/lib/secateur/models", slot.Options{})
	must(err)
	st, _, err := s.State()
	must(err)
	return st.Live
}

// wants holds a play against its exit code and its recap: who was ok, who failed, and who was not touched.
func wants(t *testing.T, r sshtest.Result, code int, says string, recap map[string]string) {
	t.Helper()
	if r.Code != code || !strings.Contains(r.Stdout, says) {
		t.Fatalf("exit %d, want %d and %q:\n%s%s", r.Code, code, says, r.Stdout, r.Stderr)
	}
	_, tail, _ := strings.Cut(r.Stdout, "PLAY RECAP")
	for _, host := range []string{"box1", "box2", "box3"} {
		got := ""
		for line := range strings.Lines(tail) {
			if strings.HasPrefix(line, host+" ") {
				got = "ok"
				if !strings.Contains(line, "failed=0") || !strings.Contains(line, "unreachable=0") {
					got = "failed"
				}
			}
		}
		if got != recap[host] {
			t.Errorf("%s: %q, want %q:\n%s", host, got, recap[host], r.Stdout)
		}
	}
}

// setUp configures the box anew, with a key that the box did not know, and changes nothing the second time. A configuration
// that is wrong does not come to its place.
func (a *fleet) setUp(t *testing.T) {
	public, err := os.ReadFile(a.Key("fleet") + ".pub")
	must(err)
	text, err := os.ReadFile(firmwareconfig.Path)
	must(err)
	settings, _, _ := strings.Cut(string(text), "[[key]]")
	vars := map[string]any{"secateur_config": settings, "secateur_binary": "/usr/bin/secateur", "secateur_board": "pc", "secateur_activate": false, "secateur_doctor": true,
		"secateur_keys": []map[string]any{{"name": "fleet", "public": string(public), "scopes": []string{"upload", "train", "promote"}, "from": []string{"127.0.0.0/8"}}}}
	if r := a.SSH("fleet", "status"); r.Code == 0 {
		t.Fatalf("the key is known before: %+v", r)
	}
	wants(t, a.play(t, "install", vars, "--limit", "box1"), 0, "units.running", map[string]string{"box1": "ok"})
	if r := a.SSH("fleet", "status"); r.Code != 0 {
		t.Fatalf("the key is not known after: %+v", r)
	}
	wants(t, a.play(t, "install", vars, "--limit", "box1"), 0, "changed=0", map[string]string{"box1": "ok"})
	before, err := os.ReadFile(firmwareconfig.Path)
	must(err)
	vars["secateur_config"] = "[run]\nlatency = 5\n"
	wants(t, a.play(t, "install", vars, "--limit", "box1"), 2, "run.latency", map[string]string{"box1": "failed"})
	if after, err := os.ReadFile(firmwareconfig.Path); err != nil || string(after) != string(before) {
		t.Errorf("a wrong configuration is in place: %s, %v", after, err)
	}
}

// rollout is the variables of one.
func (a *fleet) rollout(set, pictures string) map[string]any {
	return map[string]any{"set": set, "pictures": pictures, "secateur_identity": a.Key("fleet"), "secateur_program": "/usr/bin/secateur", "share": "50%",
		"confirm": true, "retrain": map[string]string{"epochs": "12"}}
}

// refused: the first box has no model that could doubt swapped classes; its golden set refuses the result, and that is the end.
func (a *fleet) refused(t *testing.T) {
	bad := t.TempDir()
	writePictures(bad, 20, 6)
	for _, c := range [][2]string{{"bolt", "tmp"}, {"nut", "bolt"}, {"tmp", "nut"}} {
		must(os.Rename(filepath.Join(bad, c[0]), filepath.Join(bad, c[1])))
	}
	wants(t, a.play(t, "rollout", a.rollout("bad", bad)), 2, "exit 6, the golden set refused the model", map[string]string{"box1": "failed"})
	if live := a.liveNow(t); live != 1 {
		t.Errorf("live %d, want the first one", live)
	}
}

// rolledOut: every box gets the pictures, retrains and confirms, the first alone.
func (a *fleet) rolledOut(t *testing.T) {
	good := t.TempDir()
	writePictures(good, 20, 5)
	r := a.play(t, "rollout", a.rollout("good", good))
	wants(t, r, 0, "is live", map[string]string{"box1": "ok", "box2": "ok", "box3": "ok"})
	if n := strings.Count(r.Stdout, "PLAY [Retrain boxes]"); n < 2 {
		t.Errorf("%d rounds, want one box first and then the others", n)
	}
}

// badData: the first box refuses labels that its live model does not believe; the others are not asked.
func (a *fleet) badData(t *testing.T) {
	before := a.liveNow(t)
	vars := a.rollout("bad", "")
	delete(vars, "pictures")
	wants(t, a.play(t, "rollout", vars), 2, "exit 65, the data cannot be used", map[string]string{"box1": "failed"})
	if live := a.liveNow(t); live != before {
		t.Errorf("live %d, want %d", live, before)
	}
}
