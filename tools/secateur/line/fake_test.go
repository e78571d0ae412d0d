package line

import (
	"context"
	"image"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/secateur/secateur/core/eval"
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/zoo"
	"github.com/secateur/secateur/device/camera"
	"github.com/secateur/secateur/kernels"
)

// virtual is a clock that tests move.
type virtual struct {
	mu sync.Mutex
	t  time.Duration
}

func (v *virtual) now() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.t
}

func (v *virtual) add(d time.Duration) {
	v.mu.Lock()
	v.t += d
	v.mu.Unlock()
}

// told gathers events.
type told struct {
	mu  sync.Mutex
	all []Event
}

func (l *told) event(e Event) {
	l.mu.Lock()
	l.all = append(l.all, e)
	l.mu.Unlock()
}

func (l *told) of(kind string) (some []Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.all {
		if e.Event == kind {
			some = append(some, e)
		}
	}
	return some
}

// judge is a model that takes time and says what the test wants.
type judge func(m image.Image) (*eval.Prediction, error)

func (j judge) Image(_ string, m image.Image) (*eval.Prediction, error) { return j(m) }

func says(class string, score float64) judge {
	return func(image.Image) (*eval.Prediction, error) {
		return &eval.Prediction{Class: class, Score: score, Scores: map[string]float64{class: score, "other": 1 - score}}, nil
	}
}

// source gives n grey frames, each with its number in its first pixel, at times that at says.
type source struct {
	n    int
	at   func(i int) time.Duration
	i    int
	then error // in the end; nil: io.EOF
}

func (s *source) Next(ctx context.Context, f *camera.Frame) error {
	if s.i == s.n {
		if s.then != nil {
			return s.then
		}
		return io.EOF
	}
	*f = grey(byte(s.i), s.at(s.i), uint64(s.i))
	s.i++
	return ctx.Err()
}

func (s *source) Close() error { return nil }

const side = 16

func grey(v byte, at time.Duration, n uint64) camera.Frame {
	pix := make([]byte, side*side)
	for i := range pix {
		pix[i] = v
	}
	return camera.Frame{Format: camera.Format{Pixel: camera.Grey, Width: side, Height: side}, Planes: []camera.Plane{{Pix: pix, Stride: side}}, Sequence: n, Time: at}
}

// balanced checks that every part is accounted for, by the counts and by the events.
func balanced(t *testing.T, s Stats, events []Event) {
	t.Helper()
	if s.Parts != s.Judged+s.Late+s.Lost || s.Waiting != 0 {
		t.Errorf("%d parts, but %d judged, %d late, %d lost, %d waiting", s.Parts, s.Judged, s.Late, s.Lost, s.Waiting)
	}
	if s.Rejected+s.Passed != s.Judged+s.Late {
		t.Errorf("%d rejected and %d passed of %d judged and %d late", s.Rejected, s.Passed, s.Judged, s.Late)
	}
	seen := map[uint64]bool{}
	for _, e := range events {
		n := uint64(0)
		switch e.Event {
		case "part":
			n = 1
		case "lost":
			n = e.Parts
		}
		for i := range n {
			if seen[e.Part+i] {
				t.Fatalf("part %d has two events", e.Part+i)
			}
			seen[e.Part+i] = true
		}
	}
	if uint64(len(seen)) != s.Parts {
		t.Errorf("%d parts have an event, want %d", len(seen), s.Parts)
	}
}

// predictor is a real network, untrained: seed makes it another.
func predictor(t *testing.T, seed uint64) (*eval.Predictor, *graph.Graph) {
	t.Helper()
	set, err := kernels.Default()
	if err != nil {
		t.Fatal(err)
	}
	pool := kernels.NewPool(1)
	t.Cleanup(pool.Close)
	g := zoo.Compact([]string{"good", "scratch", "dent"}, seed)
	p, err := eval.NewPredictor(graph.Env{Kernels: set, Pool: pool}, g)
	if err != nil {
		t.Fatal(err)
	}
	return p, g
}
