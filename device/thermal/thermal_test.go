package thermal

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/secateur/secateur/device/boardtest"
)

// TestBoards: temperature, throttling point (80 °C where no trip says more) and fan of recorded boards.
func TestBoards(t *testing.T) {
	for name, want := range map[string]string{
		"raspberrypi-4":    "61.8 °C, throttles at 80, cpu-thermal, fan {-1 -1}",
		"raspberrypi-5":    "56.2 °C, throttles at 80, cpu-thermal, fan {75 2961}",
		"jetson-nano":      "43.5 °C, throttles at 97, AO-therm CPU-therm GPU-therm PLL-therm, fan {80 -1}",
		"jetson-xavier-nx": "45.5 °C, throttles at 90.5, CPU-therm GPU-therm(off) AUX-therm, fan {-1 -1}",
		"jetson-orin-nano": "48.5 °C, throttles at 99, cpu-thermal gpu-thermal(off) soc0-thermal tj-thermal, fan {88 2104}",
		"pc":               "41.0 °C, throttles at 80, acpitz x86_pkg_temp, fan {-1 -1}",
		"unknown-soc":      "50.0 °C, throttles at 75, soc-thermal, fan {-1 -1}",
	} {
		root := boardtest.Root(t, name)
		zones := Zones(root)
		var names []string
		for _, z := range zones {
			n := z.Name
			if z.Off {
				n += "(off)"
			}
			names = append(names, n)
		}
		got := fmt.Sprintf("%.1f °C, throttles at %v, %s, fan %v", Celsius(root), Throttle(zones, 80), strings.Join(names, " "), ReadFan(root))
		if got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
}

func TestCelsius(t *testing.T) {
	root := t.TempDir()
	if c := Celsius(root); c != 0 {
		t.Errorf("without zones: %v", c)
	}
	if _, err := Hottest(root); err == nil {
		t.Error("no zone is no error")
	}
	for zone, text := range map[string]string{"thermal_zone0": "48300\n", "thermal_zone1": "51250\n", "thermal_zone2": "-274000\n", "thermal_zone3": "cold\n"} {
		boardtest.Set(t, root, "sys/class/thermal/"+zone+"/temp", text)
	}
	if c, err := Hottest(root); c != 51.25 || err != nil {
		t.Errorf("Hottest() = %v, %v, want 51.25", c, err)
	}
	boardtest.Remove(t, root, "sys/class/thermal/thermal_zone1")
	boardtest.Set(t, root, "sys/class/thermal/thermal_zone0/temp", "-12000\n")
	if c, err := Hottest(root); c != -12 || err != nil {
		t.Errorf("in the cold: %v, %v", c, err)
	}
	if c := Celsius(root); c != 0 {
		t.Errorf("in the cold: Celsius() = %v", c)
	}
}

func TestFanStuck(t *testing.T) {
	root := boardtest.Root(t, "raspberrypi-5")
	if ReadFan(root).Stuck() {
		t.Error("a fan at 2961 turns a minute is stuck")
	}
	boardtest.Set(t, root, "sys/class/hwmon/hwmon2/fan1_input", "0\n")
	if !ReadFan(root).Stuck() {
		t.Error("a fan that does not turn is not stuck")
	}
	if err := os.Remove(root + "/sys/class/hwmon/hwmon2/fan1_input"); err != nil {
		t.Fatal(err)
	}
	if ReadFan(root).Stuck() {
		t.Error("a fan without tachometer is stuck")
	}
}
