package doctor

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secateur/secateur/core/accept"
	"github.com/secateur/secateur/device/board"
	"github.com/secateur/secateur/device/boardtest"
	"github.com/secateur/secateur/device/camera"
	"github.com/secateur/secateur/device/gate"
	"github.com/secateur/secateur/device/gpio"
	"github.com/secateur/secateur/device/slot"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
)

const byID = "/dev/v4l/by-id/usb-Cam_1-video-index0"

// lineBox is a Raspberry Pi 5 with a camera, its GPIO chip, models, a golden set and an audit, all well; systemd runs inference.
func lineBox(t *testing.T) (*Box, map[string]string) {
	t.Helper()
	answers := map[string]string{"rsync": "rsync  version 3.2.7  protocol version 31", "journalctl": "!-- No entries --",
		"systemctl": "ActiveState=active\nNRestarts=0\nActiveEnterTimestampMonotonic=60000000\nStatusText=1000 parts: 995 judged, 3 late, 2 lost; 4 frames lost; p99 9.0 ms; model 2"}
	b := fakeBox(t, "raspberrypi-5", answers)
	b.Config.Camera.Device = byID
	b.Config.Trigger = firmwareconfig.Trigger{Source: "gpio", Line: "GPIO17"}
	b.Config.Reject.Line = "pin 13"
	boardtest.Set(t, b.Root, "proc/uptime", "7260.00 100.00\n")
	boardtest.Set(t, b.Root, "dev/video0", "")
	boardtest.Set(t, b.Root, byID, "")
	boardtest.Remove(t, b.Root, byID)
	if err := os.Symlink("../../video0", filepath.Join(b.Root, byID)); err != nil {
		t.Fatal(err)
	}
	b.Cameras = func() ([]camera.Device, error) {
		return []camera.Device{{Path: byID, Card: "Cam 1", Formats: []string{"YUYV"}, Usable: true}}, nil
	}
	b.Held = func() (*camera.Lock, error) {
		return &camera.Lock{Card: "Cam 1", Settings: make([]camera.Setting, 5), Free: []string{"focus"}}, nil
	}
	chip := gpio.Chip{Label: "pinctrl-rp1", Lines: []gpio.Line{{Label: "pinctrl-rp1", Name: "GPIO17", Used: true, User: "secateur"}, {Label: "pinctrl-rp1", Offset: 1, Name: "GPIO27"}}}
	b.Chips = func() ([]gpio.Chip, error) { return []gpio.Chip{chip}, nil }
	models(t, b)
	golden(t, b)
	audit(t, b)
	return b, answers
}

// models are one of the factory and one after it that is live.
func models(t *testing.T, b *Box) {
	t.Helper()
	s, err := slot.Open(filepath.Join(b.Root, b.Config.Models.Dir), slot.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, factory := range []bool{true, false} {
		m, err := s.Stage(strings.NewReader(fmt.Sprint("model ", i)), slot.About{Name: fmt.Sprint(i), Factory: factory})
		if err == nil {
			err = s.Activate(m.Number)
		}
		if err == nil && !factory { // the first model is on no trial
			err = s.Confirm()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func golden(t *testing.T, b *Box) {
	t.Helper()
	dir := filepath.Join(b.Root, b.Config.Gate.Golden)
	for i, class := range []string{"bad", "good"} {
		boardtest.Set(t, dir, class+"/1.png", "")
		f, err := os.Create(filepath.Join(dir, class, "1.png"))
		if err == nil {
			err = png.Encode(f, image.NewGray(image.Rect(0, 0, 8+i, 8)))
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := accept.Seal(dir, false); err != nil {
		t.Fatal(err)
	}
}

func audit(t *testing.T, b *Box) {
	t.Helper()
	path := filepath.Join(b.Root, firmwareconfig.Audit)
	boardtest.Set(t, b.Root, filepath.Dir(firmwareconfig.Audit)+"/.keep", "")
	for range 3 {
		if err := (&gate.Audit{Path: path}).Append(gate.Entry{Time: time.Unix(1e9, 0), Key: "plc", Verb: "status"}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLineIsWell: what the checks of the line say of a box on which nothing is wrong.
func TestLineIsWell(t *testing.T) {
	b, _ := lineBox(t)
	for _, c := range [][2]string{
		{"camera.there", byID + " (Cam 1)"}, {"camera.locked", "5 settings hold; it has no control for focus"},
		{"gpio.lines", "pinctrl-rp1:GPIO27, pinctrl-rp1:GPIO17"}, {"gpio.free", "nobody but us"},
		{"models.whole", "live 2, previous 1, factory 1"}, {"models.golden", "2 pictures of 2 classes"},
		{"run.soak", "2h0m0s without a restart"}, {"run.parts", "1000 parts: 995 judged"},
		{"ssh.audit", "3 lines"}, {"ssh.rsync", "rsync 3.2, and no key uses rrsync"}, {"storage.cut", "none"},
	} {
		if f := find(t, b, c[0]); f.State != OK || !strings.Contains(f.Found, c[1]) {
			t.Errorf("%s: %+v, want %q", c[0], f, c[1])
		}
	}
}

// TestLineFaults: each fault, put into a box that is well, is found and told with what to do.
func TestLineFaults(t *testing.T) {
	const audit = "var/log/secateur/gate.jsonl"
	for _, c := range []struct {
		check  string
		state  State
		found  string
		damage func(*Box, map[string]string)
	}{
		{"camera.there", Fail, "is missing", func(b *Box, _ map[string]string) { b.Config.Camera.Device = "" }},
		{"camera.there", Fail, "is not there; here: " + byID, func(b *Box, _ map[string]string) { b.Config.Camera.Device = "/dev/v4l/by-id/other" }},
		{"camera.there", Fail, "none of which becomes a picture", func(b *Box, _ map[string]string) {
			b.Cameras = func() ([]camera.Device, error) {
				return []camera.Device{{Path: byID, Formats: []string{"H264"}}}, nil
			}
		}},
		{"camera.there", Fail, "takes no pictures; here: no camera", func(b *Box, _ map[string]string) {
			b.Cameras = func() ([]camera.Device, error) { return nil, nil }
		}},
		{"camera.there", Fail, "permission denied", func(b *Box, _ map[string]string) {
			b.Cameras = func() ([]camera.Device, error) { return nil, os.ErrPermission }
		}},
		{"camera.there", Fail, "rpicam-vid is not here", func(b *Box, _ map[string]string) { b.Config.Camera.Source = "rpicam" }},
		{"camera.there", OK, "through gst-launch-1.0", func(b *Box, a map[string]string) {
			b.Config.Camera.Source, a["gst-launch-1.0"] = "argus", "gst-launch-1.0 version 1.22.0"
		}},
		{"camera.locked", Warn, "is false", func(b *Box, _ map[string]string) { b.Config.Camera.Lock = false }},
		{"camera.locked", Fail, `"Exposure, Auto" is 3, was set to 1`, func(b *Box, _ map[string]string) { b.Held = unheld }},
		{"camera.locked", None, "nothing judges now", func(b *Box, a map[string]string) { b.Held, a["systemctl"] = unheld, "!inactive" }},
		{"gpio.lines", Fail, `"GPIO9": no such GPIO line`, func(b *Box, _ map[string]string) { b.Config.Signals.Lamp = "GPIO9" }},
		{"gpio.lines", Fail, "the kernel shows no chip pinctrl-rp1", func(b *Box, _ map[string]string) {
			b.Chips = func() ([]gpio.Chip, error) { return nil, nil }
		}},
		{"gpio.lines", Fail, "permission denied", func(b *Box, _ map[string]string) {
			b.Chips = func() ([]gpio.Chip, error) { return nil, os.ErrPermission }
		}},
		{"gpio.lines", None, "names no line", func(b *Box, _ map[string]string) { b.Config.Trigger.Source, b.Config.Reject.Line = "free", "" }},
		{"gpio.free", Fail, `pinctrl-rp1:GPIO27 by "spi0 CS1"`, func(b *Box, _ map[string]string) {
			b.Chips = func() ([]gpio.Chip, error) {
				return []gpio.Chip{{Label: "pinctrl-rp1", Lines: []gpio.Line{{Label: "pinctrl-rp1", Name: "GPIO27", Used: true, User: "spi0 CS1"}}}}, nil
			}
		}},
		{"models.whole", Fail, "live: ", func(b *Box, _ map[string]string) {
			os.WriteFile(filepath.Join(b.Root, b.Config.Models.Dir, "000002.model"), []byte("model X"), 0o644)
		}},
		{"models.whole", Warn, "no model is live", func(b *Box, _ map[string]string) { b.Config.Models.Dir = "/var/lib" }},
		{"models.whole", None, "is not there", func(b *Box, _ map[string]string) { b.Config.Models.Dir = "/srv/none" }},
		{"models.golden", Fail, "/var/lib/secateur/golden/good/1.png has changed", func(b *Box, _ map[string]string) {
			os.WriteFile(filepath.Join(b.Root, b.Config.Gate.Golden, "good/1.png"), []byte("x"), 0o644)
		}},
		{"models.golden", Fail, "is no golden set", func(b *Box, _ map[string]string) {
			os.Remove(filepath.Join(b.Root, b.Config.Gate.Golden, "golden.json"))
		}},
		{"models.golden", Warn, "is empty", func(b *Box, _ map[string]string) { b.Config.Gate.Golden = "/srv/none" }},
		{"run.soak", Warn, "3 restarts, the last 2h0m0s ago", func(_ *Box, a map[string]string) {
			a["systemctl"] = strings.Replace(a["systemctl"], "NRestarts=0", "NRestarts=3", 1)
		}},
		{"run.soak", None, "not running", func(_ *Box, a map[string]string) { a["systemctl"] = "ActiveState=failed" }},
		{"run.parts", Fail, "11 lost", func(_ *Box, a map[string]string) {
			a["systemctl"] = strings.Replace(a["systemctl"], "2 lost", "11 lost", 1)
		}},
		{"run.parts", None, "no part yet", func(_ *Box, a map[string]string) { a["systemctl"] = "ActiveState=active\nStatusText=" }},
		{"ssh.audit", Fail, "line 3 does not follow", func(b *Box, _ map[string]string) {
			p := filepath.Join(b.Root, audit)
			text, _ := os.ReadFile(p)
			lines := strings.SplitAfter(string(text), "\n")
			os.WriteFile(p, []byte(lines[0]+lines[1]+strings.Replace(lines[2], "plc", "xyz", 1)), 0o640)
		}},
		{"ssh.audit", Fail, "line 2 does not follow", func(b *Box, _ map[string]string) {
			p := filepath.Join(b.Root, audit)
			text, _ := os.ReadFile(p)
			lines := strings.SplitAfter(string(text), "\n")
			os.WriteFile(p, []byte(lines[0]+lines[2]), 0o640)
		}},
		{"ssh.audit", Fail, "mode 0666", func(b *Box, _ map[string]string) { os.Chmod(filepath.Join(b.Root, audit), 0o666) }},
		{"ssh.audit", Fail, "/var/log/secateur is not there", func(b *Box, _ map[string]string) { os.RemoveAll(filepath.Join(b.Root, "var/log/secateur")) }},
		{"ssh.audit", OK, "nobody has asked", func(b *Box, _ map[string]string) { os.Remove(filepath.Join(b.Root, audit)) }},
		{"ssh.rsync", Fail, "/root/.ssh/authorized_keys uses rrsync", func(b *Box, _ map[string]string) {
			path := filepath.Join(b.Root, "root/.ssh")
			os.MkdirAll(path, 0o755)
			os.WriteFile(filepath.Join(path, "authorized_keys"), []byte(`command="rrsync -wo /srv" ssh-ed25519 AAAA x`), 0o644)
		}},
		{"ssh.rsync", OK, "rsync 3.5", func(_ *Box, a map[string]string) { a["rsync"] = "rsync  version 3.5.0  protocol version 32" }},
		{"storage.cut", Warn, "EXT4-fs (mmcblk0p3): recovery complete", func(_ *Box, a map[string]string) {
			a["journalctl"] = "EXT4-fs (mmcblk0p3): recovery complete\nEXT4-fs (mmcblk0p3): mounted"
		}},
	} {
		b, answers := lineBox(t)
		c.damage(b, answers)
		if f := find(t, b, c.check); f.State != c.state || !strings.Contains(f.Found, c.found) || (f.Do != "") != (c.state == Fail || c.state == Warn) {
			t.Errorf("%s: %+v, want %s %q", c.check, f, c.state, c.found)
		}
	}
}

func unheld() (*camera.Lock, error) {
	return nil, fmt.Errorf("%w: Cam 1: %q is 3, was set to 1", camera.ErrLock, "Exposure, Auto")
}

// TestForeignHeader: a pin of a header is a line of the recorded board, not of this machine.
func TestForeignHeader(t *testing.T) {
	b := fakeBox(t, "jetson-orin-nano", nil)
	b.Board, _ = board.Read(b.Root)
	b.Config.Reject.Line = "pin 12"
	b.Chips = func() ([]gpio.Chip, error) {
		return []gpio.Chip{{Label: "tegra234-gpio", Lines: []gpio.Line{{Label: "tegra234-gpio", Offset: 50}}}, {Label: "tegra234-gpio-aon"}}, nil
	}
	if f := find(t, b, "gpio.lines"); f.State != OK || f.Found != "tegra234-gpio:50" {
		t.Errorf("%+v", f)
	}
	b.Chips = func() ([]gpio.Chip, error) { return nil, errors.New("no chips") }
	if f := find(t, b, "gpio.free"); f.State != None {
		t.Errorf("%+v", f)
	}
}
