package v4l2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Tests named TestVM run in the machine of tools/vm, against the kernel's vivid driver: a webcam that
// gives a frame in one buffer, and one that may use several.

// devices are vivid's cameras.
func devices(t *testing.T) []*Device {
	t.Helper()
	if os.Getenv("SECATEUR_VM") == "" {
		t.Skip("needs the machine of tools/vm: make test-vm")
	}
	paths, _ := filepath.Glob("/dev/video*")
	var all []*Device
	for _, p := range paths {
		d, err := Open(p)
		if err != nil {
			t.Fatal(err)
		}
		if d.Driver != "vivid" {
			t.Fatalf("%s is driven by %q", p, d.Driver)
		}
		t.Cleanup(func() { d.Close() })
		all = append(all, d)
	}
	if len(all) != 2 || all[0].MultiPlanar() || !all[1].MultiPlanar() {
		t.Fatalf("%d cameras at %v, want a single- and a multi-planar one", len(all), paths)
	}
	return all
}

const frameLimit = 20 * time.Second // emulation is slow

// Every format that is offered is granted, and gives whole frames with numbers and times that grow.
func TestVMEveryFormatStreams(t *testing.T) {
	for _, d := range devices(t) {
		formats, err := d.Formats()
		if err != nil || len(formats) < 20 {
			t.Fatalf("%s: formats %v, %v", d.path, formats, err)
		}
		kinds := map[int]int{}
		for _, f := range formats {
			if err := stream(t, d, f, kinds); err != nil {
				t.Errorf("%s: %v: %v", d.path, f, err)
			}
		}
		t.Logf("%s (%s at %s): %d formats; frames by number of buffers: %v", d.path, d.Card, d.Bus, len(formats), kinds)
		if d.MultiPlanar() && kinds[2]+kinds[3] == 0 {
			t.Errorf("%s: no format with several buffers was tried", d.path)
		}
	}
}

func stream(t *testing.T, d *Device, p FourCC, kinds map[int]int) error {
	g, err := d.SetFormat(p, 320, 180)
	if err != nil {
		return err
	}
	if g.Pixel != p || g.Width != 320 || g.Height != 180 {
		return fmt.Errorf("granted %v %d×%d", g.Pixel, g.Width, g.Height)
	}
	if i, err := d.SetInterval(time.Second / 60); err != nil || i <= 0 || i > time.Second/25 {
		return fmt.Errorf("a frame each 1/60 s is wanted, %v granted, %w", i, err)
	}
	if err := d.Start(); err != nil {
		return err
	}
	defer d.Stop()
	var f Frame
	var number uint32
	var at time.Duration
	for i := range 2 { // vivid numbers two frames 0 where emulation is late
		if err := d.Next(t.Context(), &f, frameLimit); err != nil {
			return err
		}
		if f.Damaged || f.Time <= at || i > 0 && f.Sequence < number || len(f.Planes) != len(g.Planes) {
			return fmt.Errorf("frame %d at %v in %d planes, damaged %t, after %d at %v", f.Sequence, f.Time, len(f.Planes), f.Damaged, number, at)
		}
		number, at = f.Sequence, f.Time
		for j, b := range f.Planes {
			if len(b) == 0 || len(b) > g.Planes[j].Bytes || flat(b) {
				return fmt.Errorf("plane %d has %d bytes of %d, all the same: %t", j, len(b), g.Planes[j].Bytes, flat(b))
			}
		}
	}
	kinds[len(f.Planes)]++
	return nil
}

// flat says that a plane shows nothing. vivid draws colour bars.
func flat(b []byte) bool { return !slices.ContainsFunc(b, func(c byte) bool { return c != b[0] }) }

// setByName sets one of vivid's controls for injecting errors.
func setByName(t *testing.T, d *Device, name string, v int64) {
	t.Helper()
	all, err := d.Controls()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(c Control) bool { return c.Name == name })
	if i < 0 {
		var names []string
		for _, c := range all {
			names = append(names, c.Name)
		}
		t.Fatalf("no control %q among %q", name, names)
	}
	if err := d.Set(all[i], v); err != nil {
		t.Fatal(err)
	}
}

func started(t *testing.T, d *Device) {
	t.Helper()
	if _, err := d.SetFormat(MakeFourCC("YUYV"), 320, 180); err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
}

// Frames that the driver drops are a gap in the numbers.
func TestVMDroppedFramesAreAGap(t *testing.T) {
	d := devices(t)[0]
	started(t, d)
	setByName(t, d, "Percentage of Dropped Buffers", 50)
	defer setByName(t, d, "Percentage of Dropped Buffers", 0)
	var f Frame
	var first, last uint32
	for i := range 20 {
		if err := d.Next(t.Context(), &f, frameLimit); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = f.Sequence
		}
		last = f.Sequence
	}
	t.Logf("20 frames have numbers from %d to %d", first, last)
	if last-first < 22 {
		t.Errorf("half of the frames are dropped, but 20 frames have numbers from %d to %d", first, last)
	}
}

// A frame that the driver calls wrong is Damaged.
func TestVMErrorFlag(t *testing.T) {
	d := devices(t)[0]
	started(t, d)
	setByName(t, d, "Inject V4L2_BUF_FLAG_ERROR", 0)
	var f Frame
	for range 10 {
		if err := d.Next(t.Context(), &f, frameLimit); err != nil {
			t.Fatal(err)
		}
		if f.Damaged {
			return
		}
	}
	t.Error("none of ten frames is damaged after an error was injected")
}

// Waiting ends with its context and with its limit.
func TestVMWaitingEnds(t *testing.T) {
	d := devices(t)[0]
	started(t, d)
	setByName(t, d, "Percentage of Dropped Buffers", 100)
	defer setByName(t, d, "Percentage of Dropped Buffers", 0)
	var f Frame
	for d.Next(t.Context(), &f, 2*time.Second) == nil { // frames that were under way
	}
	began := time.Now()
	if err := d.Next(t.Context(), &f, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("no frame comes: %v, want the deadline", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := d.Next(ctx, &f, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the context ends: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("both waits took %v", took)
	}
}

// A camera that is unplugged while somebody waits is ErrGone at once.
func TestVMUnplugged(t *testing.T) {
	d := devices(t)[0]
	started(t, d)
	var f Frame
	if err := d.Next(t.Context(), &f, frameLimit); err != nil {
		t.Fatal(err)
	}
	name := platformDevice(t)
	unbound := make(chan error, 1)
	go func() {
		time.Sleep(100 * time.Millisecond)
		unbound <- os.WriteFile("/sys/bus/platform/drivers/vivid/unbind", []byte(name), 0)
	}()
	var err error
	for err == nil {
		err = d.Next(t.Context(), &f, frameLimit)
	}
	if !errors.Is(err, ErrGone) {
		t.Errorf("unplugged: %v, want ErrGone", err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := errors.Join(<-unbound, os.WriteFile("/sys/bus/platform/drivers/vivid/bind", []byte(name), 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/dev/video0"); err != nil {
		t.Error("the camera does not come back")
	}
}

func platformDevice(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/sys/bus/platform/drivers/vivid/vivid*")
	if len(found) == 0 {
		t.Fatal("vivid drives no device")
	}
	return filepath.Base(found[0])
}
