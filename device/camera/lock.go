package camera

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/secateur/secateur/device/v4l2"
)

// ErrLock is a camera that does not keep what it was told.
var ErrLock = errors.New("the camera does not keep its settings")

// Wish is the values that a lock sets, by the identifier of the control; what is not in it stays at
// what the automatic had found.
type Wish map[uint32]int64

// wish is what a specification asks of a video device's lock; nil is nothing.
func (s Spec) wish() Wish {
	w := Wish{}
	if s.Shutter > 0 {
		w[v4l2.CtrlExposureAbsolute] = int64(s.Shutter / (100 * time.Microsecond)) // the control's unit
	}
	if s.Gain > 0 {
		w[v4l2.CtrlGain] = int64(s.Gain)
	}
	if s.White > 0 {
		w[v4l2.CtrlWhiteTemperature] = int64(s.White)
	}
	if s.Focus >= 0 {
		w[v4l2.CtrlFocusAbsolute] = int64(s.Focus)
	}
	return w
}

// Lock is a camera's settings that decide what a picture looks like, as they were read back after
// they were set.
type Lock struct {
	Card     string    `json:"card"`
	Settings []Setting `json:"settings"`
	Free     []string  `json:"free"` // of exposure, gain, white balance, focus: those the camera has no control for
}

// Setting is one control of a lock.
type Setting struct {
	ID    uint32 `json:"id"`
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

// automatic is a control that changes others, and the value that stops it.
type automatic struct {
	id, off uint32
	values  []uint32 // what it changes, fixed after it is off
}

// quality is what a lock is asked for by a person.
type quality struct {
	name  string
	parts []automatic
}

var qualities = []quality{
	{"exposure", []automatic{
		{v4l2.CtrlExposurePriority, 0, nil},
		{v4l2.CtrlExposureAuto, v4l2.ExposureManual, []uint32{v4l2.CtrlExposureAbsolute, v4l2.CtrlExposure}},
	}},
	{"gain", []automatic{
		{v4l2.CtrlAutoGain, 0, []uint32{v4l2.CtrlGain}},
		{v4l2.CtrlISOAuto, 0, []uint32{v4l2.CtrlISO, v4l2.CtrlAnalogueGain, v4l2.CtrlDigitalGain}},
	}},
	{"white balance", []automatic{
		{v4l2.CtrlAutoWhiteBalance, 0, []uint32{v4l2.CtrlWhiteTemperature, v4l2.CtrlRedBalance, v4l2.CtrlBlueBalance}},
		{v4l2.CtrlHueAuto, 0, nil},
	}},
	{"focus", []automatic{
		{v4l2.CtrlFocusAuto, 0, []uint32{v4l2.CtrlFocusAbsolute}},
	}},
	{"", []automatic{
		{v4l2.CtrlAutoBrightness, 0, nil},
		{v4l2.CtrlWideDynamicRange, 0, []uint32{v4l2.CtrlBacklight, v4l2.CtrlPowerLine}},
	}},
}

// controller is a device's controls.
type controller interface {
	Controls() ([]v4l2.Control, error)
	Get(v4l2.Control) (int64, error)
	Set(v4l2.Control, int64) error
}

// lockControls turns every automatic off, sets what it changed to what it had found or what is
// wished, and reads all back. What does not read back is ErrLock, by name.
func lockControls(card string, d controller, wish Wish) (*Lock, error) {
	before, err := values(d)
	if err != nil {
		return nil, err
	}
	l := &Lock{Card: card}
	for _, q := range qualities {
		n := len(l.Settings)
		for _, a := range q.parts {
			if err := l.fix(d, before, a, wish); err != nil {
				return nil, err
			}
		}
		if q.name != "" && len(l.Settings) == n {
			l.Free = append(l.Free, q.name)
		}
	}
	for id := range wish {
		if _, ok := before[id]; !ok {
			return nil, fmt.Errorf("%w: %s has no control %#x that can be set", ErrLock, card, id)
		}
	}
	return l, l.Verify(d)
}

// looker is a device that is looked at and not changed.
type looker struct{ controller }

func (looker) Set(v4l2.Control, int64) error { return nil }

// Held reads whether a video device holds the settings that its lock would give it, and changes nothing: another program may
// be taking pictures. What differs is ErrLock.
func Held(s Spec) (*Lock, error) {
	d, err := openDevice(s.Path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return lockControls(d.Card, looker{d}, s.wish())
}

// wish is what a camera that comes back is set to: the values, not the automatics.
func (l *Lock) wish() Wish {
	w := Wish{}
	for _, s := range l.Settings {
		w[s.ID] = s.Value
	}
	return w
}

// reading is a control and its value.
type reading struct {
	v4l2.Control
	value int64
}

// values reads every control that can be set.
func values(d controller) (map[uint32]reading, error) {
	all, err := d.Controls()
	if err != nil {
		return nil, err
	}
	m := make(map[uint32]reading, len(all))
	for _, c := range all {
		if c.ReadOnly || c.Button {
			continue
		}
		v, err := d.Get(c)
		if err != nil {
			continue // write-only, or not available in this state
		}
		m[c.ID] = reading{c, v}
	}
	return m, nil
}

// fix turns one automatic off and fixes what it changed.
func (l *Lock) fix(d controller, before map[uint32]reading, a automatic, wish Wish) error {
	if r, ok := before[a.id]; ok {
		if err := l.set(d, r.Control, int64(a.off)); err != nil {
			return err
		}
	}
	for _, id := range a.values {
		r, ok := before[id]
		if !ok {
			continue
		}
		v, asked := wish[id]
		if !asked {
			v = min(max(r.value, r.Min), r.Max)
		}
		if v < r.Min || v > r.Max {
			return fmt.Errorf("%w: %q of %s goes from %d to %d, want %d", ErrLock, r.Name, l.Card, r.Min, r.Max, v)
		}
		if err := l.set(d, r.Control, v); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lock) set(d controller, c v4l2.Control, v int64) error {
	if err := d.Set(c, v); err != nil {
		return fmt.Errorf("%w: %w", ErrLock, err)
	}
	l.Settings = append(l.Settings, Setting{c.ID, c.Name, v})
	return nil
}

// Verify reads every setting back. What differs is ErrLock, each named with both values.
func (l *Lock) Verify(d controller) error {
	now, err := values(d)
	if err != nil {
		return err
	}
	var wrong []string
	for _, s := range l.Settings {
		r, ok := now[s.ID]
		switch {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%q is gone", s.Name))
		case r.value != s.Value:
			wrong = append(wrong, fmt.Sprintf("%q is %d, was set to %d", s.Name, r.value, s.Value))
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s: %s", ErrLock, l.Card, strings.Join(wrong, ", "))
	}
	return nil
}

// Profile is a name for the settings with the format: pictures and models of one profile fit each
// other.
func (l *Lock) Profile(f Format) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%v %t %t\n", l.Card, f, f.Full, f.BT709)
	for _, s := range l.Settings {
		fmt.Fprintf(h, "%#x=%d\n", s.ID, s.Value)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
