package doctor

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secateur/secateur/device/board"
	"github.com/secateur/secateur/device/boardtest"
	"github.com/secateur/secateur/device/camera"
	"github.com/secateur/secateur/device/gpio"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
)

// fakeBox is a recorded board with the default configuration, on which programs say what answers holds by their name.
func fakeBox(t *testing.T, name string, answers map[string]string) *Box {
	t.Helper()
	b := &Box{Root: boardtest.Root(t, name), Kernels: func() (string, string, error) { return "neon", "the CPU has it", nil }}
	b.Board, b.BoardErr = board.Read(b.Root)
	cfg := firmwareconfig.Default()
	b.Config = &cfg
	b.Chips = func() ([]gpio.Chip, error) { return gpio.Chips(b.Root) }
	b.Cameras = func() ([]camera.Device, error) { return nil, nil }
	b.Held = func() (*camera.Lock, error) { return nil, camera.ErrMissing }
	b.Exec = func(argv ...string) (string, error) {
		a, ok := answers[argv[0]]
		switch {
		case !ok:
			return "", exec.ErrNotFound
		case strings.HasPrefix(a, "!"):
			return a[1:], errors.New("exit status 1")
		}
		return a, nil
	}
	return b
}

func find(t *testing.T, b *Box, name string) Finding {
	t.Helper()
	for _, c := range All() {
		if c.Name == name {
			var f Finding
			Run(b, []Check{c}, func(x Finding) { f = x })
			return f
		}
	}
	t.Fatalf("there is no check %s", name)
	return Finding{}
}

// TestTable: every check says how, when and what to do, and has a name of its own.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range All() {
		if c.How == "" || c.Bad == "" || c.Do == "" || c.Run == nil || seen[c.Name] || strings.Count(c.Name, ".") != 1 {
			t.Errorf("check %+v is not whole", c)
		}
		seen[c.Name] = true
	}
	if len(seen) < 40 {
		t.Errorf("only %d checks", len(seen))
	}
}

// TestEveryBoard: no check breaks on any board, nor on a root with nothing in it.
func TestEveryBoard(t *testing.T) {
	for _, name := range boardtest.Names() {
		Run(fakeBox(t, name, nil), All(), func(f Finding) {
			if f.Found == "" || strings.Contains(f.Found, "itself broke") || strings.Contains(f.Found, "%!") {
				t.Errorf("%s: %+v", name, f)
			}
		})
	}
	empty := &Box{Root: t.TempDir(), BoardErr: errors.New("no CPU"), ConfigErr: errors.New("no file"), Exec: fakeBox(t, "pc", nil).Exec,
		Kernels: func() (string, string, error) { return "", "", errors.New("none") }}
	if n := Run(empty, All(), func(f Finding) {
		if strings.Contains(f.Found, "itself broke") {
			t.Errorf("%+v", f)
		}
	}); n < 3 {
		t.Errorf("an empty root fails %d checks", n)
	}
}

// TestFindings: what is wrong with recorded boards is found, by check.
func TestFindings(t *testing.T) {
	for _, c := range []struct {
		board, check string
		state        State
		found        string
	}{
		{"raspberrypi-4", "system.cgroup", Fail, "only cpuset cpu io pids"},
		{"raspberrypi-5", "system.cgroup", OK, "cpuset cpu io memory pids"},
		{"raspberrypi-4", "power.now", Fail, "under-voltage, throttled"},
		{"raspberrypi-4", "power.boot", Warn, "under-voltage, throttled"},
		{"raspberrypi-5", "power.now", OK, "none set (by get_throttled)"},
		{"raspberrypi-cm4", "power.now", OK, "none set"},
		{"jetson-orin-nx", "power.rails", Fail, "VDD_IN 34.2 W, 1800 of 5000 mA"},
		{"jetson-xavier-nx", "board.cpus", Warn, "4 on line, off: [4 5]"},
		{"unknown-board", "board.known", Warn, "example,vision-9"},
		{"unknown-soc", "board.known", Warn, "rockchip,rk3588"},
		{"raspberrypi-5", "board.known", OK, "Raspberry Pi 5 (Raspberry Pi 5 Model B Rev 1.0), 4 × Cortex-A76, 8063 MiB"},
		{"raspberrypi-5", "board.kernels", OK, "neon: the CPU has it"},
		{"raspberrypi-5", "thermal.fan", OK, "pwm 75 of 255, 2961 turns a minute"},
		{"raspberrypi-5", "system.watchdog", OK, "Broadcom BCM2835 Watchdog timer, 10 s"},
		{"jetson-nano", "thermal.trips", OK, "97.0 °C by its trip points"},
		{"raspberrypi-zero-2-w", "board.memory", OK, "417 MiB, of which the training may take 250"},
		{"pc", "thermal.now", OK, "41.0 °C, limit 84.0"},
	} {
		if f := find(t, fakeBox(t, c.board, nil), c.check); f.State != c.state || !strings.Contains(f.Found, c.found) || (f.Do == "") == (c.state == Warn || c.state == Fail) {
			t.Errorf("%s on %s: %+v, want %s %q", c.check, c.board, f, c.state, c.found)
		}
	}
}

// TestFaults: each fault, put into a box that is well, is found.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		check       string
		path, text  string
		state       State
		found       string
		replacement func(*Box)
	}{
		{check: "board.version", path: "etc/nv_tegra_release", text: "# R36 (release), REVISION: 4.7, GCID: 1\n", state: Fail, found: "nvargus"},
		{check: "board.clock", path: "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", text: "powersave\n", state: Fail, found: "powersave"},
		{check: "board.memory", state: Fail, found: "the training may take", replacement: func(b *Box) { b.Config.Train.Memory = "16GiB" }},
		{check: "board.kernels", state: Warn, found: "SECATEUR_KERNELS", replacement: func(b *Box) {
			b.Kernels = func() (string, string, error) { return "generic", "SECATEUR_KERNELS=generic", nil }
		}},
		{check: "thermal.now", path: "sys/class/thermal/thermal_zone0/temp", text: "99500\n", state: Fail, found: "99.5 °C, limit 93.0"},
		{check: "thermal.fan", path: "sys/class/hwmon/hwmon1/fan1_input", text: "0\n", state: Fail, found: "does not turn"},
		{check: "power.usb", path: "proc/device-tree/chosen/power/usb_max_current_enable", text: "\x00\x00\x00\x00", state: Warn, found: "600 mA"},
		{check: "system.swap", path: "proc/swaps", text: "Filename Type Size\n/dev/zram0 partition 1 0 5\n/swapfile file 1 0 5\n", state: Warn, found: "/swapfile"},
		{check: "system.watchdog", path: "sys/class/watchdog/watchdog0/state", text: "inactive\n", state: Fail, found: "not armed"},
		{check: "system.panic", path: "proc/sys/kernel/panic", text: "0\n", state: Warn, found: "0"},
		{check: "system.journal", path: "var/log/journal/x", text: "", state: Fail, found: "not capped"},
		{check: "storage.life", path: "sys/block/mmcblk0/device/life_time", text: "0x03 0x0a\n", state: Fail, found: "90 to 100 % used"},
		{check: "storage.data", path: "proc/mounts", text: "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n", state: Warn, found: "on the root"},
		{check: "storage.data", path: "proc/mounts", text: "/dev/mmcblk0p2 / ext4 ro 0 0\n/dev/sda1 /var/lib/secateur ext4 rw,relatime 0 0\n", state: Warn, found: "without noatime"},
		{check: "storage.data", path: "proc/mounts", text: "/dev/root / ext4 ro 0 0\n/dev/sda1 /var/lib/secateur ext4 rw,noatime 0 0\n", state: OK, found: "/dev/sda1"},
		{check: "storage.root", path: "proc/mounts", text: "overlay / overlay rw 0 0\n", state: OK, found: "overlay"},
		{check: "config.valid", state: Fail, found: "c.toml:3: camera.width", replacement: func(b *Box) { b.ConfigErr = errors.New("c.toml:3: camera.width: found 3") }},
		{check: "ssh.shell", path: "etc/passwd", text: "secateur-ssh:x:1:1::/:/bin/bash\n", state: Fail, found: "/bin/bash"},
		{check: "ssh.shell", path: "etc/passwd", text: "secateur-ssh:x:1:1::/:/usr/bin/secateur\n", state: OK, found: "/usr/bin/secateur"},
		{check: "ssh.keys", path: "etc/ssh/secateur-keys/secateur-ssh", text: "ssh-ed25519 AAAA free\n", state: Fail, found: "key 1 has no restrict"},
		{check: "ssh.keys", path: "etc/ssh/secateur-keys/secateur-ssh", text: "restrict,command=\"/usr/bin/secateur gate x\" ssh-ed25519 AAAA x\n", state: Warn, found: "from anywhere"},
	} {
		b := fakeBox(t, "jetson-orin-nano", nil)
		boardtest.Set(t, b.Root, "sys/class/watchdog/watchdog0/identity", "Tegra WDT\n")
		if c.path != "" {
			boardtest.Set(t, b.Root, c.path, c.text)
		}
		b.Board, _ = board.Read(b.Root)
		if c.replacement != nil {
			c.replacement(b)
		}
		if f := find(t, b, c.check); f.State != c.state || !strings.Contains(f.Found, c.found) {
			t.Errorf("%s: %+v, want %s %q", c.check, f, c.state, c.found)
		}
	}
}

// TestWear: a gigabyte an hour is too much.
func TestWear(t *testing.T) {
	b := fakeBox(t, "raspberrypi-5", nil)
	boardtest.Set(t, b.Root, "proc/uptime", "36000.00 100.00\n")
	boardtest.Set(t, b.Root, "sys/block/mmcblk0/stat", "1 2 3 4 5 6 20000000 8 9 10 11\n")
	if f := find(t, b, "storage.wear"); f.State != Warn || !strings.Contains(f.Found, "24.58 GB a day on mmcblk0") {
		t.Errorf("%+v", f)
	}
}

// TestConfigured: a box on which configure has run is in order, until somebody changes a file; sshd and systemd are asked.
func TestConfigured(t *testing.T) {
	good := "authenticationmethods publickey\nauthorizedkeysfile /etc/ssh/secateur-keys/%u\npermittty no\npermituserrc no\ndisableforwarding yes\n" +
		"passwordauthentication no\npermituserenvironment no\ntrustedusercakeys none\n"
	answers := map[string]string{"sshd": good, "systemd-analyze": "→ Overall exposure level for secateur-train.service: 0.4 SAFE", "systemctl": "active"}
	b := fakeBox(t, "raspberrypi-5", answers)
	if f := find(t, b, "config.drift"); f.State != Warn {
		t.Errorf("before: %+v", f)
	}
	p, err := firmwareconfig.ProfileOf(b.Board.ID)
	if err != nil {
		t.Fatal(err)
	}
	boardtest.Set(t, b.Root, "boot/firmware/cmdline.txt", "rootwait\n")
	files, err := firmwareconfig.Render(firmwareconfig.Input{Config: b.Config, Profile: p})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := (firmwareconfig.Tree{Root: b.Root}).Apply(files); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.drift", "config.valid", "system.journal", "ssh.settings", "ssh.ca", "ssh.keys", "units.running", "units.exposure"} {
		if f := find(t, b, name); f.State != OK {
			t.Errorf("configured: %+v", f)
		}
	}
	for _, c := range []struct{ program, says, check, found string }{
		{"sshd", strings.Replace(good, "permittty no", "permittty yes", 1), "ssh.settings", "permittty yes, want no"},
		{"sshd", strings.Replace(good, "cakeys none", "cakeys /etc/ssh/ca.pub", 1), "ssh.ca", "/etc/ssh/ca.pub"},
		{"systemctl", "!failed", "units.running", "secateur-run.service failed"},
		{"systemd-analyze", "Overall exposure level for secateur-train.service: 2.1 OK", "units.exposure", "secateur-train.service 2.1 of at most 1.5"},
		{"systemd-analyze", "!/etc/systemd/system/secateur-run.service:3: Unknown key", "units.verify", "Unknown key"},
	} {
		before := answers[c.program]
		answers[c.program] = c.says
		if f := find(t, b, c.check); f.State != Fail || !strings.Contains(f.Found, c.found) {
			t.Errorf("%s: %+v, want %q", c.check, f, c.found)
		}
		answers[c.program] = before
	}
	os.Remove(filepath.Join(b.Root, "etc/udev/rules.d/60-secateur.rules"))
	if f := find(t, b, "config.drift"); f.State != Fail || !strings.Contains(f.Found, "/etc/udev/rules.d/60-secateur.rules missing") {
		t.Errorf("after a file was removed: %+v", f)
	}
}

// TestPanic: a check that breaks is one failure, and not the end.
func TestPanic(t *testing.T) {
	c := Check{Name: "x.y", Run: func(*Box) Result { panic("oh") }}
	if n := Run(&Box{}, []Check{c, c}, func(Finding) {}); n != 2 {
		t.Errorf("%d failures, want 2", n)
	}
}

// TestProfiles: what a board can be called, there is a profile for.
func TestProfiles(t *testing.T) {
	for _, id := range board.IDs() {
		if _, err := firmwareconfig.ProfileOf(id); err != nil {
			t.Errorf("%v", err)
		}
	}
}
