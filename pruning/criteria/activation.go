package criteria

import (
	"math"
	"slices"

	"github.com/secateur/secateur/pruning/groups"
)

// activationCriteria look at pooled activations, without labels.
func activationCriteria() []Criterion {
	list := []Criterion{
		{Name: "activation", Source: "mean activation, Polyak & Wolf 2015; Molchanov et al., ICLR 2017", Score: activationSize},
		{Name: "activation-out", Source: "filter form of Wanda, Sun et al., ICLR 2024, 2306.11695", Score: activationOut},
		{Name: "spread-out", Source: "deviation of the activation times outgoing L2 norm: activation-out without the mean", Score: spreadOut},
		{Name: "apoz", Source: "average percentage of zeros, Hu et al. 2016, 1607.03250", Score: apoz},
		{Name: "variance", Source: "variance of the mean activation over images, Polyak & Wolf 2015", Score: varianceScore},
		{Name: "entropy", Source: "Luo & Wu 2017, 1706.05791", Note: "knows no label: a noisy filter scores best", Score: entropy},
		{Name: "hrank", Needs: MapRanks, Source: "effective rank in place of rank, Lin et al., CVPR 2020, 2002.10179", Score: hrank},
	}
	for i := range list {
		list[i].Family, list[i].Cost = "activation", 1
		if list[i].Needs == Nothing {
			list[i].Needs = Activations
		}
	}
	for i := range list {
		if list[i].Name == "activation-out" || list[i].Name == "spread-out" {
			list[i].Needs |= Weights
		}
	}
	return list
}

// activationSize is the mean magnitude of the activation over images, summed over the gates.
func activationSize(m *Matrices, g *groups.Group) ([]float64, error) {
	return slices.Clone(m.magnitudes(len(g.Units))), nil
}

// activationOut is the mean magnitude of the activation, summed over the gates, times the
// outgoing L1 norm. Where activations may be negative P does not hold their mean magnitude and
// the root mean square stands for it.
func activationOut(m *Matrices, g *groups.Group) ([]float64, error) {
	out := outgoing(g, absolute)
	for i, size := range m.magnitudes(len(g.Units)) {
		out[i] *= size
	}
	return out, nil
}

// magnitudes is the mean magnitude, by unit, made once.
func (m *Matrices) magnitudes(f int) []float64 {
	if m.sizes == nil {
		m.sizes = m.pooledMean(f, magnitude)
	}
	return m.sizes
}

// magnitude is mean|a| of one image and unit, or its root mean square.
func magnitude(pool []float32, signed bool) float64 {
	mean := float64(pool[poolMean])
	if signed {
		return math.Hypot(mean, float64(pool[poolStd]))
	}
	return math.Abs(mean)
}

// spreadOut is the deviation of the activation over images and positions, summed over the gates, times the outgoing
// L2 norm.
func spreadOut(m *Matrices, g *groups.Group) ([]float64, error) {
	f := len(g.Units)
	out := roots(outgoing(g, squared))
	size := make([]float64, f)
	for k := range m.Gates {
		one := *m
		one.Gates = m.Gates[k : k+1]
		first := one.pooledMean(f, func(p []float32, _ bool) float64 { return float64(p[poolMean]) })
		second := one.pooledMean(f, func(p []float32, _ bool) float64 { return square(float64(p[poolMean])) + square(float64(p[poolStd])) })
		for i := range size {
			size[i] += math.Sqrt(math.Max(0, second[i]-square(first[i])))
		}
	}
	for i := range out {
		out[i] *= size[i]
	}
	return out, nil
}

// apoz is the share of positive activations, averaged over images and gates; a tie falls to the larger activation.
func apoz(m *Matrices, g *groups.Group) ([]float64, error) {
	f := len(g.Units)
	out := m.pooledMean(f, func(p []float32, _ bool) float64 { return float64(p[poolPositive]) })
	size := m.magnitudes(f)
	for i := range out {
		out[i] = out[i]/float64(len(m.Gates)) + 1e-9*size[i]/(1+size[i])
	}
	return out, nil
}

// varianceScore is the variance over images of the mean activation at the last gate.
func varianceScore(m *Matrices, g *groups.Group) ([]float64, error) {
	x := m.columns(len(g.Units))
	out := make([]float64, len(x))
	for i := range x {
		out[i] = variance(x[i])
	}
	return out, nil
}

// entropyBins is the number of bins of equal width that entropy counts in.
const entropyBins = 10

// entropy is -Σ p ln p of the mean activation at the last gate in bins of equal width over its range, in nat.
func entropy(m *Matrices, g *groups.Group) ([]float64, error) {
	x := m.columns(len(g.Units))
	out := make([]float64, len(x))
	for i := range x {
		out[i] = binEntropy(x[i])
	}
	return out, nil
}

func binEntropy(x []float64) float64 {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range x {
		lo, hi = math.Min(lo, v), math.Max(hi, v)
	}
	if math.IsNaN(lo) || hi == lo {
		return lo - hi // 0, or NaN
	}
	var count [entropyBins]float64
	for _, v := range x {
		count[min(int((v-lo)/(hi-lo)*entropyBins), entropyBins-1)]++
	}
	sum := 0.0
	for _, c := range count {
		if c > 0 {
			sum -= c / float64(len(x)) * math.Log(c/float64(len(x)))
		}
	}
	return sum
}

// hrank is the mean effective rank of a unit's maps, averaged over the gates.
func hrank(m *Matrices, g *groups.Group) ([]float64, error) {
	out := make([]float64, len(g.Units))
	for _, gate := range m.Gates {
		total := 0.0
		for n := range m.N {
			total += m.weight(n)
		}
		for i, v := range gate.Rank {
			out[i%len(out)] += m.weight(i/len(out)) * float64(v) / total / float64(len(m.Gates))
		}
	}
	return out, nil
}

// pooledMean is the weighted mean over images of a number made from P, summed over the gates, by unit.
func (m *Matrices) pooledMean(f int, of func(pool []float32, signed bool) float64) []float64 {
	out, total := make([]float64, f), 0.0
	_, weight := m.pool()
	for n := range m.poolRows() {
		w := weight(n)
		total += w
		for _, gate := range m.Gates {
			for i := range f {
				out[i] += w * of(gate.Pool[(n*f+i)*poolStats:], gate.Signed)
			}
		}
	}
	for i := range out {
		out[i] /= total
	}
	return out
}
