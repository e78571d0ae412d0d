package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secateur/secateur/device/clock"
	"github.com/secateur/secateur/device/gpio/gpiosim"
	"github.com/secateur/secateur/tools/secateur/line"
)

// Lines of the chip, by their offset.
const (
	simTrigger = iota
	simReject
	simLamp
)

// TestVMRun is the line as a whole in the machine of tools/vm: an edge of the kernel's GPIO chip, a picture of its camera, a
// model's verdict, and the reject output that goes high after the delay, once a part, and never for parts that pass.
func TestVMRun(t *testing.T) {
	chip := gpiosim.New(t)
	for _, c := range []struct {
		name    string
		classes []string
		pulses  int
	}{{"all are rejected", lineClasses, vmParts}, {"all pass", nil, 0}} {
		t.Run(c.name, func(t *testing.T) { runParts(t, chip, c.classes, c.pulses) })
	}
}

// An emulated machine on a busy one needs seconds for a verdict.
const (
	vmParts = 5
	vmDelay = 5 * time.Second
)

func runParts(t *testing.T, chip *gpiosim.Chip, classes []string, want int) {
	chip.Pull(simTrigger, false)
	config := vmConfig(t, classes)
	ended := make(chan outcome, 1)
	go func() {
		ended <- secateur(t.Context(), "run", "--config", config, "--model", filepath.Join(fixtures(), "line.secateur"), "--frames", fmt.Sprint(vmParts), "--json")
	}()
	for !chip.High(simLamp) { // it judges
		select {
		case o := <-ended:
			t.Fatalf("%+v", o)
		default:
			time.Sleep(20 * time.Millisecond)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	seen := make(chan []time.Duration)
	go func() { seen <- rises(ctx, chip) }()
	var edges []time.Duration
	for range vmParts {
		edges = append(edges, clock.Now())
		chip.Pull(simTrigger, true)
		time.Sleep(300 * time.Millisecond)
		chip.Pull(simTrigger, false)
		time.Sleep(300 * time.Millisecond)
	}
	time.Sleep(vmDelay)
	stop()
	pulses := <-seen
	o := <-ended
	s := vmSummary(t, o)
	t.Logf("%d parts, %d pulses; latency %.0f ms, p99 %.0f", s.Parts, len(pulses), s.P50, s.P99)
	if s.Parts != vmParts || s.Judged != vmParts || s.Rejected != uint64(want) || len(pulses) != want {
		t.Fatalf("%+v and %d pulses, want %d; %s", s, len(pulses), want, o.stdout)
	}
	for i, at := range pulses {
		if after := at - edges[i]; after < vmDelay || after > vmDelay+3*time.Second {
			t.Errorf("part %d: the reject output is high %v after the edge, want %v", i+1, after, vmDelay)
		}
	}
	if chip.High(simLamp) || chip.High(simReject) {
		t.Error("an output is high after the end")
	}
}

// rises is when the reject output was first seen high of each pulse.
func rises(ctx context.Context, chip *gpiosim.Chip) (list []time.Duration) {
	for before := false; ctx.Err() == nil; time.Sleep(2 * time.Millisecond) {
		high := chip.High(simReject)
		if high && !before {
			list = append(list, clock.Now())
		}
		before = high
	}
	return list
}

// vmConfig is a configuration with the machine's camera, under a name that udev would give it.
func vmConfig(t *testing.T, classes []string) string {
	t.Helper()
	const link = "/dev/v4l/by-id/vivid"
	must(os.MkdirAll(filepath.Dir(link), 0o755))
	if _, err := os.Lstat(link); err != nil {
		must(os.Symlink("/dev/video0", link))
	}
	path := filepath.Join(t.TempDir(), "config.toml")
	list, err := json.Marshal(append([]string{}, classes...))
	must(err)
	must(os.WriteFile(path, fmt.Appendf(nil, `[camera]
device = %q
width = 320
height = 180
lock = false
[trigger]
source = "gpio"
line = "GPIO17"
[reject]
line = "GPIO27"
delay = %q
pulse = "150ms"
classes = %s
[signals]
lamp = "GPIO22"
[run]
latency = "4800ms"
doubtful = "as-judged"
[metrics]
listen = ""
[retention]
dir = %q
reserve = "0B"
`, link, vmDelay, list, t.TempDir()), 0o644))
	return path
}

func vmSummary(t *testing.T, o outcome) line.Summary {
	t.Helper()
	all := lines(o.stdout)
	var e line.Event
	if err := json.Unmarshal([]byte(all[len(all)-1]), &e); err != nil || o.code != 0 || e.Summary == nil || strings.Contains(o.stdout, `"alarm"`) {
		t.Fatalf("exit %d, %v: %s%s", o.code, err, o.stdout, o.stderr)
	}
	return *e.Summary
}
