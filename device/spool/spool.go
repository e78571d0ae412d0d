// Package spool hands jobs from those who ask to the one that works: a request is a file, written durably, and a
// service that watches the folder starts the work, so that the job outlives who asked for it (reference: device §5.3).
//
//	NNNNNN.job     the request; from here on the job exists
//	NNNNNN.log     what the worker says, a line at a time
//	NNNNNN.cancel  somebody wants it to end
//	NNNNNN.done    how it ended; a job without it is pending, running, or was cut off and is to go on
package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/secateur/secateur/device/durable"
	"golang.org/x/sys/unix"
)

// ErrBusy says that there is an unfinished job already.
var ErrBusy = errors.New("another job is pending or running")

// Spool is a folder of jobs. At most one of them is unfinished.
type Spool struct{ dir string }

// Job is a request with its number.
type Job struct {
	Number uint64            `json:"number"`
	By     string            `json:"by"` // the key
	Time   time.Time         `json:"time"`
	Values map[string]string `json:"values"`
}

// Done is how a job ended.
type Done struct {
	Code   int             `json:"code"`
	Line   string          `json:"line"` // for people
	Report json.RawMessage `json:"report,omitempty"`
}

// Status is a job and where it stands.
type Status struct {
	Job
	State string `json:"state"` // pending, running, done
	Done  *Done  `json:"done,omitempty"`
}

// Open uses the folder, which is made if it is not there.
func Open(dir string) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o775); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return &Spool{dir}, nil
}

// Submit makes a job, unless one is unfinished: then it is ErrBusy. Of several at the same moment one succeeds.
func (s *Spool) Submit(by string, values map[string]string) (*Job, error) {
	unlock, err := s.lock(".submit", unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer unlock()
	jobs, err := s.numbers()
	if err != nil {
		return nil, err
	}
	last := uint64(0)
	for _, n := range jobs {
		if last = max(last, n); !s.has(n, ".done") {
			return nil, fmt.Errorf("job %d: %w", n, ErrBusy)
		}
	}
	j := &Job{Number: last + 1, By: by, Time: time.Now().UTC().Truncate(time.Second), Values: values}
	if err := s.writeJSON(j.Number, ".job", j); err != nil {
		return nil, err
	}
	return j, s.forget(jobs)
}

// kept is how many finished jobs stay.
const kept = 50

// forget removes all but the newest finished jobs.
func (s *Spool) forget(jobs []uint64) error {
	for _, n := range jobs[:max(0, len(jobs)-kept)] {
		for _, suffix := range []string{".cancel", ".log", ".job", ".done"} {
			if err := os.Remove(s.path(n, suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("spool: %w", err)
			}
		}
	}
	return nil
}

// Status is where job n stands.
func (s *Spool) Status(n uint64) (*Status, error) {
	st := &Status{State: "pending"}
	if err := s.readJSON(n, ".job", &st.Job); err != nil {
		return nil, err
	}
	if s.has(n, ".done") {
		st.State, st.Done = "done", &Done{}
		return st, s.readJSON(n, ".done", st.Done)
	}
	if unlock, err := s.lock(".work", unix.LOCK_SH|unix.LOCK_NB); err == nil {
		unlock()
	} else {
		st.State = "running"
	}
	return st, nil
}

// Newest is the number of the newest job, 0 for none.
func (s *Spool) Newest() (uint64, error) {
	jobs, err := s.numbers()
	if err != nil || len(jobs) == 0 {
		return 0, err
	}
	return jobs[len(jobs)-1], nil
}

// Cancel asks the worker of job n to end it.
func (s *Spool) Cancel(n uint64) error {
	st, err := s.Status(n)
	switch {
	case err != nil:
		return err
	case st.State == "done":
		return fmt.Errorf("job %d has ended already: %s", n, st.Done.Line)
	}
	return durable.Write(s.path(n, ".cancel"), nil)
}

func (s *Spool) path(n uint64, suffix string) string {
	return filepath.Join(s.dir, fmt.Sprintf("%06d%s", n, suffix))
}

func (s *Spool) has(n uint64, suffix string) bool {
	_, err := os.Stat(s.path(n, suffix))
	return err == nil
}

// numbers are those of all jobs, oldest first.
func (s *Spool) numbers() (list []uint64, err error) {
	names, err := filepath.Glob(filepath.Join(s.dir, "[0-9]*.job"))
	for _, name := range names {
		var n uint64
		if _, err := fmt.Sscanf(filepath.Base(name), "%d.job", &n); err == nil {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list, err
}

func (s *Spool) writeJSON(n uint64, suffix string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return durable.Write(s.path(n, suffix), append(b, '\n'))
}

func (s *Spool) readJSON(n uint64, suffix string, v any) error {
	b, err := os.ReadFile(s.path(n, suffix))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no job %d", n)
	}
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return fmt.Errorf("job %d: %w", n, err)
	}
	return nil
}

// lock holds a file of the folder locked until unlock, or until the process ends.
func (s *Spool) lock(name string, how int) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_CREATE|os.O_RDONLY, 0o664) // another account of the group may only read it
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), how); err != nil {
		f.Close()
		return nil, fmt.Errorf("spool: lock %s: %w", name, err)
	}
	return func() { f.Close() }, nil
}
