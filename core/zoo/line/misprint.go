package line

import "math"

// Misprints are the odds of what goes wrong in printing; only their ratios count.
type Misprints struct {
	Shifted float64 // printed askew, beside its place
	Doubled float64 // printed twice, as when a pad bounces
	Smeared float64 // wiped while wet
	Faded   float64 // ink missing in a band
}

type misprintKind int

const (
	wellPrinted misprintKind = iota
	shifted
	doubled
	smeared
	faded
)

// misprint is one fault of one marking.
type misprint struct {
	kind     misprintKind
	dx, dy   float64 // part units
	sin, cos float64
	middle   float64 // of the faded band, share of the width from the middle
	seed     uint32
}

// misprint draws the fault of a marking: wellPrinted unless the specimen is misprinted.
func (d *draft) misprint() misprint {
	if d.state != Misprinted {
		return misprint{}
	}
	f := misprint{kind: d.misprintKind(), seed: d.fault.Uint32()}
	angle := 2 * math.Pi * d.fault.Float64()
	far := 0.1 + 0.06*d.fault.Float64()
	switch f.kind {
	case doubled:
		far = 0.065 + 0.03*d.fault.Float64()
	case smeared:
		far = 0.2 + 0.12*d.fault.Float64()
	}
	f.dy, f.dx = math.Sincos(angle)
	f.dx, f.dy = f.dx*far, f.dy*far
	tilt := (0.12 + 0.13*d.fault.Float64()) * float64(1-2*d.fault.IntN(2))
	f.sin, f.cos = math.Sincos(tilt)
	f.middle = 0.6 * (d.fault.Float64() - 0.5)
	return f
}

func (d *draft) misprintKind() misprintKind {
	m := d.product.Defects.Misprints
	odds := [...]float64{m.Shifted, m.Doubled, m.Smeared, m.Faded}
	x := d.fault.Float64() * (m.Shifted + m.Doubled + m.Smeared + m.Faded)
	for i, o := range odds {
		if x < o {
			return misprintKind(i + 1)
		}
		x -= o
	}
	return faded
}

// cover is the ink of a faulty print at x, y from the middle of m.
func (f *misprint) cover(m *marking, x, y float64) float64 {
	switch f.kind {
	case shifted:
		q := point{x - f.dx, y - f.dy}.turn(-f.sin, f.cos)
		return m.sample(q.x, q.y)
	case doubled:
		return max(m.sample(x, y), 0.75*m.sample(x-f.dx, y-f.dy))
	case smeared:
		return f.smear(m, x, y)
	}
	wear := value(x*9, y*9, f.seed)
	return m.sample(x, y) * (1 - ramp(math.Abs(x/m.w-f.middle)+0.09*wear, 0.3, 0.2))
}

// smearTaps samples lie on the way of the wipe.
const smearTaps = 6

func (f *misprint) smear(m *marking, x, y float64) float64 {
	sum := 0.0
	for i := range smearTaps {
		t := float64(i) / (smearTaps - 1)
		sum += m.sample(x-f.dx*t, y-f.dy*t)
	}
	return min(1, 0.35*m.sample(x, y)+1.1*sum/smearTaps)
}
