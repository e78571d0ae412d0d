package doctor

import (
	"fmt"
	"strings"

	"github.com/secateur/secateur/device/governor"
	"github.com/secateur/secateur/device/power"
	"github.com/secateur/secateur/device/thermal"
)

var powerChecks = []Check{
	{"thermal.now", "the hottest thermal zone against the governor's limit", "it is over it, or a board's zones cannot be read", "a heat sink or a fan; less warmth around", thermalNow},
	{"thermal.trips", "passive trip points, or the firmware's own limit", "neither is known: the governor assumes 80 °C", "set thermal.limit in config.toml", thermalTrips},
	{"thermal.fan", "pwm and tachometer", "the fan is driven and does not turn", "clean or replace the fan; look at its plug", thermalFan},
	{"power.now", "under-voltage and throttling bits, now", "any is set", "a better supply and a shorter cable; cooling if it is throttled by heat", powerNow},
	{"power.boot", "the same bits since the start", "any was set: the box has been near a reset", "a better supply; then start again to clear the bits", powerBoot},
	{"power.rails", "currents of the INA3221 against their critical limits", "one is over it", "a lower power mode (nvpmodel), a supply for the current", powerRails},
	{"power.usb", "the limit that a Pi 5 sets its USB ports", "600 mA: a camera and a disk together reset", "a 5 A USB-PD supply, or system.usb_max_current = true if the supply gives 5 A", powerUSB},
}

func thermalNow(b *Box) Result {
	bound := governor.DefaultBound()
	if b.Config != nil {
		bound = governor.Bound{Celsius: b.Config.Thermal.Limit, Margin: b.Config.Thermal.Margin}
	}
	limits, read, found := governor.ForBox(b.Root, 1, bound)
	if !found {
		if b.Board != nil && b.Board.SoC != "" {
			return fail("%s has no thermal zone that can be read", b.Board.Name)
		}
		return none("no thermal zone: training runs without a governor")
	}
	limit, r := limits.Celsius, read()
	switch {
	case r.Lost:
		return fail("the zones cannot be read")
	case r.Celsius > limit:
		return fail("%.1f °C, limit %.1f", r.Celsius, limit)
	}
	return ok("%.1f °C, limit %.1f", r.Celsius, limit)
}

func thermalTrips(b *Box) Result {
	zones := thermal.Zones(b.Root)
	if len(zones) == 0 {
		return none("no thermal zone")
	}
	if t := thermal.Throttle(zones, 0); t > 0 {
		return ok("slows down at %.1f °C by its trip points", t)
	}
	if b.Board != nil && b.Board.SoC != "" {
		return ok("slows down at %.1f °C by its firmware", b.Board.ThrottleCelsius)
	}
	return warn("no passive trip point")
}

func thermalFan(b *Box) Result {
	f := thermal.ReadFan(b.Root)
	switch {
	case f.PWM < 0 && f.RPM < 0:
		return none("no fan")
	case f.Stuck():
		return fail("pwm %d of 255, but it does not turn", f.PWM)
	case f.RPM < 0:
		return ok("pwm %d of 255, no tachometer", f.PWM)
	}
	return ok("pwm %d of 255, %d turns a minute", f.PWM, f.RPM)
}

func powerNow(b *Box) Result {
	t, found := power.ReadThrottle(b.Root)
	switch {
	case !found && b.Board != nil && strings.HasPrefix(b.Board.SoC, "bcm"):
		return warn("the kernel shows neither get_throttled nor rpi_volt")
	case !found:
		return none("no throttle bits")
	case t.Now.Any():
		return fail("%v", t.Now)
	}
	return ok("none set (by %s)", t.Source)
}

func powerBoot(b *Box) Result {
	t, found := power.ReadThrottle(b.Root)
	switch {
	case !found || t.Source != "get_throttled":
		return none("no bits since the start")
	case t.SinceBoot.Any():
		return warn("%v", t.SinceBoot)
	}
	return ok("none set")
}

func powerRails(b *Box) Result {
	rails := power.Rails(b.Root)
	if len(rails) == 0 {
		return none("no INA3221")
	}
	var over, all []string
	for _, r := range rails {
		s := fmt.Sprintf("%s %.1f W, %d of %d mA", r.Name, float64(r.MilliW())/1000, r.MilliA, r.CritMilli)
		if r.CritMilli == 0 {
			s = fmt.Sprintf("%s %.1f W", r.Name, float64(r.MilliW())/1000)
		}
		if all = append(all, s); r.Critical() {
			over = append(over, s)
		}
	}
	if len(over) > 0 {
		return fail("%s", strings.Join(over, "; "))
	}
	return ok("%s", strings.Join(all, "; "))
}

func powerUSB(b *Box) Result {
	ma, found := power.USBLimit(b.Root)
	switch {
	case !found:
		return none("the board sets no limit")
	case ma <= 600:
		return warn("%d mA for all ports", ma)
	}
	return ok("%d mA for all ports", ma)
}
