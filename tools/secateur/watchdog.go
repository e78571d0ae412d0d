package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/secateur/secateur/tools/secateur/service"
)

// watchdog is a service whose signs of life are its pieces of work, and the rests that the governor orders.
type watchdog struct {
	*service.Service
	resting atomic.Bool // the governor has the work paused
}

// newWatchdog says that the service is ready. Until ctx ends a rest that the governor ordered is no standstill.
func newWatchdog(ctx context.Context) *watchdog {
	w := &watchdog{Service: service.Start()}
	if w.Every > 0 {
		go w.guardRests(ctx)
	}
	return w
}

// around is a pace (kernels.Pool.Pace) that feeds with every piece of work. None given: all threads.
func (w *watchdog) around(pace func() int) func() int {
	return func() int {
		w.Feed()
		if pace == nil {
			return 0
		}
		w.resting.Store(true)
		defer w.resting.Store(false)
		return pace()
	}
}

func (w *watchdog) guardRests(ctx context.Context) {
	for t := time.NewTicker(w.Every); ctx.Err() == nil; {
		select {
		case <-ctx.Done():
			t.Stop()
		case <-t.C:
			if w.resting.Load() {
				w.Feed()
			}
		}
	}
}
