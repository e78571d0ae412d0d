package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/secateur/secateur/tools/secateur/sshtest"
)

// TestAnsiblePackage sets a clean Debian up by the collection's role and our package, through its own sshd: the program, its
// accounts and its gate are there, a second run changes nothing, and a package of an earlier version takes the place of the
// first.
func TestAnsiblePackage(t *testing.T) {
	deb, base := os.Getenv("SECATEUR_ANSIBLE_DEB"), os.Getenv("SECATEUR_ANSIBLE_DEBIAN")
	if deb == "" || base == "" {
		t.Skip("wants a package and a clean Debian: make test-ansible")
	}
	if !ansible(t) {
		return
	}
	s := sshtest.StartClean(t, base, "fleet")
	v := newInventory(t, s, 1)
	public, err := os.ReadFile(s.Key("fleet") + ".pub")
	must(err)
	vars := map[string]any{"secateur_deb": strings.Replace(deb, "_amd64", "_{arch}", 1), "secateur_board": "pc", "secateur_activate": false,
		"secateur_keys": []map[string]any{{"name": "fleet", "public": string(public), "scopes": []string{"train"}}}}
	ok := map[string]string{"box1": "ok"}
	wants(t, v.play(t, "install", vars), 0, "changed=", ok)
	wants(t, v.play(t, "install", vars), 0, "changed=0", ok)
	version := s.Inside("dpkg-query", "-W", "-f", "${Version} ${Status}", "secateur")
	if !strings.HasSuffix(version, "install ok installed") {
		t.Errorf("dpkg says %q", version)
	}
	s.Reload()
	if r := s.SSH("fleet", "status"); r.Code != 0 || !strings.Contains(r.Stdout, `"models"`) {
		t.Errorf("the gate of the box: %+v", r)
	}
	const earlier = "0~0"
	vars["secateur_deb"] = repacked(t, deb, earlier)
	wants(t, v.play(t, "install", vars), 0, "changed=", ok)
	if got := s.Inside("dpkg-query", "-W", "-f", "${Version}", "secateur"); got != earlier {
		t.Errorf("version %q is there, want %s", got, earlier)
	}
	vars["secateur_deb"] = filepath.Join(t.TempDir(), "none_{arch}.deb")
	wants(t, v.play(t, "install", vars), 2, "none_amd64.deb", map[string]string{"box1": "failed"})
}

// repacked is a package as another version, not compressed.
func repacked(t *testing.T, deb, version string) string {
	t.Helper()
	dir := t.TempDir()
	root, file := filepath.Join(dir, "root"), filepath.Join(dir, "other.deb")
	run := func(args ...string) {
		if out, err := exec.Command("dpkg-deb", args...).CombinedOutput(); err != nil {
			t.Fatalf("dpkg-deb %s: %v\n%s", args, err, out)
		}
	}
	run("-R", deb, root)
	control := filepath.Join(root, "DEBIAN", "control")
	b, err := os.ReadFile(control)
	must(err)
	must(os.WriteFile(control, regexp.MustCompile(`(?m)^Version: .*$`).ReplaceAll(b, []byte("Version: "+version)), 0o644))
	run("--root-owner-group", "-Znone", "--build", root, file)
	return file
}
