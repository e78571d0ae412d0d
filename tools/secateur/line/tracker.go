package line

import (
	"time"

	"github.com/secateur/secateur/device/gpio"
)

// Part is a part on its way from the trigger to its picture.
type Part struct {
	Number uint64        // from 1
	At     time.Duration // of its edge, since boot
	Reject uint64        // its number at the reject output
}

// Range is parts by their numbers, both ends in it; First 0 is none.
type Range struct{ First, Last uint64 }

// Count is how many they are.
func (r Range) Count() int {
	if r.First == 0 {
		return 0
	}
	return int(r.Last - r.First + 1)
}

// Tracker finds the picture of each part. It has no clock: it is told what time it is, and so runs the same in a
// test as on the line. It is for one goroutine at a time.
type Tracker struct {
	Limit    int           // parts that may wait for a picture
	Patience time.Duration // how long one may; 0: for ever
	Exact    bool          // each edge makes the sensor expose one frame: frames and edges are paired in order

	waiting []Part
	next    uint64
}

// Edge enters a part; missed are those before it whose edges were lost. full says that it does not fit.
func (t *Tracker) Edge(e gpio.Edge) (p Part, missed Range, full bool) {
	if e.Lost > 0 {
		missed = Range{t.next + 1, t.next + e.Lost}
		t.next += e.Lost
	}
	t.next++
	p = Part{Number: t.next, At: e.Time}
	if len(t.waiting) >= t.Limit {
		return p, missed, true
	}
	t.waiting = append(t.waiting, p)
	return p, missed, false
}

// Name notes what the reject output calls a part that waits.
func (t *Tracker) Name(number, reject uint64) {
	for i := range t.waiting {
		if t.waiting[i].Number == number {
			t.waiting[i].Reject = reject
		}
	}
}

// Frame finds the part whose picture a frame of time at is. A free-running camera's frame shows the newest part
// before it; older ones that still wait have none of their own and come back as lost. missing is how many frames were
// dropped before it: where edge and frame belong together, so many parts have lost theirs.
func (t *Tracker) Frame(at time.Duration, missing uint64) (p Part, ok bool, lost []Part) {
	n := 0
	for n < len(t.waiting) && t.waiting[n].At <= at {
		n++
	}
	if n == 0 {
		return p, false, nil
	}
	pick := n - 1
	if t.Exact {
		pick = int(min(missing, uint64(n-1)))
	}
	p, lost = t.waiting[pick], append(lost, t.waiting[:pick]...)
	t.waiting = append(t.waiting[:0], t.waiting[pick+1:]...)
	return p, true, lost
}

// Expire gives up the parts whose picture has not come.
func (t *Tracker) Expire(now time.Duration) Range {
	n := 0
	for n < len(t.waiting) && (now == 1<<63-1 || t.Patience > 0 && now-t.waiting[n].At > t.Patience) {
		n++
	}
	if n == 0 {
		return Range{}
	}
	r := Range{t.waiting[0].Number, t.waiting[n-1].Number}
	t.waiting = append(t.waiting[:0], t.waiting[n:]...)
	return r
}

// Waiting is how many parts wait for their picture.
func (t *Tracker) Waiting() int { return len(t.waiting) }
