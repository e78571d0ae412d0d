package study

import (
	"fmt"

	"gonum.org/v1/gonum/stat"
)

// Difference is what one way gained on another in accuracy, the two paired seed by seed.
type Difference struct {
	Pairs     int     `json:"pairs"`
	Mean      float64 `json:"mean"` // points
	Low, High float64 // 95 % bootstrap interval of Mean
	P         float64 // Wilcoxon, two-sided, adjusted by Holm over the lines that are compared with the same
}

// Significant is P below 5 %.
func (d *Difference) Significant() bool { return d.P < 0.05 }

// String is two cells of a table: the mean with its interval, and p.
func (d *Difference) String() string {
	if d == nil {
		return " | "
	}
	return fmt.Sprintf("%+.1f (%+.1f to %+.1f) | %.3g", d.Mean, d.Low, d.High, d.P)
}

// against is nil where the two have no seed in common.
func against(a, b []Result) *Difference {
	d := paired(a, b)
	if len(d) == 0 {
		return nil
	}
	x := &Difference{Pairs: len(d), Mean: stat.Mean(d, nil), P: wilcoxon(d)}
	x.Low, x.High = interval(d, 1)
	return x
}

// paired are the differences in accuracy of the seeds that both have.
func paired(a, b []Result) []float64 {
	other := map[int]Result{}
	for _, r := range b {
		if r.Skipped == "" {
			other[r.Seed] = r
		}
	}
	var d []float64
	for _, r := range a {
		if o, ok := other[r.Seed]; ok && r.Skipped == "" {
			d = append(d, r.Accuracy-o.Accuracy)
		}
	}
	return d
}

// adjust corrects the p-values of a family of comparisons for their number.
func adjust(family []*Difference) {
	var p []float64
	for _, d := range family {
		p = append(p, d.P)
	}
	for i, v := range holm(p) {
		family[i].P = v
	}
}
