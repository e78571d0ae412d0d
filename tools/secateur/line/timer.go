package line

import (
	"context"
	"time"

	"github.com/secateur/secateur/device/gpio"
)

// Timer is a trigger at even times. A turn that nobody waited for is a lost edge, as a line's would be.
type Timer struct {
	Every time.Duration
	Now   func() time.Duration
	Sleep func(context.Context, time.Duration) error

	next   time.Duration
	number uint64
}

// Next waits for the next turn.
func (t *Timer) Next(ctx context.Context) (gpio.Edge, error) {
	now := t.Now()
	if t.next == 0 {
		t.next = now
	}
	lost := uint64(0)
	if behind := now - t.next; behind >= t.Every {
		lost = uint64(behind / t.Every)
		t.next += time.Duration(lost) * t.Every
	}
	if err := t.Sleep(ctx, t.next-now); err != nil {
		return gpio.Edge{}, err
	}
	t.number += lost + 1
	e := gpio.Edge{Time: t.next, Number: t.number, Lost: lost}
	t.next += t.Every
	return e, nil
}
