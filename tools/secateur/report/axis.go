package report

import (
	"math"
	"strconv"
)

// px is a length in the user units of an SVG; a chart as wide as a phone shows one as one CSS pixel.
type px float64

// String writes a length to a tenth.
func (p px) String() string {
	return strconv.FormatFloat(math.Round(float64(p)*10)/10, 'f', -1, 64)
}

// axis maps the values lo to hi onto the lengths from to to.
type axis struct {
	lo, hi   float64
	step     float64 // between ticks
	from, to px
}

// at is where a value stands.
func (a axis) at(v float64) px {
	return a.from + px((v-a.lo)/(a.hi-a.lo))*(a.to-a.from)
}

// span is the smallest and the largest of the drawable values; ok is false when there is none.
func span(values ...float64) (lo, hi float64, ok bool) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if drawable(v) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	return lo, hi, lo <= hi
}

// roundAxis covers lo to hi with about n round ticks and ends on ticks.
func roundAxis(lo, hi float64, n int) axis {
	if hi-lo <= max(1e-9*math.Abs(lo), 1e-9*math.Abs(hi), 1e-12) {
		pad := max(0.1*math.Abs(hi), 1e-9)
		lo, hi = lo-pad, hi+pad
	}
	step := roundStep((hi - lo) / float64(n))
	return axis{lo: math.Floor(lo/step) * step, hi: math.Ceil(hi/step) * step, step: step}
}

// roundStep is the number 1, 2 or 5 times a power of ten nearest to v, not below it by much
// (Heckbert 1990, nice numbers for graph labels).
func roundStep(v float64) float64 {
	base := math.Pow(10, math.Floor(math.Log10(v)))
	switch f := v / base; {
	case f < 1.5:
		return base
	case f < 3:
		return 2 * base
	case f < 7:
		return 5 * base
	}
	return 10 * base
}

// countAxis has room for the items 1 to n, with ticks on whole numbers only.
func countAxis(n, ticks int) axis {
	step := max(1, roundStep(float64(n)/float64(ticks)))
	return axis{lo: 0.5, hi: float64(n) + 0.5, step: step}
}

// within narrows an axis to lo to hi: what an accuracy cannot leave.
func (a axis) within(lo, hi float64) axis {
	a.lo, a.hi = max(a.lo, lo), min(a.hi, hi)
	return a
}

// ticks are the multiples of the step on the axis.
func (a axis) ticks() []tick {
	var out []tick
	first, last := math.Ceil(a.lo/a.step-1e-6), math.Floor(a.hi/a.step+1e-6)
	for i := first; i <= last; i++ {
		out = append(out, tick{At: a.at(i * a.step), Label: a.label(i * a.step)})
	}
	return out
}

// label writes a tick with as many decimals as the step has.
func (a axis) label(v float64) string {
	if math.Abs(v) < a.step/2 {
		return "0"
	}
	if top := max(math.Abs(a.lo), math.Abs(a.hi)); top >= 1e6 || a.step < 1e-6 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	decimals := max(0, int(-math.Floor(math.Log10(a.step)+1e-9)))
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// unit is the divisor for an axis up to top, and its name, as in "MACs, millions".
func unit(top float64) (float64, string) {
	switch {
	case top >= 1e12:
		return 1e12, ", trillions"
	case top >= 1e9:
		return 1e9, ", billions"
	case top >= 1e6:
		return 1e6, ", millions"
	case top >= 1e4:
		return 1e3, ", thousands"
	}
	return 1, ""
}
