package line

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNotify: systemd hears READY, then WATCHDOG with a status while there is progress, none while there is none, and
// STOPPING.
func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "40000")
	clock := &virtual{}
	l := &Line{Now: clock.now, Models: Fixed(&Loaded{Model: says("good", 1)})}
	l.Init(1, 0, false)
	ctx, cancel := context.WithCancel(context.Background())
	end := make(chan bool)
	go func() { l.Supervise(ctx, nil); close(end) }()
	hear := func(wait time.Duration) string {
		b := make([]byte, 4096)
		c.SetReadDeadline(time.Now().Add(wait))
		n, _ := c.Read(b)
		return string(b[:n])
	}
	if got := hear(10 * time.Second); got != "READY=1" {
		t.Errorf("first %q", got)
	}
	l.pulse.works()
	if got := hear(10 * time.Second); !strings.HasPrefix(got, "WATCHDOG=1") {
		t.Errorf("progress: %q", got)
	}
	status, read := strings.CutPrefix(hear(10*time.Second), "STATUS=")
	if s, ok := ParseStatus(status); !read || !ok || s.Parts != 0 {
		t.Errorf("status %q", status)
	}
	if got := hear(300 * time.Millisecond); got != "" {
		t.Errorf("no progress, and %q", got)
	}
	cancel()
	if got := hear(10 * time.Second); got != "STOPPING=1" {
		t.Errorf("last %q", got)
	}
	<-end
}
