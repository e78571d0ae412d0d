// Package clock is the time that the kernel stamps frames and edges by, and waits that can be ended.
package clock

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// Now is the time since boot on the clock that the kernel stamps edges and frames by, CLOCK_MONOTONIC.
func Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // every Linux has this clock
	}
	return time.Duration(t.Nano())
}

// Sleep waits for d or until ctx ends, which is its error.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
