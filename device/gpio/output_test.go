package gpio

import (
	"context"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
)

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

func TestOutputsEndLow(t *testing.T) {
	for name, run := range map[string]func(p gpio.PinOut) error{
		"beep":  func(p gpio.PinOut) error { return Beep(t.Context(), p, 2, ms) },
		"pulse": func(p gpio.PinOut) error { return Pulse(t.Context(), p, ms) },
	} {
		pin := &recorder{}
		if err := run(pin); err != nil || pin.Read() != gpio.Low || len(pin.times) < 2 {
			t.Errorf("%s: %v, ends %v after %d switches", name, err, pin.Read(), len(pin.times))
		}
	}
}

func TestHeaderPins(t *testing.T) {
	for _, c := range []struct {
		board []string
		pin   int
		want  string
	}{
		{[]string{"raspberrypi,5-model-b", "brcm,bcm2712"}, 11, "pinctrl-rp1:GPIO17"},
		{[]string{"raspberrypi,4-model-b", "brcm,bcm2711"}, 40, "pinctrl-bcm2711:GPIO21"},
		{[]string{"nvidia,p3737-0000+p3701-0000", "nvidia,p3737-0000", "nvidia,tegra234"}, 16, "tegra234-gpio-aon:9"},
		{[]string{"nvidia,p3768-0000+p3767-0003", "nvidia,p3768-0000", "nvidia,tegra234"}, 7, "tegra234-gpio:144"},
		{[]string{"nvidia,p3450-0000", "nvidia,jetson-nano", "nvidia,tegra210"}, 7, "tegra-gpio:216"},
		{[]string{"brcm,bcm2712"}, 1, ""},
		{[]string{"acme,board"}, 7, ""},
	} {
		if got, err := HeaderPin(c.board, c.pin); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("pin %d of %v: %q, %v; want %q", c.pin, c.board, got, err, c.want)
		}
	}
}

func TestFind(t *testing.T) {
	chips := []Chip{
		{Path: "/dev/gpiochip0", Label: "a", Lines: []Line{{Label: "a", Name: "GPIO17"}, {Label: "a", Offset: 1, Name: "SAME"}, {Label: "a", Offset: 2}}},
		{Path: "/dev/gpiochip1", Label: "b", Lines: []Line{{Label: "b", Name: "SAME"}, {Label: "b", Offset: 1, Name: "2"}}},
	}
	for ref, want := range map[string]string{
		"GPIO17": "a:GPIO17", "a:GPIO17": "a:GPIO17", "b:SAME": "b:SAME", "a:2": "a:2", "b:0": "b:SAME", "2": "b:2",
		"SAME": "", "b:GPIO17": "", "": "", "c:1": "", "a:": "", "1": "",
	} {
		l, err := Find(chips, ref)
		if (err == nil) != (want != "") || err == nil && l.String() != want {
			t.Errorf("%q finds %v, %v; want %q", ref, l, err, want)
		}
	}
}

func TestInputOptions(t *testing.T) {
	c, err := InputOptions{Pull: gpio.PullUp, Edge: gpio.BothEdges, ActiveLow: true, Debounce: 5 * ms}.config()
	if want := uint64(flagInput | flagPullUp | flagRising | flagFalling | flagActiveLow); err != nil || c.flags != want ||
		c.attrs[0].attr.id != attrDebounce || c.attrs[0].attr.value != 5000 || c.attrs[0].mask != 1 || c.numAttrs != 1 {
		t.Errorf("%+v, %v; want flags %#x and a debounce of 5000 µs", c, err, want)
	}
	for _, d := range []time.Duration{-1, 2 * time.Second} {
		if _, err := (InputOptions{Debounce: d}).config(); err == nil {
			t.Errorf("debounce of %v passes", d)
		}
	}
}
