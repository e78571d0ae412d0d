package main

import (
	"context"
	"fmt"

	"github.com/secateur/secateur/core/train"
	"github.com/secateur/secateur/device/governor"
	"github.com/secateur/secateur/kernels"
)

// governed keeps what asks it for its threads (kernels.Pool.Pace) below the temperature at which the box would slow
// down. Every step of the governor is told as an event. A box without sensors is not governed: nil.
func governed(ctx context.Context, pool *kernels.Pool, bound governor.Bound, on func(train.Event)) func() int {
	limits, read, ok := governor.ForBox("/", pool.Threads(), bound)
	if !ok {
		return nil
	}
	p := governor.Start(ctx, limits, read, func(r governor.Rung, x governor.Reading) {
		on(train.Event{Event: "warning", Schema: 1, Celsius: x.Celsius, Message: rungMessage(limits, r, x)})
	})
	return p.Threads
}

// rungMessage says in a line how the training is slowed down and why.
func rungMessage(l governor.Limits, r governor.Rung, x governor.Reading) string {
	why := fmt.Sprintf("%.0f °C, limit %.0f", x.Celsius, l.Celsius)
	switch {
	case x.Lost:
		why = "the temperature cannot be read"
	case x.LowPower:
		why = "the supply is too weak"
	case x.Late:
		why = "inference is late"
	}
	if r.Duty == 0 {
		return "governor: paused (" + why + ")"
	}
	return fmt.Sprintf("governor: %d of %d threads, %.0f %% of the time (%s)", r.Threads, l.Threads, 100*r.Duty, why)
}
