// Package service is what a service of the box tells systemd (sd_notify): that it is ready, what it does, that its work goes
// on, and that it ends. Where systemd did not start the program nobody is told.
// Source: https://www.freedesktop.org/software/systemd/man/sd_notify.html
package service

import (
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Service is this program as systemd sees it.
type Service struct {
	Every time.Duration // between two signs of life; 0: systemd's watchdog asks for none
	next  atomic.Int64  // UnixNano
}

// Start says that the service is ready. Signs of life are wanted four times as often as the watchdog bites.
func Start() *Service {
	s := &Service{}
	if limit, err := daemon.SdWatchdogEnabled(false); err == nil {
		s.Every = limit / 4
	}
	daemon.SdNotify(false, daemon.SdNotifyReady)
	return s
}

// Status is the line of systemctl status.
func (s *Service) Status(line string) { daemon.SdNotify(false, "STATUS="+line) }

// Feed says that a piece of work is done; only now and then is it said on.
func (s *Service) Feed() {
	now := time.Now().UnixNano()
	if next := s.next.Load(); s.Every > 0 && now >= next && s.next.CompareAndSwap(next, now+int64(s.Every)) {
		daemon.SdNotify(false, daemon.SdNotifyWatchdog)
	}
}

// Stop says that the service ends.
func (s *Service) Stop() { daemon.SdNotify(false, daemon.SdNotifyStopping) }
