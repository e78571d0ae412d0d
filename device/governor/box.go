package governor

import (
	"slices"

	"github.com/secateur/secateur/device/board"
	"github.com/secateur/secateur/device/power"
	"github.com/secateur/secateur/device/thermal"
)

// ForBox is the limits of the box below root and how its sensors are read; ok is false where it has no thermal zone, as
// in a virtual machine, so that there is nothing to govern by.
func ForBox(root string, threads int, bound Bound) (l Limits, read func() Reading, ok bool) {
	zones := thermal.Zones(root)
	if len(zones) == 0 {
		return l, nil, false
	}
	l = Limits{Threads: threads, Celsius: bound.Celsius}
	if l.Celsius == 0 {
		l.Celsius = throttle(root, zones) - bound.Margin
	}
	return l, func() Reading { return Read(root) }, true
}

// throttle is from where on the box slows down by itself.
func throttle(root string, zones []thermal.Zone) float64 {
	celsius := 80.0
	if b, err := board.Read(root); err == nil {
		celsius = b.ThrottleCelsius
	}
	return thermal.Throttle(zones, celsius)
}

// Read asks the sensors below root.
func Read(root string) Reading {
	c, err := thermal.Hottest(root)
	t, _ := power.ReadThrottle(root)
	return Reading{Celsius: c, Lost: err != nil,
		LowPower: t.Now.UnderVoltage || slices.ContainsFunc(power.Rails(root), power.Rail.Critical)}
}
