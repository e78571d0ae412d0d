package camera

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// The pauses between two attempts to open a source again.
const (
	firstPause = 500 * time.Millisecond
	lastPause  = 30 * time.Second
)

// stallLimit is how long a source may give nothing: three frames, but time enough to start and for
// a long exposure.
func (s Spec) stallLimit() time.Duration {
	switch {
	case s.Stall > 0:
		return s.Stall
	case s.FPS <= 0:
		return 10 * time.Second
	}
	return max(time.Duration(3/s.FPS*float64(time.Second)), 5*time.Second)
}

// Supervised opens a source again when it fails: an unplugged camera that comes back, a child that
// ended, a connection that broke. A source that ends (io.EOF) ends for good.
type Supervised struct {
	open     func(context.Context) (Source, error)
	log      func(error)
	src      Source
	pause    time.Duration
	broken   bool
	Restarts int
	base     uint64 // frames before the newest opening
	last     uint64
}

// Supervise opens a source and looks after it. An error of the first opening is returned: only what
// has worked once is waited for. log is told of each failure.
func Supervise(ctx context.Context, open func(context.Context) (Source, error), log func(error)) (*Supervised, error) {
	s := &Supervised{open: open, log: log, pause: firstPause}
	var err error
	s.src, err = open(ctx)
	return s, err
}

// Next is a Source's. It returns an error only when ctx or the source ends.
func (s *Supervised) Next(ctx context.Context, f *Frame) error {
	for {
		if s.src == nil {
			if err := s.reopen(ctx); err != nil {
				return err
			}
		}
		err := s.src.Next(ctx, f)
		if err == nil {
			s.number(f)
			return nil
		}
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return err
		}
		s.lose(err)
	}
}

// number lets frames be counted on over a reopening.
func (s *Supervised) number(f *Frame) {
	s.pause = firstPause
	if s.broken {
		f.Reopened, s.broken, s.base = true, false, s.last+1
		if f.Sequence < s.base {
			s.base -= f.Sequence
		}
	}
	f.Sequence += s.base
	s.last = f.Sequence
}

func (s *Supervised) lose(err error) {
	s.log(err)
	s.src.Close()
	s.src, s.broken = nil, true
	s.Restarts++
}

// reopen waits and tries until it works.
func (s *Supervised) reopen(ctx context.Context) error {
	for {
		t := time.NewTimer(s.pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
		s.pause = min(2*s.pause, lastPause)
		src, err := s.open(ctx)
		if err == nil {
			s.src = src
			return nil
		}
		s.log(fmt.Errorf("open again: %w", err))
	}
}

// Source is the open source, nil while it is lost.
func (s *Supervised) Source() Source { return s.src }

// Close gives the camera back.
func (s *Supervised) Close() error {
	if s.src == nil {
		return nil
	}
	return s.src.Close()
}
