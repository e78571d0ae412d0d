package power

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secateur/secateur/device/boardtest"
)

func TestThrottle(t *testing.T) {
	for name, want := range map[string]string{
		"raspberrypi-3b-plus": "get_throttled now [soft temperature limit] since boot [soft temperature limit] true",
		"raspberrypi-4":       "get_throttled now [under-voltage, throttled] since boot [under-voltage, throttled] true",
		"raspberrypi-5":       "get_throttled now [] since boot [] true",
		"jetson-nano":         " now [] since boot [] false",
	} {
		x, ok := ReadThrottle(boardtest.Root(t, name))
		if got := fmt.Sprintf("%s now [%v] since boot [%v] %v", x.Source, x.Now, x.SinceBoot, ok); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	// Debian's kernel shows the hwmon alone on one board, and nothing on another.
	root := boardtest.Root(t, "raspberrypi-4")
	boardtest.Remove(t, root, "sys/devices/platform/soc")
	if x, ok := ReadThrottle(root); !ok || x.Source != "rpi_volt" || x.Now != (Bits{UnderVoltage: true}) || x.SinceBoot.Any() {
		t.Errorf("by the hwmon alone: %+v, %v", x, ok)
	}
	boardtest.Remove(t, root, "sys/class/hwmon/hwmon1")
	if _, ok := ReadThrottle(root); ok {
		t.Error("nothing is throttle bits")
	}
}

func TestParseThrottled(t *testing.T) {
	for bit := range 20 {
		x := ParseThrottled(1 << bit)
		if on := x.Now.Any(); on != (bit < 4) {
			t.Errorf("bit %d: now %v", bit, x.Now)
		}
		if on := x.SinceBoot.Any(); on != (bit >= 16) {
			t.Errorf("bit %d: since boot %v", bit, x.SinceBoot)
		}
	}
}

func TestRails(t *testing.T) {
	for name, want := range map[string]string{
		"jetson-nano":      "POM_5V_IN 1577 mW false; POM_5V_GPU 40 mW false; POM_5V_CPU 605 mW false",
		"jetson-xavier-nx": "VDD_IN 5249 mW false; VDD_CPU_GPU_CV 766 mW false; VDD_SOC 1370 mW false",
		"jetson-orin-nx":   "VDD_IN 34200 mW true; VDD_CPU_GPU_CV 11400 mW false; VDD_SOC 7600 mW false",
		"raspberrypi-5":    "",
	} {
		var list []string
		for _, r := range Rails(boardtest.Root(t, name)) {
			list = append(list, fmt.Sprintf("%s %d mW %v", r.Name, r.MilliW(), r.Critical()))
		}
		if got := strings.Join(list, "; "); got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
	root := boardtest.Root(t, "jetson-nano")
	boardtest.Set(t, root, "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_current0_input", "6000\n")
	if !Rails(root)[0].Critical() {
		t.Error("a current at its critical limit is not critical")
	}
}

func TestUSBLimit(t *testing.T) {
	root := t.TempDir()
	if _, ok := USBLimit(root); ok {
		t.Error("a board without the flag has a limit")
	}
	const flag = "proc/device-tree/chosen/power/usb_max_current_enable"
	boardtest.Set(t, root, flag, "\x00\x00\x00\x00")
	if ma, ok := USBLimit(root); ma != 600 || !ok {
		t.Errorf("limit %d, %v", ma, ok)
	}
	boardtest.Set(t, root, flag, "\x00\x00\x00\x01")
	if ma, ok := USBLimit(root); ma != 1600 || !ok {
		t.Errorf("limit %d, %v", ma, ok)
	}
}
