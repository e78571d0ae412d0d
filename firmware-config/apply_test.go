package firmwareconfig

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/secateur/secateur/device/durable"
	"github.com/secateur/secateur/device/durable/durabletest"
)

// box is a root with the files of others that we change or stand beside.
func box(t testing.TB) Tree {
	t.Helper()
	root := memory(t)
	for path, text := range map[string]string{
		"boot/firmware/config.txt":         "arm_64bit=1\n[pi4]\narm_boost=1\n",
		"boot/firmware/cmdline.txt":        "console=tty1 root=PARTUUID=1-02 cgroup_memory=1 rootwait\n",
		"etc/sysctl.d/60-secateur.conf":    "kernel.panic = 99\n",
		"etc/ssh/sshd_config.d/other.conf": "X11Forwarding no\n",
	} {
		write(t, root, path, text)
	}
	return Tree{Root: root}
}

// memory is a folder where syncing costs nothing, if there is one.
func memory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "configure")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func write(t testing.TB, root, path, text string) {
	t.Helper()
	full := filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// contents is every file of a root but the state of configure, with mode and text.
func contents(t testing.TB, root string) map[string]string {
	t.Helper()
	m := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if rel == "var" {
			return fs.SkipDir
		}
		if d.IsDir() {
			m[rel+"/"] = ""
			return nil
		}
		if d.Type()&fs.ModeSymlink != 0 {
			m[rel], err = os.Readlink(path)
			return err
		}
		b, err := os.ReadFile(path)
		info, _ := d.Info()
		m[rel] = info.Mode().String() + "\n" + string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func apply(t testing.TB, s Tree, files []File) []Change {
	t.Helper()
	changes, _, err := s.Apply(files)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func same(t testing.TB, what string, got, want map[string]string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: %s", what, d)
	}
}

func TestApplyAndUndo(t *testing.T) {
	s, files := box(t), rendered(t, line(t), "raspberrypi-4")
	before := contents(t, s.Root)
	if changes := apply(t, s, files); len(changes) != len(files) {
		t.Errorf("%d changes, want %d", len(changes), len(files))
	}
	after := contents(t, s.Root)
	if want := "-rw-r--r--\nconsole=tty1 root=PARTUUID=1-02 cgroup_memory=1 rootwait cgroup_enable=memory\n"; after["boot/firmware/cmdline.txt"] != want {
		t.Errorf("cmdline.txt is %q", after["boot/firmware/cmdline.txt"])
	}
	if text := after["boot/firmware/config.txt"]; !strings.Contains(text, "arm_boost=1\n# secateur begin") || !strings.HasSuffix(text, "dtparam=watchdog=on\n# secateur end\n") {
		t.Errorf("config.txt is %q", text)
	}
	if changes := apply(t, s, files); len(changes) != 0 {
		t.Errorf("a second apply changes %d files", len(changes))
	}
	paths, err := s.Undo(false)
	if err != nil || len(paths) != len(files) {
		t.Errorf("undo restored %d files, %v", len(paths), err)
	}
	same(t, "after undo", contents(t, s.Root), before)
	if _, err := s.Undo(false); !errors.Is(err, ErrNothing) {
		t.Errorf("a second undo: %v", err)
	}
}

// TestUndoOneByOne: each undo takes one apply back.
func TestUndoOneByOne(t *testing.T) {
	s := box(t)
	c := line(t)
	apply(t, s, rendered(t, c, "raspberrypi-4"))
	first := contents(t, s.Root)
	c.SSH.Enabled, c.System.NTP, c.SSH.MaxSessions = false, nil, 1
	changes := apply(t, s, rendered(t, c, "raspberrypi-4"))
	var gone []string
	for _, x := range changes {
		if x.Remove {
			gone = append(gone, filepath.Base(x.Path))
		}
	}
	if want := []string{"secateur-ssh", "50-secateur.conf", "50-secateur.conf"}; !slices.Equal(gone, want) {
		t.Errorf("removed %q, want %q", gone, want)
	}
	if _, err := s.Undo(false); err != nil {
		t.Fatal(err)
	}
	same(t, "after the first undo", contents(t, s.Root), first)
}

// TestEdited: what somebody changed is not lost.
func TestEdited(t *testing.T) {
	s, c := box(t), line(t)
	files := rendered(t, c, "raspberrypi-4")
	before := contents(t, s.Root)
	apply(t, s, files)
	const unit = "etc/systemd/system/secateur-run.service"
	write(t, s.Root, unit, "mine\n")
	changes, _, err := s.Plan(files)
	if err != nil || len(changes) != 1 || changes[0].Path != unit || changes[0].What() != "differs" {
		t.Errorf("plan finds %+v, %v", changes, err)
	}
	if _, err := s.Undo(false); err == nil || !strings.Contains(err.Error(), unit+" was changed since") {
		t.Errorf("undo: %v", err)
	}
	if _, err := s.Undo(true); err != nil {
		t.Fatal(err)
	}
	after := contents(t, s.Root)
	if after[unit+".edited"] != "-rw-r--r--\nmine\n" {
		t.Errorf("the edited unit is %q", after[unit+".edited"])
	}
	maps.DeleteFunc(after, func(path, _ string) bool { return strings.Contains(path, "etc/systemd/") })
	same(t, "but for the edited file", after, before)
	// A file that is wanted no more and was changed stays, with a warning.
	apply(t, s, files)
	write(t, s.Root, "etc/systemd/timesyncd.conf.d/50-secateur.conf", "mine\n")
	c.System.NTP = nil
	changes, warnings, err := s.Apply(rendered(t, c, "raspberrypi-4"))
	if err != nil || len(changes) != 0 || len(warnings) != 1 || !strings.Contains(warnings[0], "timesyncd") {
		t.Errorf("changes %v, warnings %q, %v", changes, warnings, err)
	}
}

// TestDrift: what check reports.
func TestDrift(t *testing.T) {
	s, files := box(t), rendered(t, line(t), "raspberrypi-4")
	apply(t, s, files)
	os.Remove(filepath.Join(s.Root, "etc/tmpfiles.d/secateur.conf"))
	os.Chmod(filepath.Join(s.Root, "etc/ssh/secateur-keys/secateur-ssh"), 0o666)
	write(t, s.Root, "boot/firmware/cmdline.txt", "console=tty1\n")
	changes, _, err := s.Plan(files)
	var got []string
	for _, c := range changes {
		got = append(got, c.Path+": "+c.What())
		if c.Diff() == "" {
			t.Errorf("%s has no diff", c.Path)
		}
	}
	want := []string{"boot/firmware/cmdline.txt: differs", "etc/ssh/secateur-keys/secateur-ssh: mode 0666, want 0644", "etc/tmpfiles.d/secateur.conf: missing"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestStrangers: links and folders where files should be, and links out of the root, are errors before anything changes.
func TestStrangers(t *testing.T) {
	for name, c := range map[string]struct {
		make func(root string) error
		want string
	}{
		"masked unit": {func(root string) error {
			os.MkdirAll(filepath.Join(root, "etc/systemd/system"), 0o755)
			return os.Symlink("/dev/null", filepath.Join(root, "etc/systemd/system/secateur-run.service"))
		}, "is a symbolic link, want a file or nothing there"},
		"folder": {func(root string) error {
			return os.MkdirAll(filepath.Join(root, "etc/tmpfiles.d/secateur.conf"), 0o755)
		}, "is a folder"},
		"way out": {func(root string) error { return os.Symlink(os.TempDir(), filepath.Join(root, "etc/udev")) }, "leads out of"},
	} {
		s := box(t)
		if err := c.make(s.Root); err != nil {
			t.Fatal(err)
		}
		before := contents(t, s.Root)
		if _, _, err := s.Apply(rendered(t, line(t), "raspberrypi-4")); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		same(t, name, contents(t, s.Root), before)
	}
}

// some is a few files of each kind: stopping after each step of an apply of all of them takes minutes.
func some(files []File) []File {
	return slices.DeleteFunc(files, func(f File) bool {
		return !slices.Contains([]string{"cmdline.txt", "60-secateur.conf", "secateur-ssh"}, filepath.Base(f.Path))
	})
}

// TestStopAtEveryStep stops an apply at each of its steps, by a kill or by a power cut: what was is restored by undo, and a new
// apply comes to its end all the same.
func TestStopAtEveryStep(t *testing.T) {
	files := some(rendered(t, line(t), "raspberrypi-4"))
	want := func() map[string]string { s := box(t); apply(t, s, files); return contents(t, s.Root) }()
	for _, cut := range []bool{false, true} {
		steps := 0
		for done := false; !done; steps++ {
			for _, again := range []bool{false, true} {
				if again && steps%4 != 0 {
					continue
				}
				s := box(t)
				before := contents(t, s.Root)
				var err error
				done, err = durabletest.Until(steps, cut, func(disk durable.FS) error {
					_, _, err := Tree{s.Root, disk}.Apply(files)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				if again {
					apply(t, s, files)
					same(t, "applied again", contents(t, s.Root), want)
					continue
				}
				if _, err := s.Undo(false); err != nil && !errors.Is(err, ErrNothing) {
					t.Fatalf("cut %v, step %d: %v", cut, steps, err)
				}
				same(t, "undone", contents(t, s.Root), before)
				if t.Failed() {
					t.Fatalf("cut %v, step %d", cut, steps)
				}
			}
		}
		if steps < 30 {
			t.Errorf("only %d steps were stopped", steps)
		}
	}
}

// TestStopUndo stops an undo at each of its steps: undone again, all is as it was.
func TestStopUndo(t *testing.T) {
	files := some(rendered(t, line(t), "raspberrypi-4"))
	for _, cut := range []bool{false, true} {
		for steps, done := 0, false; !done; steps++ {
			s := box(t)
			before := contents(t, s.Root)
			apply(t, s, files)
			var err error
			done, err = durabletest.Until(steps, cut, func(disk durable.FS) error {
				_, err := Tree{s.Root, disk}.Undo(false)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Undo(false); err != nil && !errors.Is(err, ErrNothing) {
				t.Fatalf("cut %v, step %d: %v", cut, steps, err)
			}
			same(t, "undone", contents(t, s.Root), before)
			if t.Failed() {
				t.Fatalf("cut %v, step %d", cut, steps)
			}
		}
	}
}
