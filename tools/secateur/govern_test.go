package main

import (
	"testing"

	"github.com/secateur/secateur/device/governor"
)

func TestRungMessage(t *testing.T) {
	l := governor.Limits{Threads: 4, Celsius: 74}
	for _, c := range []struct {
		r    governor.Rung
		x    governor.Reading
		want string
	}{
		{governor.Rung{Threads: 3, Duty: 1}, governor.Reading{Celsius: 73.6}, "governor: 3 of 4 threads, 100 % of the time (74 °C, limit 74)"},
		{governor.Rung{Threads: 1, Duty: 0.25}, governor.Reading{LowPower: true}, "governor: 1 of 4 threads, 25 % of the time (the supply is too weak)"},
		{governor.Rung{Threads: 1, Duty: 0}, governor.Reading{Lost: true}, "governor: paused (the temperature cannot be read)"},
	} {
		if got := rungMessage(l, c.r, c.x); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
