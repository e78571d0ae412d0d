package study

import (
	"cmp"
	"math"
	"slices"

	"github.com/secateur/secateur/core/random"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// bootstraps is the number of resamples of an interval.
const bootstraps = 2000

// interval is the 95 % percentile interval of the mean of v, by resampling v with a seed.
func interval(v []float64, seed uint64) (lo, hi float64) {
	if len(v) == 0 {
		return math.NaN(), math.NaN()
	}
	r := random.Stream(seed, "bootstrap", uint64(len(v)))
	means := make([]float64, bootstraps)
	for i := range means {
		sum := 0.0
		for range v {
			sum += v[r.IntN(len(v))]
		}
		means[i] = sum / float64(len(v))
	}
	slices.Sort(means)
	return stat.Quantile(0.025, stat.Empirical, means, nil), stat.Quantile(0.975, stat.Empirical, means, nil)
}

// wilcoxon is the two-sided p of the signed-rank test that paired differences lie about 0 (Wilcoxon 1945): exact up to
// 20 differences that are not 0, normal with correction for ties and continuity beyond.
func wilcoxon(d []float64) float64 {
	d = slices.DeleteFunc(slices.Clone(d), func(x float64) bool { return x == 0 })
	if len(d) == 0 {
		return 1
	}
	slices.SortFunc(d, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	twice, ties := twiceRanks(d)
	plus, total := 0, 0
	for i, x := range d {
		total += twice[i]
		if x > 0 {
			plus += twice[i]
		}
	}
	if len(d) <= 20 {
		return exactSigned(twice, min(plus, total-plus))
	}
	n := float64(len(d))
	variance := n*(n+1)*(2*n+1)/24 - ties/48
	z := (math.Abs(float64(plus)/2-n*(n+1)/4) - 0.5) / math.Sqrt(variance)
	return math.Min(1, 2*distuv.UnitNormal.Survival(z))
}

// twiceRanks are double the ranks, from 1, of values in ascending order of magnitude, which makes those of ties whole
// numbers; ties is Σ t³-t.
func twiceRanks(d []float64) (twice []int, ties float64) {
	twice = make([]int, len(d))
	for lo := 0; lo < len(d); {
		hi := lo
		for hi < len(d) && math.Abs(d[hi]) == math.Abs(d[lo]) {
			hi++
		}
		for i := lo; i < hi; i++ {
			twice[i] = lo + 1 + hi
		}
		t := float64(hi - lo)
		ties += t*t*t - t
		lo = hi
	}
	return twice, ties
}

// exactSigned is the share of all signs whose smaller sum of ranks is at most w.
func exactSigned(ranks []int, w int) float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	ways := make([]float64, total+1)
	ways[0] = 1
	for _, r := range ranks {
		for s := total; s >= r; s-- {
			ways[s] += ways[s-r]
		}
	}
	sum := 0.0
	for s := 0; s <= w; s++ {
		sum += ways[s]
	}
	return math.Min(1, 2*sum/math.Pow(2, float64(len(ranks))))
}

// holm adjusts p-values for having asked so many questions (Holm 1979): an adjusted value below 0.05 holds for the
// whole family.
func holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	out, worst := make([]float64, len(p)), 0.0
	for k, i := range order {
		worst = math.Max(worst, math.Min(1, p[i]*float64(len(p)-k)))
		out[i] = worst
	}
	return out
}

// friedman compares k treatments over n blocks, table[block][treatment], higher is better: mean ranks from 1 for the
// best, and the p of the test that all are alike (Friedman 1937, χ² form, corrected for ties).
func friedman(table [][]float64) (ranks []float64, p float64) {
	n, k := float64(len(table)), 0
	if len(table) > 0 {
		k = len(table[0])
	}
	ranks = make([]float64, k)
	ties := 0.0
	for _, row := range table {
		order := make([]float64, k)
		for i, v := range row {
			better, same := 0, 0
			for _, w := range row {
				if w > v {
					better++
				} else if w == v {
					same++
				}
			}
			order[i] = float64(better) + float64(same+1)/2
			ties += float64(same*same - 1)
		}
		for i, r := range order {
			ranks[i] += r / n
		}
	}
	if k < 2 || n < 2 {
		return ranks, 1
	}
	sum := 0.0
	for _, r := range ranks {
		sum += (r - float64(k+1)/2) * (r - float64(k+1)/2)
	}
	f := float64(k)
	scale := n*f*(f+1)/12 - ties/(12*(f-1))
	if scale <= 0 {
		return ranks, 1
	}
	return ranks, distuv.ChiSquared{K: f - 1}.Survival(n * n * sum / scale)
}

// nemenyi is the difference of mean ranks above which two of k treatments over n blocks differ at 5 %: q·√(k(k+1)/6n), q
// the studentised range over √2 (Demšar 2006).
func nemenyi(k, n int) float64 {
	return studentised(k) / math.Sqrt2 * math.Sqrt(float64(k*(k+1))/float64(6*n))
}

// studentised is the upper 5 % point of the range of k standard normals, by bisection on its distribution.
func studentised(k int) float64 {
	lo, hi := 0.0, 20.0
	for range 60 {
		if mid := (lo + hi) / 2; rangeBelow(mid, k) < 0.95 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// rangeBelow is the probability that the range of k standard normals is at most q: k ∫ φ(z)·(Φ(z)-Φ(z-q))^(k-1) dz.
func rangeBelow(q float64, k int) float64 {
	const step = 1.0 / 128
	sum := 0.0
	for z := -8.0; z <= 8; z += step {
		sum += distuv.UnitNormal.Prob(z) * math.Pow(distuv.UnitNormal.CDF(z)-distuv.UnitNormal.CDF(z-q), float64(k-1))
	}
	return float64(k) * sum * step
}
