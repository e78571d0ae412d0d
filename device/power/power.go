// Package power reads whether the supply holds: the throttle bits of a Raspberry Pi and the INA3221 of a Jetson. Every
// reader takes the root of the file system, "/" on a box.
package power

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/secateur/secateur/device/internal/sysfs"
)

// Throttle is what the firmware of a Pi says.
type Throttle struct {
	Now       Bits   `json:"now"`
	SinceBoot Bits   `json:"since_boot"`
	Source    string `json:"source"` // get_throttled, or rpi_volt, which knows of under-voltage now alone
}

// Bits are the four conditions.
type Bits struct {
	UnderVoltage    bool `json:"under_voltage"`    // below 4.63 V ± 5 %
	FrequencyCapped bool `json:"frequency_capped"` // by the firmware
	Throttled       bool `json:"throttled"`
	SoftLimit       bool `json:"soft_limit"` // of the temperature, 3B+
}

// Any reports whether any bit is set.
func (b Bits) Any() bool { return b != Bits{} }

// String names what is set.
func (b Bits) String() string {
	var names []string
	for _, x := range []struct {
		set  bool
		name string
	}{{b.UnderVoltage, "under-voltage"}, {b.FrequencyCapped, "frequency capped"}, {b.Throttled, "throttled"}, {b.SoftLimit, "soft temperature limit"}} {
		if x.set {
			names = append(names, x.name)
		}
	}
	return strings.Join(names, ", ")
}

// ParseThrottled reads the word of get_throttled: bits 0 to 3 are now, 16 to 19 the same since boot.
func ParseThrottled(word int64) Throttle {
	bits := func(w int64) Bits { return Bits{w&1 != 0, w&2 != 0, w&4 != 0, w&8 != 0} }
	return Throttle{Now: bits(word), SinceBoot: bits(word >> 16), Source: "get_throttled"}
}

// ReadThrottle reads a Pi's bits; ok is false where the kernel shows none. Under-voltage is the hwmon's where it is
// there: the kernel keeps that one, the other file is deprecated.
func ReadThrottle(root string) (t Throttle, ok bool) {
	for _, path := range sysfs.Glob(root, "sys/devices/platform/soc*/soc*firmware/get_throttled") {
		if s, err := sysfs.Text(path); err == nil {
			var word int64
			if _, err := fmt.Sscanf(strings.TrimPrefix(s, "0x"), "%x", &word); err == nil {
				t, ok = ParseThrottled(word), true
			}
		}
	}
	for _, dir := range sysfs.Glob(root, "sys/class/hwmon/hwmon*") {
		if name, _ := sysfs.Text(dir, "name"); name != "rpi_volt" {
			continue
		}
		if alarm, err := sysfs.Int(dir, "in0_lcrit_alarm"); err == nil {
			t.Now.UnderVoltage = alarm != 0
			if !ok {
				t.Source, ok = "rpi_volt", true
			}
		}
	}
	return t, ok
}

// Rail is a supply that an INA3221 measures.
type Rail struct {
	Name      string `json:"name"`
	MilliV    int64  `json:"millivolt"`
	MilliA    int64  `json:"milliampere"`
	WarnMilli int64  `json:"warn_milliampere"` // 0: no limit
	CritMilli int64  `json:"crit_milliampere"`
	Alarm     bool   `json:"alarm"` // the chip says that the critical limit is passed
}

// Critical reports a current at or over its critical limit.
func (r Rail) Critical() bool { return r.Alarm || r.CritMilli > 0 && r.MilliA >= r.CritMilli }

// MilliW is the power drawn.
func (r Rail) MilliW() int64 { return r.MilliV * r.MilliA / 1000 }

// Rails lists what the INA3221s measure, in the layout of JetPack 4 (iio) or of later ones (hwmon).
func Rails(root string) []Rail {
	var rails []Rail
	for _, path := range sysfs.Glob(root, "sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_*") {
		dir, n := filepath.Dir(path), strings.TrimPrefix(filepath.Base(path), "rail_name_")
		r := Rail{MilliV: num(dir, "in_voltage"+n+"_input"), MilliA: num(dir, "in_current"+n+"_input"),
			WarnMilli: num(dir, "warn_current_limit_"+n), CritMilli: num(dir, "crit_current_limit_"+n)}
		r.Name, _ = sysfs.Text(path)
		rails = append(rails, r)
	}
	for _, path := range sysfs.Glob(root, "sys/bus/i2c/devices/*/hwmon/hwmon*/curr*_input") {
		dir, n := filepath.Dir(path), strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "curr"), "_input")
		name, err := sysfs.Text(dir, "in"+n+"_label")
		if chip, _ := sysfs.Text(dir, "name"); chip != "ina3221" || err != nil { // the sum channel has no label
			continue
		}
		rails = append(rails, Rail{Name: name, MilliV: num(dir, "in"+n+"_input"), MilliA: num(dir, "curr"+n+"_input"),
			WarnMilli: num(dir, "curr"+n+"_max"), CritMilli: num(dir, "curr"+n+"_crit"), Alarm: num(dir, "curr"+n+"_crit_alarm") != 0})
	}
	return rails
}

func num(elem ...string) int64 {
	v, _ := sysfs.Int(elem...)
	return v
}

// USBLimit is what a Pi 5 gives its USB ports altogether in milliampere: 600, unless the supply said 5 A or the
// configuration does. ok is false on other boards.
func USBLimit(root string) (milliA int, ok bool) {
	b, err := os.ReadFile(filepath.Join(root, "proc/device-tree/chosen/power/usb_max_current_enable"))
	if err != nil || len(b) != 4 {
		return 0, false
	}
	if b[0]|b[1]|b[2]|b[3] != 0 {
		return 1600, true
	}
	return 600, true
}
