package line

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Supervise tells systemd, where it asks, that the line is ready, what it does, and that it is alive: as long as Alive
// says so, and not by a timer alone. beat is called at the same pace while it lives.
func (l *Line) Supervise(ctx context.Context, beat func()) error {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("watchdog: %w", err)
	}
	if every == 0 || every > 2*time.Second {
		every = 2 * time.Second
	}
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	t := time.NewTicker(every / 2)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			_, err := daemon.SdNotify(false, daemon.SdNotifyStopping)
			return err
		case <-t.C:
		}
		if !l.Alive() {
			continue
		}
		s := l.Stats()
		if _, err := daemon.SdNotify(false, fmt.Sprintf("%s\nSTATUS=%s; p99 %.1f ms; model %d", daemon.SdNotifyWatchdog, s.status(), s.P99, l.Models.Current())); err != nil {
			return fmt.Errorf("tell systemd: %w", err)
		}
		if beat != nil {
			beat()
		}
	}
}
