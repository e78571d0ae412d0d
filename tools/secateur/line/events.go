package line

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Event is what happened, a JSON object a line. Keys are only ever added.
type Event struct {
	Event  string    `json:"event"` // start, part, lost, alarm, model, camera, done
	Schema int       `json:"schema"`
	Box    string    `json:"box,omitempty"`
	Number uint64    `json:"n"`    // of the events of this run, from 1: what is missing in a stream shows
	Time   time.Time `json:"time"` // by the box's clock, which may be wrong: order is by number

	Part      uint64  `json:"part,omitempty"`
	Parts     uint64  `json:"parts,omitempty"` // how many, from Part on, are lost
	Outcome   string  `json:"outcome,omitempty"`
	Class     string  `json:"class,omitempty"`
	Score     float64 `json:"score,omitempty"`
	Margin    float64 `json:"margin,omitempty"`
	Doubtful  bool    `json:"doubtful,omitempty"`
	Decision  string  `json:"decision,omitempty"` // reject, pass
	LatencyMS float64 `json:"latency_ms,omitempty"`
	Boxes     []Box   `json:"boxes,omitzero"`    // of a detector, perhaps none
	Picture   string  `json:"picture,omitempty"` // the file that it will be kept in

	Model  uint64 `json:"model,omitempty"`
	Former uint64 `json:"former,omitempty"`
	What   string `json:"what,omitempty"` // of a model: live, trial, confirmed, rolled back, refused
	Alarm  string `json:"alarm,omitempty"`
	On     *bool  `json:"on,omitempty"`
	Reason string `json:"reason,omitempty"`

	Summary *Summary `json:"summary,omitempty"`
}

// Summary is all counts, in the last event.
type Summary struct {
	Stats
	Kept Kept  `json:"pictures"`
	MQTT *Sent `json:"mqtt,omitempty"`
	Swap int   `json:"model_swaps"`
}

// Log numbers events and hands each, as a line, to every sink in order. A sink that fails is told of once, to Failed,
// and the line goes on.
type Log struct {
	Box    string
	Sinks  []io.Writer
	Failed func(error)

	mu     sync.Mutex
	number uint64
	broken map[int]bool
}

// Event writes an event. It may be called by many goroutines.
func (l *Log) Event(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	e.Schema, e.Box, e.Number, e.Time = 1, l.Box, l.number, time.Now().UTC().Truncate(time.Millisecond)
	b, err := json.Marshal(e)
	if err != nil {
		panic(err) // the struct has nothing that cannot be JSON but a NaN, and verdicts have none
	}
	b = append(b, '\n')
	for i, w := range l.Sinks {
		_, err := w.Write(b)
		if err != nil && !l.broken[i] {
			l.Failed(fmt.Errorf("events: %w", err))
		}
		if l.broken == nil {
			l.broken = map[int]bool{}
		}
		l.broken[i] = err != nil
	}
}

// File is a log file with a bound: at half of it, the file becomes PATH.1 and a new one begins.
type File struct {
	path  string
	limit int64
	f     *os.File
	size  int64
}

// OpenFile goes on with the file at path; limit is that of it and of PATH.1 together, in bytes. A last line that a
// crash cut short is ended, so that every other line stays whole.
func OpenFile(path string, limit int64) (*File, error) {
	l := &File{path: path, limit: limit}
	return l, l.open()
}

func (l *File) open() (err error) {
	if l.f, err = os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640); err != nil {
		return err
	}
	st, err := l.f.Stat()
	if err != nil {
		return err
	}
	l.size = st.Size()
	var last [1]byte
	if l.size > 0 {
		if _, err = l.f.ReadAt(last[:], l.size-1); err == nil && last[0] != '\n' {
			err = l.cut()
		}
	}
	return err
}

// cut removes what a crash left of a line.
func (l *File) cut() error {
	n := min(l.size, 1<<16)
	b := make([]byte, n)
	if _, err := l.f.ReadAt(b, l.size-n); err != nil {
		return err
	}
	for n > 0 && b[n-1] != '\n' {
		n--
	}
	l.size += n - int64(len(b))
	return l.f.Truncate(l.size)
}

// Write appends a line, in one call, so that a crash of the program leaves it whole.
func (l *File) Write(b []byte) (int, error) {
	if l.f == nil {
		if err := l.open(); err != nil {
			return 0, err
		}
	}
	if l.size > 0 && l.size+int64(len(b)) > l.limit/2 {
		if err := l.turn(); err != nil {
			return 0, err
		}
	}
	n, err := l.f.Write(b)
	l.size += int64(n)
	return n, err
}

func (l *File) turn() error {
	l.f.Close()
	l.f = nil
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		return err
	}
	return l.open()
}

// Close syncs and closes the file.
func (l *File) Close() error {
	if l.f == nil {
		return nil
	}
	err := l.f.Sync()
	if e := l.f.Close(); err == nil {
		err = e
	}
	return err
}
