package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// watchdog tells systemd how a service does (sd_notify), and that its work goes on. Where systemd did not start the
// program nobody is told.
type watchdog struct {
	every   time.Duration // between two signs of life; 0: none is wanted
	next    atomic.Int64  // UnixNano
	resting atomic.Bool   // the governor has the work paused
}

// newWatchdog says that the service is ready. Until ctx ends a rest that the governor ordered is no standstill.
func newWatchdog(ctx context.Context) *watchdog {
	w := &watchdog{}
	if limit, err := daemon.SdWatchdogEnabled(false); err == nil {
		w.every = limit / 4
	}
	daemon.SdNotify(false, daemon.SdNotifyReady)
	if w.every > 0 {
		go w.guardRests(ctx)
	}
	return w
}

// status is the line of systemctl status.
func (w *watchdog) status(line string) { daemon.SdNotify(false, "STATUS="+line) }

// feed says that a piece of work is done; only now and then is it said on.
func (w *watchdog) feed() {
	now := time.Now().UnixNano()
	if next := w.next.Load(); w.every > 0 && now >= next && w.next.CompareAndSwap(next, now+int64(w.every)) {
		daemon.SdNotify(false, daemon.SdNotifyWatchdog)
	}
}

// around is a pace (kernels.Pool.Pace) that feeds with every piece of work. None given: all threads.
func (w *watchdog) around(pace func() int) func() int {
	return func() int {
		w.feed()
		if pace == nil {
			return 0
		}
		w.resting.Store(true)
		defer w.resting.Store(false)
		return pace()
	}
}

func (w *watchdog) guardRests(ctx context.Context) {
	for t := time.NewTicker(w.every); ctx.Err() == nil; {
		select {
		case <-ctx.Done():
			t.Stop()
		case <-t.C:
			if w.resting.Load() {
				w.feed()
			}
		}
	}
}
