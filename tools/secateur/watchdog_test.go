package main

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWatchdog listens where systemd would: work feeds, standstill does not, a rest that is ordered does.
func TestWatchdog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "1200000")
	within := func(wait time.Duration) string {
		b := make([]byte, 4096)
		systemd.SetReadDeadline(time.Now().Add(wait))
		n, _ := systemd.Read(b)
		return string(b[:n])
	}
	heard := func() string { return within(10 * time.Second) }
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	w := newWatchdog(ctx)
	if s := heard(); s != "READY=1" {
		t.Errorf("at the start %q", s)
	}
	if s := within(400 * time.Millisecond); s != "" {
		t.Errorf("without work %q", s)
	}
	w.Status("job 1")
	if s := heard(); s != "STATUS=job 1" {
		t.Errorf("status %q", s)
	}
	w.around(nil)()
	w.around(nil)()
	if s := heard() + within(50*time.Millisecond); s != "WATCHDOG=1" {
		t.Errorf("after two pieces of work at once %q", s)
	}
	release, done := make(chan int), make(chan int)
	go func() { done <- w.around(func() int { return <-release })() }()
	if s := heard() + heard() + heard(); strings.Count(s, "WATCHDOG=1") != 3 {
		t.Errorf("in a rest %q", s)
	}
	release <- 2
	if n := <-done; n != 2 {
		t.Errorf("%d threads, want 2", n)
	}
}
