package camera

import (
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/secateur/secateur/device/v4l2"
)

// Tests named TestVM run in the machine of tools/vm, against the kernel's vivid driver.

func inVM(t *testing.T) {
	t.Helper()
	if os.Getenv("SECATEUR_VM") == "" {
		t.Skip("needs the machine of tools/vm: make test-vm")
	}
}

func openVM(t *testing.T, text string, log func(error)) Source {
	t.Helper()
	s, err := ParseSpec(text)
	if err != nil {
		t.Fatal(err)
	}
	src, err := Open(t.Context(), s, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// vivid's colour bars look the same in every format of both cameras: the eight bars of the first
// lines are compared as RGB.
func TestVMEveryFormatShowsTheSamePicture(t *testing.T) {
	inVM(t)
	tried := map[Pixel]int{}
	for _, dev := range []string{"/dev/video0", "/dev/video1"} {
		d, err := v4l2.Open(dev)
		if err != nil {
			t.Fatal(err)
		}
		hideText(t, d)
		offered, err := d.Formats()
		d.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range Pixels() {
			if slices.ContainsFunc(offered, func(f v4l2.FourCC) bool { return pixelOf(f) == p }) {
				checkBars(t, dev, p)
				tried[p]++
			}
		}
	}
	t.Logf("tried %v", tried)
	for _, p := range []Pixel{YUYV, NV12, I420, Grey, RGB, RGGB8, BGGR10} {
		if tried[p] == 0 {
			t.Errorf("vivid does not offer %s: it was not tried", p)
		}
	}
}

// hideText takes vivid's clock out of the picture.
func hideText(t *testing.T, d *v4l2.Device) {
	t.Helper()
	all, err := d.Controls()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(c v4l2.Control) bool { return c.Name == "OSD Text Mode" })
	if err := d.Set(all[i], all[i].Max); err != nil {
		t.Fatal(err)
	}
}

// bars are vivid's 75 % colour bars from the left.
var bars = [8][3]int{{191, 191, 191}, {191, 191, 0}, {0, 191, 191}, {0, 191, 0}, {191, 0, 191}, {191, 0, 0}, {0, 0, 191}, {0, 0, 0}}

func checkBars(t *testing.T, dev string, p Pixel) {
	t.Helper()
	src := openVM(t, dev+",size=320x180,format="+string(p), func(err error) { t.Error(err) })
	defer src.Close()
	var f Frame
	if err := src.Next(t.Context(), &f); err != nil {
		t.Errorf("%s %s: %v", dev, p, err)
		return
	}
	var c Converter
	m, err := c.Image(&f)
	if err != nil {
		t.Errorf("%s %v: %v", dev, f.Format, err)
		return
	}
	var got [8][3]int
	worst := 0
	for i := range got {
		got[i] = at(m, 20+40*i, 120)
		for k := range 3 {
			want := bars[i][k]
			if p == Grey {
				want = (299*bars[i][0] + 587*bars[i][1] + 114*bars[i][2]) / 1000
			}
			worst = max(worst, got[i][k]-want, want-got[i][k])
		}
	}
	if allowed := map[bool]int{false: 6, true: 24}[p == Grey]; worst > allowed {
		t.Errorf("%s %v: bars %v, want %v", dev, f.Format, got, bars)
	}
	t.Logf("%s %v in %d planes: largest difference %d, %v", dev, f.Format, len(f.Planes), worst, got[:3])
}

func at(m image.Image, x, y int) [3]int {
	r, g, b, _ := m.At(x, y).RGBA()
	return [3]int{int(r >> 8), int(g >> 8), int(b >> 8)}
}

// vivid has an automatic gain: it is turned off, the gain is set and reads back; what somebody else
// changes is noticed.
func TestVMLock(t *testing.T) {
	inVM(t)
	src := openVM(t, "/dev/video0,size=320x180", func(err error) { t.Error(err) })
	v := src.(*Supervised).Source().(*video)
	const wished = 77
	asked := Spec{Path: "/dev/video0", Gain: wished, Focus: -1}
	if _, err := Held(asked); !errors.Is(err, ErrLock) {
		t.Errorf("before it was locked: %v, want ErrLock", err)
	}
	l, err := lockControls(v.dev.Card, v.dev, Wish{v4l2.CtrlGain: wished})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v, profile %s", l, l.Profile(v.format))
	i := slices.IndexFunc(l.Settings, func(s Setting) bool { return s.ID == v4l2.CtrlGain })
	if i < 0 || l.Settings[i].Value != wished || !slices.Contains(l.Free, "focus") {
		t.Errorf("%+v: want a gain of %d and no focus", l, wished)
	}
	other, err := v4l2.Open("/dev/video0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := l.Verify(other); err != nil {
		t.Errorf("as locked: %v", err)
	}
	if h, err := Held(asked); err != nil || len(h.Settings) != len(l.Settings) {
		t.Errorf("looked at while it is locked: %+v, %v; want %+v", h, err, l)
	}
	if err := other.Set(v4l2.Control{ID: v4l2.CtrlGain}, wished+1); err != nil {
		t.Fatal(err)
	}
	if err := l.Verify(v.dev); !errors.Is(err, ErrLock) {
		t.Errorf("somebody changed the gain: %v, want ErrLock", err)
	}
}

// The camera is unplugged and comes back: the source goes on, says so and counts on.
func TestVMUnplugAndReturn(t *testing.T) {
	inVM(t)
	var failures []error
	src := openVM(t, "/dev/video0,size=320x180", func(err error) { failures = append(failures, err) })
	var f Frame
	if err := src.Next(t.Context(), &f); err != nil {
		t.Fatal(err)
	}
	number := f.Sequence
	found, _ := filepath.Glob("/sys/bus/platform/drivers/vivid/vivid*")
	name := []byte(filepath.Base(found[0]))
	go func() {
		os.WriteFile("/sys/bus/platform/drivers/vivid/unbind", name, 0)
		time.Sleep(200 * time.Millisecond)
		os.WriteFile("/sys/bus/platform/drivers/vivid/bind", name, 0)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	began := time.Now()
	for !f.Reopened {
		if err := src.Next(ctx, &f); err != nil {
			t.Fatalf("%v; failures %v", err, failures)
		}
		if f.Sequence <= number {
			t.Fatalf("frame %d after %d", f.Sequence, number)
		}
		number = f.Sequence
	}
	t.Logf("back after %v: %v", time.Since(began), failures)
	if len(failures) == 0 || !errors.Is(failures[0], v4l2.ErrGone) {
		t.Errorf("failures %v, want ErrGone first", failures)
	}
}

func TestVMMissingCamera(t *testing.T) {
	inVM(t)
	for _, path := range []string{"/dev/video9", "/dev/null"} {
		s, err := ParseSpec(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(t.Context(), s, nil)
		if err == nil || errors.Is(err, ErrMissing) != (path == "/dev/video9") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
