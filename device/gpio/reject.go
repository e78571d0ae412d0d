package gpio

import (
	"container/heap"
	"errors"
	"fmt"
	"math"
	"time"
)

// Errors of a Schedule that its user acts on.
var (
	ErrFull = errors.New("more parts between trigger and reject than the queue holds")
	ErrLate = errors.New("the verdict came after the part had passed the reject point")
)

// RejectOptions are what a reject output does.
type RejectOptions struct {
	Delay     time.Duration // from the trigger to the reject point; or
	Counts    int64         // the same in counts of the line's encoder, which then drives the queue
	Pulse     time.Duration // how long the output is on for one part
	LongestOn time.Duration // the output is cut after this long, however many pulses merge; 0 is ten pulses
	Parts     int           // between trigger and reject at most
	PassLate  bool          // a part without a verdict in time passes; otherwise it is rejected
}

func (o RejectOptions) check() error {
	switch {
	case o.Delay < 0 || o.Counts < 0 || o.Delay > 0 && o.Counts > 0:
		return fmt.Errorf("reject delay of %v and %d counts, want one of them, 0 or more", o.Delay, o.Counts)
	case o.Pulse <= 0 || o.Pulse > time.Minute:
		return fmt.Errorf("reject pulse of %v, want above 0, at most 1m", o.Pulse)
	case o.LongestOn < o.Pulse:
		return fmt.Errorf("reject output on for at most %v, want at least the pulse of %v", o.LongestOn, o.Pulse)
	case o.Parts < 1 || o.Parts > 1<<20:
		return fmt.Errorf("reject queue of %d parts, want 1 to %d", o.Parts, 1<<20)
	}
	return nil
}

// RejectStats count what became of the parts.
type RejectStats struct {
	Parts    uint64 `json:"parts"`    // that were triggered and fitted
	Rejected uint64 `json:"rejected"` // by verdict or, late, by default
	Passed   uint64 `json:"passed"`
	Late     uint64 `json:"late"`     // without a verdict when they came to the reject point
	Overflow uint64 `json:"overflow"` // that did not fit: each is an alarm
	Merged   uint64 `json:"merged"`   // pulses that met one still on
	Cut      uint64 `json:"cut"`      // ends of the output by LongestOn
}

// verdict of a part.
type verdict uint8

const (
	undecided verdict = iota
	pass
	reject
)

// part is under way from the trigger to the reject point.
type part struct {
	id uint64
	at int64 // nanoseconds since boot or counts of the encoder
	verdict
}

// Schedule decides when a reject output is on. It has no clock and no pin: it is told what time it is
// and where the encoder stands, and so runs the same in a test as on the line. It is for one
// goroutine at a time.
type Schedule struct {
	opt   RejectOptions
	parts deadlines
	byID  map[uint64]*part
	next  uint64
	on    bool
	began time.Duration // of what is on
	end   time.Duration
	Stats RejectStats
}

// NewSchedule checks the options.
func NewSchedule(o RejectOptions) (*Schedule, error) {
	if o.LongestOn == 0 {
		o.LongestOn = 10 * o.Pulse
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	return &Schedule{opt: o, byID: make(map[uint64]*part)}, nil
}

// Trigger enters a part: at is the trigger's kernel time or, with Counts, the encoder's position
// then. ErrFull is an alarm: the part cannot be rejected on its own.
func (s *Schedule) Trigger(at int64) (id uint64, err error) {
	if len(s.parts) >= s.opt.Parts {
		s.Stats.Overflow++
		return 0, fmt.Errorf("%w: %d", ErrFull, s.opt.Parts)
	}
	s.next++
	p := &part{id: s.next, at: at + max(int64(s.opt.Delay), s.opt.Counts)}
	heap.Push(&s.parts, p)
	s.byID[p.id] = p
	s.Stats.Parts++
	return p.id, nil
}

// Decide gives the verdict on a part. After the part has passed it is ErrLate; the default was taken.
func (s *Schedule) Decide(id uint64, bad bool) error {
	p := s.byID[id]
	if p == nil {
		return fmt.Errorf("part %d: %w", id, ErrLate)
	}
	p.verdict = pass
	if bad {
		p.verdict = reject
	}
	return nil
}

// Advance takes out the parts that have come to the reject point and says whether the output is on.
//
//	now    since boot
//	count  where the encoder stands; without Counts it is not looked at
func (s *Schedule) Advance(now time.Duration, count int64) (on bool) {
	where := count
	if s.opt.Counts == 0 {
		where = int64(now)
	}
	if s.on && now >= s.end {
		s.on = false
	}
	for len(s.parts) > 0 && s.parts[0].at <= where {
		p := heap.Pop(&s.parts).(*part)
		delete(s.byID, p.id)
		s.arrive(p, now)
	}
	return s.on
}

// arrive does what was decided about a part, or the default.
func (s *Schedule) arrive(p *part, now time.Duration) {
	bad := p.verdict == reject
	if p.verdict == undecided {
		s.Stats.Late++
		bad = !s.opt.PassLate
	}
	if !bad {
		s.Stats.Passed++
		return
	}
	s.Stats.Rejected++
	s.pulse(now)
}

// pulse starts the output or prolongs it.
func (s *Schedule) pulse(now time.Duration) {
	if s.on {
		s.Stats.Merged++
	} else {
		s.on, s.began = true, now
	}
	s.end = now + s.opt.Pulse
	if last := s.began + s.opt.LongestOn; s.end > last {
		s.end = last
		s.Stats.Cut++
	}
}

// Next is when Advance must be called again at the latest; a part that waits for the encoder has no
// time of its own.
func (s *Schedule) Next() (at time.Duration, ok bool) {
	at = math.MaxInt64
	if s.on {
		at = s.end
	}
	if s.opt.Counts == 0 && len(s.parts) > 0 {
		at = min(at, time.Duration(s.parts[0].at))
	}
	return at, at != math.MaxInt64
}

// Waiting is the number of parts between trigger and reject.
func (s *Schedule) Waiting() int { return len(s.parts) }

// deadlines is a heap of parts, the next one first.
type deadlines []*part

func (d deadlines) Len() int { return len(d) }
func (d deadlines) Less(i, j int) bool {
	return d[i].at < d[j].at || d[i].at == d[j].at && d[i].id < d[j].id
}
func (d deadlines) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *deadlines) Push(x any)   { *d = append(*d, x.(*part)) }
func (d *deadlines) Pop() any {
	old := *d
	p := old[len(old)-1]
	*d = old[:len(old)-1]
	return p
}
