package study

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// Agreement is how alike the removed sets of selectors are: the mean Jaccard index over seeds and settings, selectors in
// the order of names.
func Agreement(results []Result, names []string) [][]float64 {
	sets := map[Key]map[string]bool{}
	var keys []Key
	for _, r := range results {
		if len(r.Removed) == 0 || len(names) == 0 {
			continue
		}
		set := map[string]bool{}
		for _, f := range r.Removed {
			set[f] = true
		}
		sets[r.Key] = set
		if k := r.Key; k.Selector == names[0] {
			keys = append(keys, k)
		}
	}
	out := make([][]float64, len(names))
	for i, a := range names {
		out[i] = make([]float64, len(names))
		for j, b := range names {
			out[i][j] = meanJaccard(sets, keys, a, b)
		}
	}
	return out
}

func meanJaccard(sets map[Key]map[string]bool, keys []Key, a, b string) float64 {
	var v []float64
	for _, k := range keys {
		ka, kb := k, k
		ka.Selector, kb.Selector = a, b
		if x, y := sets[ka], sets[kb]; x != nil && y != nil {
			v = append(v, jaccard(x, y))
		}
	}
	if len(v) == 0 {
		return math.NaN()
	}
	return stat.Mean(v, nil)
}

func jaccard(a, b map[string]bool) float64 {
	both := 0
	for k := range a {
		if b[k] {
			both++
		}
	}
	return float64(both) / float64(len(a)+len(b)-both)
}
