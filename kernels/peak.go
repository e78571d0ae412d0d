package kernels

import "time"

// Yardstick is what the other kernels of a set are measured against.
type Yardstick struct {
	// Peak does turns of independent multiply-adds on registers and nothing else: no loop of
	// the set can do more of them in the time.
	Peak func(turns int)
	// Loads does the same with an operand of each from the first-level cache; x has LoadsFloats floats. A core does it as fast,
	// unless somebody else computes on it too, as hardware threads of x86 do: that is how others on a machine's host are noticed.
	// Where cores have one thread it is Peak.
	Loads func(turns int, x *float32)
	// PeakFlops is the number of floating-point operations in a turn.
	PeakFlops int
}

// LoadsFloats is as many floats as Loads reads, and what rounding up to a line of the cache takes.
const LoadsFloats = 24*16 + 16

func genericYardstick() Yardstick { return yardstick(peak, 16) }

// yardstick is that of cores with one thread.
func yardstick(peak func(turns int), flops int) Yardstick {
	return Yardstick{Peak: peak, Loads: func(turns int, _ *float32) { peak(turns) }, PeakFlops: flops}
}

// peak is eight multiply-adds a turn, as plain Go compiles them.
func peak(turns int) {
	var a, b, c, d, e, f, g, h float32
	x, y := peakNumbers[0], peakNumbers[1]
	for range turns {
		a, b, c, d = a*x+y, b*x+y, c*x+y, d*x+y
		e, f, g, h = e*x+y, f*x+y, g*x+y, h*x+y
	}
	peakNumbers[2] = a + b + c + d + e + f + g + h
}

// peakNumbers are factor, term and sum of peak: variables, so that the compiler cannot work it out.
var peakNumbers = [3]float32{0.5, 1, 0}

// Rounds of PeakGFLOPS: long enough for the clock, short enough for the collector.
const (
	peakRounds = 20
	peakRound  = 100 * time.Microsecond
)

// PeakGFLOPS measures the peak of one core in 10⁹ floating-point operations a second: the best of
// some short rounds. It takes some milliseconds.
func (y Yardstick) PeakGFLOPS() (best float64) {
	turns := 1024
	for peakTime(y.Peak, turns) < peakRound/2 {
		turns *= 2
	}
	for range peakRounds {
		ns := peakTime(y.Peak, turns).Nanoseconds()
		best = max(best, float64(turns*y.PeakFlops)/float64(max(ns, 1)))
	}
	return best
}

func peakTime(peak func(turns int), turns int) time.Duration {
	start := time.Now()
	peak(turns)
	return time.Since(start)
}
