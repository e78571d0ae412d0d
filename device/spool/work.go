package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/secateur/secateur/device/clock"
	"golang.org/x/sys/unix"
)

// Work does a job: it says what it does on log, and ends when ctx does. It is called again with the same job when the
// worker was cut off before its end.
type Work func(ctx context.Context, j Job, log io.Writer) Done

// Run does the unfinished job, if there is one and no other worker is at it, and reports whether it did. The job is
// cancelled by its cancel file. When ctx ends first the job stays unfinished, to go on later.
func (s *Spool) Run(ctx context.Context, work Work) (bool, error) {
	unlock, err := s.lock(".work", unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unlock()
	j, err := s.unfinished()
	if j == nil || err != nil {
		return false, err
	}
	log, err := os.OpenFile(s.path(j.Number, ".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o664)
	if err != nil {
		return false, fmt.Errorf("spool: %w", err)
	}
	defer log.Close()
	watched, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go s.watch(watched, j.Number, cancel)
	done := work(watched, *j, log)
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	if context.Cause(watched) == errCancelled {
		done = Done{Code: codeCancelled, Line: "cancelled"}
	}
	return true, s.writeJSON(j.Number, ".done", done)
}

var errCancelled = errors.New("cancelled")

const codeCancelled = 130

// poll is how often files are looked at. The folder may lie on a file system that tells no changes.
const poll = 100 * time.Millisecond

// watch cancels when the cancel file of job n appears.
func (s *Spool) watch(ctx context.Context, n uint64, cancel context.CancelCauseFunc) {
	for ; ctx.Err() == nil; time.Sleep(poll) {
		if s.has(n, ".cancel") {
			cancel(errCancelled)
		}
	}
}

func (s *Spool) unfinished() (*Job, error) {
	jobs, err := s.numbers()
	for _, n := range jobs {
		if s.has(n, ".done") {
			continue
		}
		j := &Job{}
		return j, s.readJSON(n, ".job", j)
	}
	return nil, err
}

// Follow copies the log of job n to w, as it grows if follow, and returns how the job ended: nil where it has not, and
// follow is false.
func (s *Spool) Follow(ctx context.Context, n uint64, follow bool, w io.Writer) (*Done, error) {
	at := int64(0)
	for {
		st, err := s.Status(n) // before the log is read: what is done has said all
		if err != nil {
			return nil, err
		}
		if at, err = s.copyLog(n, at, w); err != nil {
			return nil, err
		}
		if st.Done != nil || !follow {
			return st.Done, nil
		}
		if err := clock.Sleep(ctx, poll); err != nil {
			return nil, err
		}
	}
}

// copyLog writes what a log has from an offset on, and returns its end.
func (s *Spool) copyLog(n uint64, at int64, w io.Writer) (int64, error) {
	f, err := os.Open(s.path(n, ".log"))
	if errors.Is(err, os.ErrNotExist) {
		return at, nil
	}
	if err != nil {
		return at, err
	}
	defer f.Close()
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return at, err
	}
	k, err := io.Copy(w, f)
	return at + k, err
}
