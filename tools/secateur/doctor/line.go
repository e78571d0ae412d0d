package doctor

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/secateur/secateur/device/camera"
	"github.com/secateur/secateur/device/gpio"
	firmwareconfig "github.com/secateur/secateur/firmware-config"
)

var lineChecks = []Check{
	{"camera.there", "camera.source and camera.device", "there is no such camera, it gives no format of ours, or the program that reads it is not installed",
		"secateur camera list; look at the plug; name it by /dev/v4l/by-id", cameraThere},
	{"camera.locked", "exposure, gain, white balance and focus, read back from the camera", "one is automatic or has another value, or camera.lock is false: brightness then moves by itself",
		"camera.lock = true; secateur camera verify SPEC; systemctl restart secateur-run", cameraLocked},
	{"gpio.lines", "the chips of the board's profile and the lines of config.toml, by name", "a chip or a line is not there", "secateur gpio list; then trigger.line, reject.line and the others", gpioLines},
	{"gpio.free", "who holds the lines of config.toml", "somebody else does: an overlay of the device tree, or another program", "remove the overlay from config.txt, or stop that program", gpioFree},
}

// cameraThere looks for the camera of the configuration, by what its source needs.
func cameraThere(b *Box) Result {
	if b.Config == nil {
		return none("the configuration cannot be read")
	}
	c := b.Config.Camera
	switch c.Source {
	case "rpicam":
		return b.cameraProgram("rpicam-vid", "apt-get install rpicam-apps-lite")
	case "argus", "rtsp":
		return b.cameraProgram("gst-launch-1.0", "apt-get install gstreamer1.0-tools")
	case "http":
		return none("%s is asked when run starts", c.Device)
	}
	if c.Device == "" {
		return fail("camera.device is missing: a camera of source %s", c.Source)
	}
	if len(b.glob(c.Device)) == 0 {
		return fail("%s is not there; here: %s", c.Device, b.cameras())
	}
	if c.Source == "v4l2" {
		return b.video(c.Device)
	}
	return ok("%s", c.Device)
}

func (b *Box) cameraProgram(name, install string) Result {
	switch _, absent, err := b.asked(name, "--version"); {
	case absent != "":
		return fail("%s: %s", absent, install)
	case err != nil:
		return fail("%s --version: %v", name, err)
	}
	return ok("through %s", name)
}

// video is a camera of the kernel: one of those that can be opened, with a format of ours.
func (b *Box) video(device string) Result {
	node := b.node(device)
	all, err := b.Cameras()
	for _, d := range all {
		switch {
		case b.node(d.Path) != node:
			continue
		case !d.Usable:
			return fail("%s (%s) gives %v, none of which becomes a picture", device, d.Card, d.Formats)
		}
		return ok("%s (%s)", device, d.Card)
	}
	if err != nil {
		return fail("%s: %v", device, err)
	}
	return fail("%s takes no pictures; here: %s", device, b.cameras())
}

// node is what a device's name stands for below the root.
func (b *Box) node(device string) string {
	path := filepath.Join(b.Root, device)
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	return path
}

func (b *Box) cameras() string {
	all, _ := b.Cameras()
	if len(all) == 0 {
		return "no camera"
	}
	var s []string
	for _, d := range all {
		s = append(s, d.Path)
	}
	return strings.Join(s, ", ")
}

func cameraLocked(b *Box) Result {
	if b.Config == nil {
		return none("the configuration cannot be read")
	}
	c := b.Config.Camera
	switch {
	case !c.Lock:
		return warn("camera.lock is false")
	case c.Source == "rpicam" || c.Source == "argus":
		return ok("set whenever it is opened")
	case c.Source != "v4l2":
		return none("a source that cannot be asked")
	}
	held, err := b.Held()
	switch {
	case errors.Is(err, camera.ErrLock) && !b.active("secateur-run.service"):
		return none("nothing judges now, and so nothing holds it (%v)", err)
	case errors.Is(err, camera.ErrLock):
		return fail("%v", err)
	case err != nil:
		return none("%v", err)
	case len(held.Free) > 0:
		return ok("%d settings hold; it has no control for %s", len(held.Settings), strings.Join(held.Free, ", "))
	}
	return ok("%d settings hold", len(held.Settings))
}

// wires are the lines that the configuration names.
func (b *Box) wires() []string {
	if b.Config == nil {
		return nil
	}
	c := b.Config
	all := []string{c.Reject.Line, c.Reject.Encoder, c.Signals.Lamp, c.Signals.Buzzer, c.Signals.Heartbeat}
	if c.Trigger.Source == "gpio" {
		all = append(all, c.Trigger.Line)
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// found are the lines of the configuration; not those that are missing, each of which is an error.
func (b *Box) found() (lines []gpio.Line, err error) {
	chips, err := b.Chips()
	if err != nil {
		return nil, err
	}
	if b.Board != nil {
		err = missingChips(b.Board.ID, chips)
	}
	for _, ref := range b.wires() {
		l, e := gpio.Resolve(chips, b.compatible(), ref)
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		lines = append(lines, l)
	}
	return lines, err
}

// missingChips holds the kernel's chips against the board's profile.
func missingChips(id string, chips []gpio.Chip) (err error) {
	p, e := firmwareconfig.ProfileOf(id)
	if e != nil {
		return nil
	}
	for _, want := range p.Chips {
		if !slices.ContainsFunc(chips, func(c gpio.Chip) bool { return c.Label == want }) {
			err = errors.Join(err, fmt.Errorf("the kernel shows no chip %s", want))
		}
	}
	return err
}

func gpioLines(b *Box) Result {
	if len(b.wires()) == 0 {
		return none("config.toml names no line")
	}
	lines, err := b.found()
	if err != nil {
		return fail("%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	var names []string
	for _, l := range lines {
		names = append(names, l.String())
	}
	return ok("%s", strings.Join(names, ", "))
}

func gpioFree(b *Box) Result {
	if len(b.wires()) == 0 {
		return none("config.toml names no line")
	}
	lines, _ := b.found()
	var taken []string
	for _, l := range lines {
		if l.Used && l.User != gpio.Consumer {
			taken = append(taken, fmt.Sprintf("%v by %q", l, l.User))
		}
	}
	switch {
	case len(taken) > 0:
		return fail("%s", strings.Join(taken, ", "))
	case len(lines) == 0:
		return none("no line of config.toml is there")
	}
	return ok("nobody but us")
}

func (b *Box) compatible() []string {
	if b.Board == nil {
		return nil
	}
	return b.Board.Compatible
}
