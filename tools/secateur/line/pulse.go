package line

import (
	"sync"
	"time"
)

// waitLimit is how long the line may wait for a frame and still be alive: a source ends its own stalls sooner, and
// says when it tries again.
const waitLimit = 60 * time.Second

// pulse is the progress of the line, for a watchdog.
type pulse struct {
	now func() time.Duration

	mu      sync.Mutex
	steps   uint64 // of the loop
	told    uint64 // at the last question
	waiting bool   // for the camera
	since   time.Duration
}

func (p *pulse) step(waiting bool) {
	p.mu.Lock()
	p.steps++
	p.waiting, p.since = waiting, p.now()
	p.mu.Unlock()
}

func (p *pulse) waits() { p.step(true) }
func (p *pulse) works() { p.step(false) }

// Mending says that the camera was lost and is looked for: a wait that is known.
func (l *Line) Mending() {
	l.pulse.mu.Lock()
	if l.pulse.waiting {
		l.pulse.since = l.Now()
	}
	l.pulse.mu.Unlock()
}

// Alive tells whether frames were judged since the last question, or the line rightly waits for the camera. A model or
// a disk that hangs makes it false.
func (l *Line) Alive() bool {
	p := &l.pulse
	p.mu.Lock()
	defer p.mu.Unlock()
	moved := p.steps != p.told
	p.told = p.steps
	return moved || p.waiting && (l.tracker.Exact || l.Now()-p.since < waitLimit)
}
