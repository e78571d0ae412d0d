package gpio

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/secateur/secateur/device/clock"
	"github.com/secateur/secateur/device/gpio/gpiosim"
	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/gpio"
)

// Tests named TestVM run in the machine of tools/vm, against the kernel's gpio-sim.

func input(t *testing.T, ref string, edge gpio.Edge, change func(*Pin)) *Pin {
	t.Helper()
	chips, err := Chips("/")
	if err != nil {
		t.Fatal(err)
	}
	l, err := Find(chips, ref)
	if err != nil {
		t.Fatal(err)
	}
	p := NewPin(l)
	if change != nil {
		change(p)
	}
	if err := p.In(gpio.PullNoChange, edge); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Halt() })
	return p
}

func TestVMChipIsFoundByLabelAndName(t *testing.T) {
	gpiosim.New(t)
	chips, err := Chips("/")
	if err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]int{"GPIO17": 0, gpiosim.Label + ":GPIO27": 1, gpiosim.Label + ":5": 5} {
		if l, err := Find(chips, ref); err != nil || l.Offset != want || l.Label != gpiosim.Label {
			t.Errorf("%s is %+v, %v; want line %d of %s", ref, l, err, want, gpiosim.Label)
		}
	}
	i := slices.IndexFunc(chips, func(c Chip) bool { return c.Label == gpiosim.Label })
	if n := len(chips[i].Lines); n != 8 {
		t.Errorf("%d lines, want 8", n)
	}
}

func TestVMLevels(t *testing.T) {
	chip := gpiosim.New(t)
	p := input(t, "GPIO17", gpio.NoEdge, nil)
	for _, high := range []bool{true, false, true} {
		chip.Pull(0, high)
		if l, err := p.Level(); err != nil || bool(l) != high {
			t.Errorf("pulled %t, reads %v, %v", high, l, err)
		}
	}
	out := NewPin(p.Line)
	if err := out.Out(gpio.High); !errors.Is(err, unix.EBUSY) {
		t.Errorf("a line in use is requested: %v", err)
	}
	out.Line.Name, out.Line.Offset = "GPIO27", 1
	for _, l := range []gpio.Level{gpio.High, gpio.Low, gpio.High} {
		if err := out.Out(l); err != nil {
			t.Fatal(err)
		}
		if got := chip.High(1); got != bool(l) {
			t.Errorf("set %v, the line is high: %t", l, got)
		}
	}
	if err := out.Halt(); err != nil {
		t.Error(err)
	}
}

// Edges come in order with the kernel's number and a time between the clock before and after.
func TestVMEdges(t *testing.T) {
	chip := gpiosim.New(t)
	chip.Pull(0, false)
	p := input(t, "GPIO17", gpio.BothEdges, nil)
	last := clock.Now()
	for i := range 50 {
		high := i%2 == 0
		chip.Pull(0, high)
		e, err := p.Next(t.Context())
		if err != nil || e.Rising != high || e.Number != uint64(i+1) || e.Lost != 0 || e.Time < last || e.Time > clock.Now() || !e.Stamped {
			t.Fatalf("edge %d is %+v, %v; rising %t is wanted, between %v and %v", i+1, e, err, high, last, clock.Now())
		}
		last = e.Time
	}
	if p.WaitForEdge(20 * time.Millisecond) {
		t.Error("an edge that nobody made")
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		chip.Pull(0, true)
	}()
	if !p.WaitForEdge(-1) {
		t.Error("a wait without end ends")
	}
}

// A stalled reader is told of every loss, and a larger buffer loses none. What the line had in all
// is told by the newest number: gpio-sim itself merges edges that come too fast for the machine.
func TestVMLostEdges(t *testing.T) {
	chip := gpiosim.New(t)
	for _, buffer := range []int{16, 256} {
		chip.Pull(0, false)
		p := input(t, "GPIO17", gpio.BothEdges, func(p *Pin) { p.Buffer = buffer })
		for i := range 100 {
			chip.Pull(0, i%2 == 0)
			time.Sleep(2 * time.Millisecond)
		}
		seen, number := uint64(0), uint64(0)
		for {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			e, err := p.Next(ctx)
			cancel()
			if err != nil {
				break
			}
			seen, number = seen+1, e.Number
		}
		t.Logf("buffer of %d: %d edges seen, %d reported lost", buffer, seen, p.Lost())
		if seen+p.Lost() != number || number < 80 || number > 100 {
			t.Errorf("buffer of %d: %d edges seen and %d reported lost of %d", buffer, seen, p.Lost(), number)
		}
		if lost := p.Lost() > 0; lost != (buffer < 80) {
			t.Errorf("buffer of %d: %d reported lost", buffer, p.Lost())
		}
		p.Halt()
	}
}

// Bounces within the debounce time are one edge.
func TestVMDebounce(t *testing.T) {
	chip := gpiosim.New(t)
	chip.Pull(0, false)
	p := input(t, "GPIO17", gpio.BothEdges, func(p *Pin) { p.Debounce = 200 * time.Millisecond })
	for i := range 11 {
		chip.Pull(0, i%2 == 0)
		time.Sleep(2 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	e, err := p.Next(ctx)
	if err != nil || !e.Rising || e.Number != 1 {
		t.Fatalf("11 bounces to high: %+v, %v; want one rising edge", e, err)
	}
	if p.WaitForEdge(500 * time.Millisecond) {
		t.Error("a second edge of one press")
	}
}

// From the edge to the reject pulse through the kernel: the line that is read back goes up after the
// delay, not before, and down again.
func TestVMTriggerToReject(t *testing.T) {
	chip := gpiosim.New(t)
	chip.Pull(0, false)
	trigger := input(t, "GPIO17", gpio.RisingEdge, nil)
	out := NewPin(Line{Path: trigger.Line.Path, Label: gpiosim.Label, Offset: 1, Name: "GPIO27"})
	r, err := NewRejector(out, RejectOptions{Delay: 300 * time.Millisecond, Pulse: 300 * time.Millisecond, Parts: 4}, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	defer out.Halt()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	chip.Pull(0, true)
	e, err := trigger.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id, err := r.Trigger(e)
	if err == nil {
		err = r.Decide(id, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	up := until(t, chip, true)
	down := until(t, chip, false)
	t.Logf("pulse from %v to %v after the edge", up-e.Time, down-e.Time)
	if up-e.Time < 300*time.Millisecond || down-e.Time < 590*time.Millisecond {
		t.Errorf("pulse from %v to %v after the edge, want it from 300ms to 600ms", up-e.Time, down-e.Time)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// until is when line 1 was first seen at a level.
func until(t *testing.T, chip *gpiosim.Chip, want bool) time.Duration {
	t.Helper()
	for range 10_000 {
		if chip.High(1) == want {
			return clock.Now()
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("the line does not become high: %t", want)
	return 0
}
