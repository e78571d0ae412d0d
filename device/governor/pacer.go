package governor

import (
	"context"
	"sync"
	"time"
)

// Pacer makes work keep to a governor: a goroutine samples the sensors once a second, and the work asks Threads between
// its pieces.
type Pacer struct {
	ctx  context.Context
	mu   sync.Mutex
	rung Rung
	turn chan struct{} // closed when the rung changes
	last time.Time     // when Threads last returned
	owed time.Duration // work since the last rest
}

// sampleEvery is how often the sensors are read, and the longest a rest goes on without looking at the rung.
const sampleEvery = time.Second

// restAfter is how much work is gathered before a rest: short against the die's time constant.
const restAfter = 100 * time.Millisecond

// Start begins to govern until ctx ends. on is told of every change; nil: nobody is.
func Start(ctx context.Context, l Limits, read func() Reading, on func(Rung, Reading)) *Pacer {
	g := New(l)
	p := &Pacer{ctx: ctx, rung: g.Rung(), turn: make(chan struct{}), last: time.Now()}
	go p.watch(g, read, on)
	return p
}

func (p *Pacer) watch(g *Governor, read func() Reading, on func(Rung, Reading)) {
	begun := time.Now()
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		r := read()
		if before := g.Rung(); g.Sample(time.Since(begun), r) != before {
			p.set(g.Rung())
			if on != nil {
				on(g.Rung(), r)
			}
		}
		select {
		case <-p.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (p *Pacer) set(r Rung) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rung = r
	close(p.turn)
	p.turn = make(chan struct{})
}

// Threads rests as the rung wants it, and says how many threads the next piece of work may use. It is what
// kernels.Pool.Pace asks. The end of the pacer's context ends a rest.
func (p *Pacer) Threads() int {
	p.mu.Lock()
	p.owed += time.Since(p.last)
	rung, turn := p.rung, p.turn
	p.mu.Unlock()
	for {
		pause := p.rest(rung)
		if pause == 0 || p.wait(pause, turn) {
			break
		}
		p.mu.Lock()
		rung, turn = p.rung, p.turn
		p.mu.Unlock()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = time.Now()
	return p.rung.Threads
}

// rest is how long to rest now: in proportion to the work, or until the rung changes.
func (p *Pacer) rest(r Rung) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case r.Duty >= 1 || p.ctx.Err() != nil:
		p.owed = 0
	case r.Duty == 0:
		return time.Hour
	case p.owed >= restAfter:
		d := time.Duration(float64(p.owed) * (1/r.Duty - 1))
		p.owed = 0
		return d
	}
	return 0
}

// wait rests and reports whether the rest is over, and not cut short by a new rung.
func (p *Pacer) wait(d time.Duration, turn <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.ctx.Done():
		return true
	case <-turn:
		return false
	}
}
