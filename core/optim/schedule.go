package optim

import "math"

// Schedule is the learning rate of each step of a run.
type Schedule struct {
	Base   float64
	Steps  int  // in all
	Warm   int  // the first steps rise linearly from 0
	Cosine bool // fall to 0 over the steps after Warm (Loshchilov & Hutter 2017, one period); else constant
}

// At is the learning rate of step k, counted from 0.
func (s Schedule) At(k int) float64 {
	if k < s.Warm {
		return s.Base * float64(k+1) / float64(s.Warm)
	}
	if !s.Cosine || s.Steps <= s.Warm {
		return s.Base
	}
	done := float64(k-s.Warm) / float64(s.Steps-s.Warm)
	return s.Base * 0.5 * (1 + math.Cos(math.Pi*min(done, 1)))
}
