package gpio

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/secateur/secateur/device/clock"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
)

// Pulse sets a pin high for a time. However it ends, the pin is low then.
func Pulse(ctx context.Context, p gpio.PinOut, d time.Duration) error {
	if err := p.Out(gpio.High); err != nil {
		return errors.Join(err, p.Out(gpio.Low))
	}
	return errors.Join(clock.Sleep(ctx, d), p.Out(gpio.Low))
}

// Blink turns a lamp on and off at frequency f until ctx ends, then leaves it off. A supervisor that
// cuts the reject coil when the blinking stops is a heartbeat.
func Blink(ctx context.Context, p gpio.PinOut, f physic.Frequency) error {
	if f < physic.MilliHertz || f > physic.KiloHertz {
		return fmt.Errorf("blink %v at %v, want 1mHz to 1kHz", p, f)
	}
	return repeat(ctx, p, f.Period()/2, -1)
}

// Beep sounds a buzzer n times, d on and d off.
func Beep(ctx context.Context, p gpio.PinOut, n int, d time.Duration) error {
	return repeat(ctx, p, d, n)
}

// repeat pulses n times, for ever when n is negative. An end by ctx is no error.
func repeat(ctx context.Context, p gpio.PinOut, half time.Duration, n int) error {
	for i := 0; n < 0 || i < n; i++ {
		err := Pulse(ctx, p, half)
		if err == nil {
			err = clock.Sleep(ctx, half)
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

// Travel is how long a part takes from the trigger to the reject point.
func Travel(way physic.Distance, speed physic.Speed) (time.Duration, error) {
	if way < 0 || speed <= 0 {
		return 0, fmt.Errorf("travel of %v at %v, want a way of 0 or more and a speed above 0", way, speed)
	}
	seconds := float64(way) / float64(physic.Metre) / (float64(speed) / float64(physic.MetrePerSecond))
	if seconds > 3600 {
		return 0, fmt.Errorf("travel of %v at %v takes %.0f s, want at most an hour", way, speed, seconds)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}
