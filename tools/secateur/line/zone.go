package line

import (
	"cmp"
	"math"
	"slices"

	"github.com/secateur/secateur/core/eval"
)

// Zone is a part of the picture in which boxes of some classes reject a part.
type Zone struct {
	Name    string
	Polygon [][]float64 // corners x, y in pixels; none: all of the picture
	Classes []string
	Score   float64 // that such a box has at least; 0: the model's own threshold
}

// watched is where boxes make a part doubtful where no zone rejects any.
func (r Rules) watched() (zones []Zone, reject bool) {
	if len(r.Zones) > 0 {
		return r.Zones, true
	}
	return []Zone{{Score: r.Score}}, false
}

// Box is what a detector found on a part, in pixels of the picture that it saw.
type Box struct {
	eval.Box
	Reject bool   `json:"reject,omitempty"` // this box rejects the part
	Zone   string `json:"zone,omitempty"`   // where
}

// boxes judges what a detector with that threshold of its own found. The verdict's class and score are those of the box that decides: the one that goes
// furthest beyond the score of its zone, or comes nearest to it. The margin is how far that is; without any such box it is 1.
func (r Rules) boxes(found []eval.Box, own float64) Verdict {
	v, best := Verdict{Margin: 1, Boxes: []Box{}}, math.Inf(-1)
	zones, reject := r.watched()
	for _, f := range found {
		b := Box{Box: f}
		shown := f.Score >= cmp.Or(r.Score, own)
		for _, z := range zones {
			over := f.Score - cmp.Or(z.Score, own)
			shown = shown || over >= 0
			if reject && !z.holds(f) {
				continue
			}
			shown = shown || over > -r.Margin // makes the part doubtful
			if reject && over >= 0 && !b.Reject {
				b.Reject, b.Zone, v.Bad = true, z.Name, true
			}
			if over > best {
				best, v.Class, v.Score, v.Margin = over, f.Class, f.Score, math.Abs(over)
			}
		}
		if shown {
			v.Boxes = append(v.Boxes, b)
		}
	}
	return v
}

// holds reports whether a box is of the zone's classes, its centre inside.
func (z Zone) holds(b eval.Box) bool {
	return slices.Contains(z.Classes, b.Class) && z.inside((b.XMin+b.XMax)/2, (b.YMin+b.YMax)/2)
}

// inside counts the sides that a ray to the right crosses: an odd number is inside.
func (z Zone) inside(x, y float64) bool {
	odd := z.Polygon == nil
	for i, a := range z.Polygon {
		b := z.Polygon[(i+1)%len(z.Polygon)]
		if (a[1] > y) != (b[1] > y) && x < a[0]+(y-a[1])/(b[1]-a[1])*(b[0]-a[0]) {
			odd = !odd
		}
	}
	return odd
}

// LeastScore is the lowest score that matters, for a detector with that threshold of its own to report.
func (r Rules) LeastScore(own float64) float64 {
	least := cmp.Or(r.Score, own)
	zones, _ := r.watched()
	for _, z := range zones {
		least = min(least, cmp.Or(z.Score, own)-r.Margin)
	}
	return max(least, 0.01)
}
