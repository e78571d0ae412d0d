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
	return m.magnitudes(len(g.Units)), nil
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

// magnitudes is the mean magnitude, summed over the gates, by unit.
func (m *Matrices) magnitudes(f int) []float64 {
	return sumOf(m.pooled(f), func(p pooled) []float64 { return p.size })
}

// spreadOut is the deviation of the activation over images and positions, summed over the gates, times the outgoing
// L2 norm.
func spreadOut(m *Matrices, g *groups.Group) ([]float64, error) {
	out := roots(outgoing(g, squared))
	size := sumOf(m.pooled(len(out)), func(p pooled) []float64 {
		deviation := make([]float64, len(out))
		for i, second := range p.square {
			deviation[i] = math.Sqrt(math.Max(0, second-square(p.mean[i])))
		}
		return deviation
	})
	for i := range out {
		out[i] *= size[i]
	}
	return out, nil
}

// apoz is the share of positive activations, averaged over images and gates; a tie falls to the larger activation.
func apoz(m *Matrices, g *groups.Group) ([]float64, error) {
	f := len(g.Units)
	out := sumOf(m.pooled(f), func(p pooled) []float64 { return p.positive })
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
	lo, hi := slices.Min(x), slices.Max(x)
	if math.IsNaN(lo) || hi == lo {
		return lo - hi // 0, or NaN
	}
	var count [entropyBins]int
	for _, v := range x {
		count[min(int((v-lo)/(hi-lo)*entropyBins), entropyBins-1)]++
	}
	sum := 0.0
	for _, c := range count {
		if p := float64(c) / float64(len(x)); p > 0 {
			sum -= p * math.Log(p)
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

// pooled is weighted means over all rows of P at a gate, F: of mean, share of positive values, mean square and magnitude,
// which is mean|a| or, where activations may be negative, their root mean square.
type pooled struct{ mean, positive, square, size []float64 }

// pooled is made once, gate by gate.
func (m *Matrices) pooled(f int) []pooled {
	if m.pools == nil {
		for k := range m.Gates {
			m.pools = append(m.pools, m.pooledAt(&m.Gates[k], f))
		}
	}
	return m.pools
}

func (m *Matrices) pooledAt(gate *Gate, f int) pooled {
	p, total := pooled{make([]float64, f), make([]float64, f), make([]float64, f), make([]float64, f)}, 0.0
	_, weight := m.pool()
	for n := range m.poolRows() {
		w := weight(n)
		total += w
		p.add(w, gate.poolRow(n, poolMean, f), gate.poolRow(n, poolPositive, f), gate.poolRow(n, poolStd, f), gate.Signed)
	}
	for _, v := range [][]float64{p.mean, p.positive, p.square, p.size} {
		for i := range v {
			v[i] /= total
		}
	}
	return p
}

// add adds a row of P, w times.
func (p pooled) add(w float64, means, shares, deviations []float32, signed bool) {
	for i, v := range means {
		mean, std := float64(v), float64(deviations[i])
		second := mean*mean + std*std
		p.mean[i] += w * mean
		p.positive[i] += w * float64(shares[i])
		p.square[i] += w * second
		if signed {
			p.size[i] += w * math.Sqrt(second)
		} else {
			p.size[i] += w * math.Abs(mean)
		}
	}
}

// sumOf adds something of each gate.
func sumOf(gates []pooled, of func(pooled) []float64) []float64 {
	sum := slices.Clone(of(gates[0]))
	for _, p := range gates[1:] {
		addTo(sum, of(p))
	}
	return sum
}
