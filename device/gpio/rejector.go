package gpio

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/secateur/secateur/device/clock"
	"periph.io/x/conn/v3/gpio"
)

// Rejector drives a pin by a Schedule. Its methods may be called by many goroutines.
type Rejector struct {
	pin   gpio.PinOut
	alarm func(error)
	wake  chan struct{}

	mu    sync.Mutex
	plan  *Schedule
	count int64
	worst time.Duration
}

// NewRejector sets the pin low. alarm is told of what a person must hear: parts that did not fit,
// late verdicts, a pin that does not obey.
func NewRejector(p gpio.PinOut, o RejectOptions, alarm func(error)) (*Rejector, error) {
	s, err := NewSchedule(o)
	if err != nil {
		return nil, err
	}
	if err := p.Out(gpio.Low); err != nil {
		return nil, err
	}
	return &Rejector{pin: p, alarm: alarm, wake: make(chan struct{}, 1), plan: s}, nil
}

// Trigger enters the part that an edge announced. Edges that were lost before it are parts that
// nobody looked at; the caller sees their number in the edge.
func (r *Rejector) Trigger(e Edge) (id uint64, err error) {
	r.mu.Lock()
	at := int64(e.Time)
	if r.plan.opt.Counts > 0 {
		at = r.count
	}
	id, err = r.plan.Trigger(at)
	r.mu.Unlock()
	r.poke(err)
	return id, err
}

// Decide gives the verdict on a part.
func (r *Rejector) Decide(id uint64, bad bool) error {
	r.mu.Lock()
	err := r.plan.Decide(id, bad)
	r.mu.Unlock()
	r.poke(err)
	return err
}

// Encoder says where the line's encoder stands.
func (r *Rejector) Encoder(count int64) {
	r.mu.Lock()
	r.count = count
	r.mu.Unlock()
	r.poke(nil)
}

// poke wakes Run, and tells of an alarm.
func (r *Rejector) poke(err error) {
	if err != nil {
		r.alarm(err)
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Stats counts the parts so far; worst is by how much the output was switched late at most.
func (r *Rejector) Stats() (s RejectStats, worst time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.plan.Stats, r.worst
}

// Run switches the pin until ctx ends, then sets it low. It keeps a thread of its own, so that
// nothing else of the program is in its way.
func (r *Rejector) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var was bool
	for ctx.Err() == nil {
		on, pause := r.step()
		if on != was {
			if err := r.pin.Out(gpio.Level(on)); err != nil {
				r.alarm(err)
				return errors.Join(err, r.pin.Out(gpio.Low))
			}
			was = on
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
	}
	return r.pin.Out(gpio.Low)
}

// drainEvery is how often Drain looks.
const drainEvery = 2 * time.Millisecond

// Drain waits, while Run goes on, until every part under way has passed the reject point and the output is off, and returns
// how many had not after limit: with an encoder a belt that stands brings none.
func (r *Rejector) Drain(limit time.Duration) (left int) {
	for end := clock.Now() + limit; ; time.Sleep(drainEvery) {
		r.mu.Lock()
		left, on := r.plan.Waiting(), r.plan.on
		r.mu.Unlock()
		if left == 0 && !on || clock.Now() > end {
			return left
		}
	}
}

// step advances the plan to now and says how long it may rest.
func (r *Rejector) step() (on bool, pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := clock.Now()
	if due, ok := r.plan.Next(); ok && now > due {
		r.worst = max(r.worst, now-due)
	}
	on = r.plan.Advance(now, r.count)
	if at, ok := r.plan.Next(); ok {
		return on, max(0, at-now)
	}
	return on, time.Hour
}
