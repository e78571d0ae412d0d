package main

import (
	"context"
	"time"

	"github.com/secateur/secateur/device/gpio"
	periph "periph.io/x/conn/v3/gpio"
)

// signals are the outputs for people and for a watchdog relay; nil ones are not there.
type signals struct {
	lamp, buzzer, heart periph.PinOut
	wake                chan struct{}
	high                bool
}

// The buzzer at an alarm.
const (
	beeps    = 3
	beepTime = 200 * time.Millisecond
)

// run keeps the lamp on, and beeps at alarms, until ctx ends.
func (s *signals) run(ctx context.Context) {
	if s.lamp != nil {
		s.lamp.Out(periph.High)
		defer s.lamp.Out(periph.Low)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
			if s.buzzer != nil {
				gpio.Beep(ctx, s.buzzer, beeps, beepTime)
			}
		}
	}
}

// alarm sounds the buzzer; alarms while it sounds are one.
func (s *signals) alarm() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// beat toggles the heartbeat: it is called while the line makes progress.
func (s *signals) beat() {
	if s.heart == nil {
		return
	}
	s.high = !s.high
	s.heart.Out(periph.Level(s.high))
}
