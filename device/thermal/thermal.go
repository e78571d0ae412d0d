// Package thermal reads how warm the box is, from where on it slows down, and whether its fan turns. Every reader
// takes the root of the file system, "/" on a box.
package thermal

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/secateur/secateur/device/internal/sysfs"
)

// Zone is a thermal zone of the kernel.
type Zone struct {
	Name    string  `json:"name"` // cpu-thermal, CPU-therm, …
	Celsius float64 `json:"celsius"`
	Off     bool    `json:"off"` // its unit is powered down, so that it has no temperature; no fault
	Trips   []Trip  `json:"trips"`
}

// Trip is a temperature at which the kernel does something.
type Trip struct {
	Kind       string  `json:"kind"` // active (fan), passive (slows down), hot, critical (switches off)
	Celsius    float64 `json:"celsius"`
	Hysteresis float64 `json:"hysteresis"`
}

// constant are zones that report a fixed number instead of a temperature.
var constant = map[string]bool{"PMIC-Die": true, "Tdiode_tegra": true, "thermal-fan-est": true}

// Zones lists the zones below root, but for those that measure nothing.
func Zones(root string) []Zone {
	var zones []Zone
	for _, dir := range sysfs.Glob(root, "sys/class/thermal/thermal_zone*") {
		name, _ := sysfs.Text(dir, "type")
		if constant[name] {
			continue
		}
		z := Zone{Name: name, Trips: trips(dir)}
		c, err := celsius(dir)
		if err == nil && !plausible(c) {
			continue
		}
		z.Celsius, z.Off = c, err != nil
		zones = append(zones, z)
	}
	return zones
}

// celsius is a zone's temperature. Some kernels write words while a unit is off.
func celsius(dir string) (float64, error) {
	milli, err := sysfs.Int(dir, "temp")
	return float64(milli) / 1000, err
}

// plausible leaves out zones that are not wired.
func plausible(c float64) bool { return c > -40 && c < 150 }

func trips(dir string) []Trip {
	list := []Trip{}
	for _, path := range sysfs.Glob(dir, "trip_point_*_type") {
		kind, err := sysfs.Text(path)
		stem := strings.TrimSuffix(path, "type")
		milli, err2 := sysfs.Int(stem + "temp")
		if c := float64(milli) / 1000; err == nil && err2 == nil && c > 0 && plausible(c) {
			hyst, _ := sysfs.Int(stem + "hyst")
			list = append(list, Trip{Kind: kind, Celsius: c, Hysteresis: float64(hyst) / 1000})
		}
	}
	return list
}

// Celsius is the highest temperature of the zones below root, 0 where there is none that can be read.
func Celsius(root string) float64 {
	c, _ := Hottest(root)
	return max(c, 0)
}

// Hottest is the highest temperature of the zones below root. It is an error if no zone has one: a box that had
// zones and has none any more must be treated as hot.
func Hottest(root string) (float64, error) {
	hottest, found := 0.0, false
	for _, z := range Zones(root) {
		if !z.Off && (!found || z.Celsius > hottest) {
			hottest, found = z.Celsius, true
		}
	}
	if !found {
		return 0, fmt.Errorf("temperature: no zone below %s can be read", filepath.Join(root, "sys/class/thermal"))
	}
	return hottest, nil
}

// Throttle is from where on the box slows down: the lowest passive trip, or else what is known of the board. Off
// zones count, since their unit may wake.
func Throttle(zones []Zone, board float64) float64 {
	lowest := 0.0
	for _, z := range zones {
		for _, t := range z.Trips {
			if t.Kind == "passive" && (lowest == 0 || t.Celsius < lowest) {
				lowest = t.Celsius
			}
		}
	}
	if lowest == 0 {
		return board
	}
	return lowest
}

// Fan is what a board tells of its fan.
type Fan struct {
	PWM int `json:"pwm"` // 0 to 255, -1: none
	RPM int `json:"rpm"` // -1: it has no tachometer
}

// ReadFan reads pwm1 and the tachometer, which may lie in different nodes (Orin), or the fan of JetPack 4.
func ReadFan(root string) Fan {
	f := Fan{PWM: -1, RPM: -1}
	for _, pattern := range []string{"sys/class/hwmon/hwmon*/pwm1", "sys/devices/pwm-fan/target_pwm", "sys/devices/platform/pwm-fan/target_pwm"} {
		f.PWM = first(root, pattern, f.PWM)
	}
	for _, pattern := range []string{"sys/class/hwmon/hwmon*/fan1_input", "sys/class/hwmon/hwmon*/rpm", "sys/devices/generic_pwm_tachometer/hwmon/hwmon*/rpm"} {
		f.RPM = first(root, pattern, f.RPM)
	}
	return f
}

// first is the number in the first file that matches, unless have is one already.
func first(root, pattern string, have int) int {
	for _, path := range sysfs.Glob(root, pattern) {
		if v, err := sysfs.Int(path); err == nil && have < 0 {
			have = int(v)
		}
	}
	return have
}

// Stuck reports a fan that is asked to turn and does not.
func (f Fan) Stuck() bool { return f.PWM > 30 && f.RPM == 0 }
