package line

import (
	"context"
	"fmt"
	"time"

	"github.com/secateur/secateur/tools/secateur/service"
)

// beatEvery is the pace of the heartbeat where systemd's watchdog asks for none quicker.
const beatEvery = time.Second

// Supervise tells systemd that the line is ready, what it does, and that it is alive: as long as Alive says so, and not by a
// timer alone. beat is called at the same pace while it lives.
func (l *Line) Supervise(ctx context.Context, beat func()) {
	s := service.Start()
	defer s.Stop()
	every := beatEvery
	if s.Every > 0 {
		every = min(every, s.Every)
	}
	for t := time.NewTicker(every); ; {
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		if !l.Alive() {
			continue
		}
		s.Feed()
		n := l.Stats()
		s.Status(fmt.Sprintf("%s; p99 %.1f ms; model %d", n.status(), n.P99, l.Models.Current()))
		if beat != nil {
			beat()
		}
	}
}
