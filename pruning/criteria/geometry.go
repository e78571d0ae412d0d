package criteria

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/pruning/groups"
)

// l1Folded is Σ|w| with batch norm folded into the weights.
func l1Folded(_ *Matrices, g *groups.Group) ([]float64, error) {
	return sums(g, g.Producers, math.Abs, groups.Site.FoldScale), nil
}

// bnScale is |γ| of the batch norm behind each producer, summed over the producers.
func bnScale(_ *Matrices, g *groups.Group) ([]float64, error) {
	out := make([]float64, len(g.Units))
	for _, site := range g.Producers {
		if site.Norm == nil || !site.Norm.In[1].IsLeaf() {
			return nil, fmt.Errorf("no batch norm lies apart behind %s: it is folded into the weights or there is none", site.Op.Name)
		}
		gamma := site.Norm.In[1].Value
		for i, u := range g.Units {
			for _, k := range u.Indices(site.Weight, site.Axis) {
				out[i] += math.Abs(float64(gamma[k]))
			}
		}
	}
	return out, nil
}

// lampOf makes scores of a non-negative criterion comparable: s² over the sum of the squares of those in the group
// that are at least as large. The best of each group has 1, so none is emptied.
func lampOf(score func(*Matrices, *groups.Group) ([]float64, error)) func(*Matrices, *groups.Group) ([]float64, error) {
	return func(m *Matrices, g *groups.Group) ([]float64, error) {
		s, err := score(m, g)
		if err != nil {
			return nil, err
		}
		out := make([]float64, len(s))
		for i, x := range s {
			if x < 0 {
				return nil, fmt.Errorf("LAMP wants scores of at least 0, unit %d has %g", i, x)
			}
			sum := 0.0
			for _, y := range s {
				if y >= x {
					sum += y * y
				}
			}
			out[i] = math.Min(x*x/math.Max(sum, math.SmallestNonzeroFloat64), 1)
		}
		return out, nil
	}
}

func fpgmRaw(_ *Matrices, g *groups.Group) ([]float64, error) {
	return fpgm(g, func(groups.Site) []float64 { return nil }), nil
}

func fpgmFolded(_ *Matrices, g *groups.Group) ([]float64, error) {
	return fpgm(g, groups.Site.FoldScale), nil
}

// fpgm is the sum of Euclidean distances from each unit's filters to those of all others, over the group's
// producers: the lowest lies nearest the geometric median.
func fpgm(g *groups.Group, scale func(groups.Site) []float64) []float64 {
	f := len(g.Units)
	square := make([]float64, f*f)
	for _, site := range g.Producers {
		byFilter := scale(site)
		for i := range f {
			for j := range i {
				d := filterDistance(site, byFilter, g.Units[i], g.Units[j])
				square[i*f+j] += d
				square[j*f+i] += d
			}
		}
	}
	out := make([]float64, f)
	for i := range square {
		out[i/f] += math.Sqrt(square[i])
	}
	return out
}

// filterDistance is the squared distance of two units' filters in one weight.
func filterDistance(site groups.Site, scale []float64, a, b groups.Unit) float64 {
	w := site.Weight
	size, sum := len(w.Value)/w.Shape[0], 0.0
	at, bt := a.Indices(w, site.Axis), b.Indices(w, site.Axis)
	for k := range min(len(at), len(bt)) {
		sa, sb := 1.0, 1.0
		if scale != nil {
			sa, sb = scale[at[k]], scale[bt[k]]
		}
		x, y := w.Value[at[k]*size:][:size], w.Value[bt[k]*size:][:size]
		for i, v := range x {
			d := float64(v)*sa - float64(y[i])*sb
			sum += d * d
		}
	}
	return sum
}
