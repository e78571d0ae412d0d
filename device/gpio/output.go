package gpio

import (
	"context"
	"errors"
	"time"

	"github.com/secateur/secateur/device/clock"
	"periph.io/x/conn/v3/gpio"
)

// Pulse sets a pin high for a time. However it ends, the pin is low then.
func Pulse(ctx context.Context, p gpio.PinOut, d time.Duration) error {
	if err := p.Out(gpio.High); err != nil {
		return errors.Join(err, p.Out(gpio.Low))
	}
	return errors.Join(clock.Sleep(ctx, d), p.Out(gpio.Low))
}

// Beep sounds a buzzer n times, d on and d off. An end by ctx is no error.
func Beep(ctx context.Context, p gpio.PinOut, n int, d time.Duration) error {
	for range n {
		err := Pulse(ctx, p, d)
		if err == nil {
			err = clock.Sleep(ctx, d)
		}
		if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
