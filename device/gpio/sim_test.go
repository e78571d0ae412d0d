package gpio

import (
	"encoding/binary"
	"os"
	"sync"
	"time"
)

// simLine is a requested line as the kernel's is: a queue of so many events that drops the oldest
// when nobody reads, and numbers what it takes (drivers/gpio/gpiolib-cdev.c).
type simLine struct {
	mu       sync.Mutex
	changed  chan struct{}
	queue    [][eventBytes]byte
	capacity int
	seq      uint32
	deadline time.Time
	dropped  uint64
	closed   bool
}

func newSimLine(capacity int) *simLine {
	return &simLine{capacity: capacity, changed: make(chan struct{})}
}

// edge is an interrupt.
func (s *simLine) edge(at time.Duration, rising bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	var e [eventBytes]byte
	id := uint32(2)
	if rising {
		id = edgeRising
	}
	binary.LittleEndian.PutUint64(e[0:], uint64(at))
	binary.LittleEndian.PutUint32(e[8:], id)
	binary.LittleEndian.PutUint32(e[16:], s.seq)
	binary.LittleEndian.PutUint32(e[20:], s.seq)
	if len(s.queue) == s.capacity {
		s.queue = s.queue[1:]
		s.dropped++
	}
	s.queue = append(s.queue, e)
	s.tell()
}

func (s *simLine) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *simLine) Read(b []byte) (int, error) {
	for {
		s.mu.Lock()
		n := 0
		for len(s.queue) > 0 && n+eventBytes <= len(b) {
			n += copy(b[n:], s.queue[0][:])
			s.queue = s.queue[1:]
		}
		changed, deadline, closed := s.changed, s.deadline, s.closed
		s.mu.Unlock()
		switch {
		case n > 0:
			return n, nil
		case closed:
			return 0, os.ErrClosed
		case !deadline.IsZero() && !time.Now().Before(deadline):
			return 0, os.ErrDeadlineExceeded
		}
		<-changed
	}
}

func (s *simLine) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	s.tell()
	return nil
}

func (s *simLine) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.tell()
	return nil
}
