package line

import (
	"fmt"
	"math"
)

// trial is what a model on trial has shown.
type trial struct {
	model   uint64
	parts   int // since the last alarm
	all     int
	rejects int
	base    rate // of the model before it
}

// rate is a share of rejects.
type rate struct{ rejects, parts int }

func (r rate) share() float64 { return float64(r.rejects) / float64(max(r.parts, 1)) }

// The band of the reject rate of a model on trial: bandShare around that of the model before it, and bandSigma
// standard deviations of the difference of two such rates. Before bandParts of both nothing is said.
const (
	bandShare = 0.05
	bandSigma = 4
	bandParts = 20
)

// add counts a part and says what follows: "confirm", a reason to roll back, or "".
func (t *trial) add(bad, alarmed bool, want int) (confirm bool, back string) {
	t.parts++
	t.all++
	if bad {
		t.rejects++
	}
	if alarmed {
		t.parts = 0
	}
	if back = t.outside(); back != "" {
		return false, back
	}
	return t.parts >= want, ""
}

// outside says how the reject rate has left its band.
func (t *trial) outside() string {
	if t.all < bandParts || t.base.parts < bandParts {
		return ""
	}
	now, was := rate{t.rejects, t.all}.share(), t.base.share()
	p := float64(t.rejects+t.base.rejects) / float64(t.all+t.base.parts)
	band := bandShare + bandSigma*math.Sqrt(p*(1-p)*(1/float64(t.all)+1/float64(t.base.parts)))
	if math.Abs(now-was) <= band {
		return ""
	}
	return fmt.Sprintf("it rejects %.1f %% of %d parts, the model before it %.1f %% of %d; %.1f more or less are borne",
		100*now, t.all, 100*was, t.base.parts, 100*band)
}
