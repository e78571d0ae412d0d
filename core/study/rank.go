package study

import "slices"

// Ranking is the comparison of selectors over all settings in which all of them have results.
type Ranking struct {
	Selectors []string
	Ranks     []float64 // mean, 1 is the best
	Blocks    int
	P         float64 // Friedman: that all are alike
	Critical  float64 // Nemenyi: mean ranks further apart than this differ at 5 %
}

// Rank compares selectors over settings; tables lists those of one way of tuning and repair.
func Rank(tables []Table) Ranking {
	var r Ranking
	count := map[string]int{}
	for _, t := range tables {
		for _, l := range t.Lines {
			if l.Skipped == "" && !l.Control {
				count[l.Selector]++
			}
		}
	}
	for s, n := range count {
		if n == len(tables) {
			r.Selectors = append(r.Selectors, s)
		}
	}
	slices.Sort(r.Selectors)
	var rows [][]float64
	for _, t := range tables {
		row := make([]float64, len(r.Selectors))
		for _, l := range t.Lines {
			if i, ok := slices.BinarySearch(r.Selectors, l.Selector); ok {
				row[i] = l.Accuracy
			}
		}
		rows = append(rows, row)
	}
	r.Blocks = len(rows)
	r.Ranks, r.P = friedman(rows)
	if len(r.Selectors) > 1 && r.Blocks > 1 {
		r.Critical = nemenyi(len(r.Selectors), r.Blocks)
	}
	return r
}
