package gpio

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// With a live reader each of 100,000 edges arrives once, in order, with its time.
func TestEveryEdgeIsAccountedFor(t *testing.T) {
	const n = 100_000
	line := newSimLine(defaultBuffer)
	ev := &events{from: line}
	go func() {
		for i := range n {
			for { // as a line whose reader keeps up: never more than fit
				line.mu.Lock()
				room := len(line.queue) < line.capacity
				line.mu.Unlock()
				if room {
					break
				}
				time.Sleep(10 * time.Microsecond)
			}
			line.edge(time.Duration(i+1)*time.Millisecond, i%2 == 0)
		}
	}()
	for i := range uint64(n) {
		e, err := ev.Next(t.Context())
		want := Edge{Time: time.Duration(i+1) * time.Millisecond, Stamped: true, Rising: i%2 == 0, Number: i + 1}
		if err != nil || e != want {
			t.Fatalf("edge %d is %+v, %v; want %+v", i+1, e, err, want)
		}
	}
}

// A reader that stalls at random loses edges and is told of every one: seen and lost add up, and
// lost is what the simulated kernel dropped.
func TestStalledReaderHearsOfEveryLoss(t *testing.T) {
	const n = 100_000
	line := newSimLine(16)
	ev := &events{from: line}
	rng := rand.New(rand.NewPCG(1, 2))
	sent, seen, lost := uint64(0), uint64(0), uint64(0)
	for sent < n {
		burst := min(rng.Uint64N(60), n-sent)
		for range burst {
			sent++
			line.edge(time.Duration(sent), true)
		}
		for range min(rng.Uint64N(30), uint64(len(line.queue))+uint64(len(ev.have)/eventBytes)) {
			e, err := ev.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seen, lost = seen+1, lost+e.Lost
			if e.Number != uint64(e.Time) || e.Number != seen+lost {
				t.Fatalf("edge stamped %d says it is number %d, %d lost before; seen %d, lost %d in all", e.Time, e.Number, e.Lost, seen, lost)
			}
		}
	}
	for len(line.queue) > 0 || len(ev.have) >= eventBytes {
		e, err := ev.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen, lost = seen+1, lost+e.Lost
	}
	if seen+lost != n || lost != line.dropped || lost == 0 {
		t.Errorf("%d edges seen and %d reported lost of %d; the line dropped %d", seen, lost, n, line.dropped)
	}
}

// The kernel's number has 32 bits and begins again at 0.
func TestNumberWraps(t *testing.T) {
	line := newSimLine(4)
	line.seq = 1<<32 - 2
	ev := &events{from: line, number: 1<<32 - 2}
	for i := range 3 {
		line.edge(time.Duration(i), true)
	}
	for i := range uint64(3) {
		e, err := ev.Next(t.Context())
		if want := uint64(1<<32 - 1 + i); err != nil || e.Number != want || e.Lost != 0 {
			t.Errorf("edge %d is number %d, %d lost, %v; want %d, 0 lost", i, e.Number, e.Lost, err, want)
		}
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	line := newSimLine(4)
	ev := &events{from: line}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	_, err := ev.Next(ctx)
	cancel()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the context's end", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	ev.Next(ctx)
	line.edge(1, true)
	if e, err := ev.Next(t.Context()); err != nil || e.Number != 1 {
		t.Errorf("after an ended wait: %+v, %v; want edge 1", e, err)
	}
}

func TestBrokenEventsAreRefused(t *testing.T) {
	line := newSimLine(4)
	line.Close()
	if _, err := (&events{from: line}).Next(t.Context()); err == nil {
		t.Error("a closed line gives edges")
	}
}
