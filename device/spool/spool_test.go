package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func open(t *testing.T) *Spool {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func submit(t *testing.T, s *Spool) uint64 {
	t.Helper()
	j, err := s.Submit("anna", map[string]string{"set": "a"})
	if err != nil {
		t.Fatal(err)
	}
	return j.Number
}

func wantState(t *testing.T, s *Spool, n uint64, want string) *Status {
	t.Helper()
	st, err := s.Status(n)
	if err != nil || st.State != want {
		t.Fatalf("job %d: %+v, %v; want %s", n, st, err, want)
	}
	return st
}

// TestOneWinner: of forty at once one gets the job, five times over.
func TestOneWinner(t *testing.T) {
	s := open(t)
	for burst := range 5 {
		var won, busy atomic.Int64
		var clients sync.WaitGroup
		for range 40 {
			clients.Go(func() {
				switch _, err := s.Submit("k", nil); {
				case err == nil:
					won.Add(1)
				case errors.Is(err, ErrBusy):
					busy.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		clients.Wait()
		if won.Load() != 1 || busy.Load() != 39 {
			t.Fatalf("burst %d: %d winners, %d busy", burst, won.Load(), busy.Load())
		}
		if did, err := s.Run(context.Background(), func(context.Context, Job, io.Writer) Done { return Done{} }); !did || err != nil {
			t.Fatal(did, err)
		}
	}
}

func TestLifeOfAJob(t *testing.T) {
	s := open(t)
	n := submit(t, s)
	wantState(t, s, n, "pending")
	did, err := s.Run(context.Background(), func(_ context.Context, j Job, log io.Writer) Done {
		wantState(t, s, n, "running")
		if j.By != "anna" || j.Values["set"] != "a" {
			t.Errorf("job %+v", j)
		}
		fmt.Fprintln(log, "one")
		return Done{Code: 6, Line: "refused"}
	})
	if !did || err != nil {
		t.Fatal(did, err)
	}
	if st := wantState(t, s, n, "done"); st.Done.Code != 6 || st.Done.Line != "refused" {
		t.Errorf("done %+v", st.Done)
	}
	if did, err := s.Run(context.Background(), nil); did || err != nil {
		t.Errorf("nothing is left to do, but %v, %v", did, err)
	}
	if err := s.Cancel(n); err == nil {
		t.Error("an ended job was cancelled")
	}
	if _, err := s.Status(99); err == nil {
		t.Error("there is no job 99")
	}
}

// TestCutOffGoesOn: a worker that is stopped leaves the job to the next one, which sees the log so far.
func TestCutOffGoesOn(t *testing.T) {
	s := open(t)
	n := submit(t, s)
	ctx, stop := context.WithCancel(context.Background())
	_, err := s.Run(ctx, func(ctx context.Context, _ Job, log io.Writer) Done {
		fmt.Fprintln(log, "first")
		stop()
		<-ctx.Done()
		return Done{Code: 1}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	wantState(t, s, n, "pending")
	if _, err := s.Submit("other", nil); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v, want ErrBusy", err)
	}
	if did, err := s.Run(context.Background(), func(_ context.Context, _ Job, log io.Writer) Done {
		fmt.Fprintln(log, "second")
		return Done{}
	}); !did || err != nil {
		t.Fatal(did, err)
	}
	var log bytes.Buffer
	if done, err := s.Follow(context.Background(), n, false, &log); err != nil || done == nil || log.String() != "first\nsecond\n" {
		t.Errorf("%+v, %v, %q", done, err, log.String())
	}
}

func TestCancel(t *testing.T) {
	s := open(t)
	n := submit(t, s)
	_, err := s.Run(context.Background(), func(ctx context.Context, _ Job, _ io.Writer) Done {
		if err := s.Cancel(n); err != nil {
			t.Error(err)
		}
		<-ctx.Done()
		return Done{Code: 1}
	})
	if st := wantState(t, s, n, "done"); err != nil || st.Done.Code != 130 {
		t.Errorf("%+v, %v", st.Done, err)
	}
}

// TestFollow: who follows sees the log as it grows and ends with the job; two at once see the same.
func TestFollow(t *testing.T) {
	s := open(t)
	n := submit(t, s)
	var watchers sync.WaitGroup
	for range 2 {
		watchers.Go(func() {
			var log bytes.Buffer
			done, err := s.Follow(context.Background(), n, true, &log)
			if err != nil || done == nil || done.Line != "end" || strings.Count(log.String(), "\n") != 20 {
				t.Errorf("%+v, %v, %q", done, err, log.String())
			}
		})
	}
	s.Run(context.Background(), func(_ context.Context, _ Job, log io.Writer) Done {
		for i := range 20 {
			fmt.Fprintln(log, i)
			time.Sleep(5 * time.Millisecond)
		}
		return Done{Line: "end"}
	})
	watchers.Wait()
}

func TestOldJobsAreForgotten(t *testing.T) {
	s := open(t)
	for range kept + 5 {
		submit(t, s)
		s.Run(context.Background(), func(context.Context, Job, io.Writer) Done { return Done{} })
	}
	jobs, err := s.numbers()
	if err != nil || len(jobs) > kept+1 || jobs[len(jobs)-1] != kept+5 {
		t.Errorf("%d jobs, newest %d, %v", len(jobs), jobs[len(jobs)-1], err)
	}
}
