package line

import (
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"sort"
	"sync"

	"github.com/secateur/secateur/device/camera"
)

// least is how many golden pictures a reference needs, and how many stand behind each of its bins: with fewer the
// index of chance alone, about (bins-1)/pictures, comes near the limits that are usual.
const (
	least    = 20
	mostBins = 10
)

// Reference is the scores of the golden set, class by class, in bins of equal share. Comparing within the class that
// was predicted keeps the mix of classes, which differs between a golden set and a line, out of it.
type Reference struct {
	edges map[string][]float64 // between the bins
	share map[string][]float64 // of the golden set's scores in each bin
	bins  int
}

// NewReference is the reference of scores by predicted class; nil where they are too few.
func NewReference(scores map[string][]float64) *Reference {
	n := 0
	for _, s := range scores {
		n += len(s)
	}
	if n < least {
		return nil
	}
	r := &Reference{edges: map[string][]float64{}, share: map[string][]float64{}, bins: min(max(n/least, 2), mostBins)}
	for class, s := range scores {
		s = slices.Sorted(slices.Values(s))
		for b := 1; b < r.bins; b++ {
			r.edges[class] = append(r.edges[class], s[min(b*len(s)/r.bins, len(s)-1)])
		}
		share := make([]float64, r.bins)
		for _, v := range s {
			share[r.bin(class, v)] += 1 / float64(len(s))
		}
		r.share[class] = share
	}
	return r
}

// Has reports whether parts of a class are watched: the golden set has some.
func (r *Reference) Has(class string) bool { return r.share[class] != nil }

// bin is where a score of a class lies. One on an edge lies above it: sure models give most parts the same score, and what
// falls below is to be seen.
func (r *Reference) bin(class string, v float64) int {
	edges := r.edges[class]
	return sort.Search(len(edges), func(i int) bool { return edges[i] > v })
}

// Index is the population stability index of counts of bins against what is expected: Σ (p-q) ln(p/q), each bin with
// half a part more, so that an empty one stays finite.
func Index(seen, expected []float64) float64 {
	var n, m, sum float64
	for i := range seen {
		n, m = n+seen[i]+0.5, m+expected[i]+0.5
	}
	for i := range seen {
		p, q := (seen[i]+0.5)/n, (expected[i]+0.5)/m
		sum += (p - q) * math.Log(p/q)
	}
	return sum
}

// Drift watches the newest scores against the golden set's. It warns once, and is clear again below four fifths of
// the limit. Its methods may be called by many goroutines; on nil they do nothing.
type Drift struct {
	Limit  float64 // of the index
	Window int     // parts

	mu       sync.Mutex
	model    uint64
	ref      *Reference
	ring     []scored
	next     int
	seen     []float64
	expected []float64
	on       bool
	index    float64
}

type scored struct {
	class string
	bin   int
}

// clearAt is the share of a limit below which an alarm ends.
const clearAt = 0.8

// Reset begins anew with the reference of a model.
func (d *Drift) Reset(model uint64, r *Reference) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.model, d.ref, d.ring, d.next, d.index = model, r, nil, 0, 0
	if r != nil {
		d.seen, d.expected = make([]float64, r.bins), make([]float64, r.bins)
	}
}

// Add counts a part and returns the alarm that begins or ends by it.
func (d *Drift) Add(model uint64, v Sign) *Event {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ref == nil || !d.ref.Has(v.Class) || model != d.model {
		return nil
	}
	s := scored{v.Class, d.ref.bin(v.Class, v.Score)}
	if len(d.ring) < d.Window {
		d.ring = append(d.ring, s)
	} else {
		d.count(d.ring[d.next], -1)
		d.ring[d.next] = s
		d.next = (d.next + 1) % d.Window
	}
	d.count(s, 1)
	if len(d.ring) < d.Window {
		return nil
	}
	d.index = Index(d.seen, d.expected)
	return turn("drift", &d.on, d.index >= d.Limit, d.index < clearAt*d.Limit,
		fmt.Sprintf("the scores of the last %d parts differ from the golden set's: stability index %.3f, limit %.3f", d.Window, d.index, d.Limit))
}

func (d *Drift) count(s scored, by float64) {
	d.seen[s.bin] += by
	for b, share := range d.ref.share[s.class] {
		d.expected[b] += by * share
	}
}

// Value is the newest index, and whether the alarm is on.
func (d *Drift) Value() (index float64, on bool) {
	if d == nil {
		return 0, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.index, d.on
}

// turn switches an alarm and tells of it when it changes.
func turn(name string, on *bool, begins, ends bool, reason string) *Event {
	switch {
	case !*on && begins:
		*on = true
	case *on && ends:
		*on = false
		reason = "it is within its limits again"
	default:
		return nil
	}
	now := *on
	return &Event{Event: "alarm", Alarm: name, On: &now, Reason: reason}
}

// Witness watches the part of the picture that must not change. On nil its methods do nothing.
type Witness struct {
	Region image.Rectangle
	Mean   float64 // as commissioned; 0: the first picture's
	Drift  float64 // of the mean, that is borne

	bad, good int
	on        bool
}

// persist is how many pictures in a row an alarm of the witness needs to begin and to end.
const persist = 5

// Look measures a picture and returns the alarm that begins or ends by it.
func (w *Witness) Look(m image.Image) *Event {
	if w == nil {
		return nil
	}
	now, err := camera.Measure(m, w.Region)
	if err != nil {
		return nil // a picture that was cropped; the caller does not set a witness then
	}
	if w.Mean == 0 {
		w.Mean = now.Mean
	}
	first := camera.Witness{Mean: w.Mean, Spread: now.Spread}
	err = first.Compare(now, w.Drift)
	w.bad, w.good = w.bad+1, w.good+1
	if errors.Is(err, camera.ErrDrift) {
		w.good = 0
	} else {
		w.bad = 0
	}
	if math.Abs(now.Mean-w.Mean) > clearAt*w.Drift {
		w.good = 0
	}
	return turn("witness", &w.on, w.bad >= persist, w.good >= persist,
		fmt.Sprintf("the mean brightness of the witness region is %.1f, was %.1f; at most %.1f more or less is borne", now.Mean, w.Mean, w.Drift))
}
