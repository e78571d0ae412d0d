package criteria

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/internal/symmetric"
)

// l1Folded is Σ|w| with batch norm folded into the weights.
func l1Folded(_ *Matrices, g *groups.Group) ([]float64, error) {
	return sums(g, g.Producers, absolute, groups.Site.FoldScale), nil
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
		out, order := make([]float64, len(s)), make([]int, len(s))
		for i, x := range s {
			if order[i] = i; x < 0 {
				return nil, fmt.Errorf("LAMP wants scores of at least 0, unit %d has %g", i, x)
			}
		}
		slices.SortFunc(order, func(i, j int) int { return cmp.Compare(s[j], s[i]) })
		sum, summed := 0.0, 0
		for _, i := range order {
			for ; summed < len(s) && s[order[summed]] >= s[i]; summed++ {
				sum += s[order[summed]] * s[order[summed]]
			}
			out[i] = math.Min(s[i]*s[i]/math.Max(sum, math.SmallestNonzeroFloat64), 1)
		}
		return out, nil
	}
}

func fpgmRaw(m *Matrices, g *groups.Group) ([]float64, error) {
	return fpgm(m, g, func(groups.Site) []float64 { return nil }), nil
}

func fpgmFolded(m *Matrices, g *groups.Group) ([]float64, error) {
	return fpgm(m, g, groups.Site.FoldScale), nil
}

// fpgm is the sum of Euclidean distances from each unit's filters to those of all others, over the group's
// producers: the lowest lies nearest the geometric median.
func fpgm(m *Matrices, g *groups.Group, scale func(groups.Site) []float64) []float64 {
	f := len(g.Units)
	grams, at := make([]scaledGram, len(g.Producers)), make([][][]int, len(g.Producers))
	for s, site := range g.Producers {
		grams[s] = m.filterGram(site.Weight).scaled(scale(site))
		for _, u := range g.Units {
			at[s] = append(at[s], u.Indices(site.Weight, site.Axis))
		}
	}
	out, squares := make([]float64, f), make([]float64, f)
	for i := range f {
		behind := squares[i+1:]
		clear(behind)
		for s, gram := range grams {
			for k, a := range at[s][i] {
				gram.addDistances(behind, a, at[s][i+1:], k)
			}
		}
		for j, d := range behind {
			root := math.Sqrt(d)
			out[i] += root
			out[i+1+j] += root
		}
	}
	return out
}

// filterGram is the scalar products of all pairs of filters of a weight, O×O, of which the upper triangle counts.
type filterGram struct {
	o int
	v []float64
}

// filterGram is made once for all criteria.
func (m *Matrices) filterGram(w *graph.Node) filterGram {
	if g, ok := m.filters[w]; ok {
		return g
	}
	x := make([]float64, len(w.Value))
	for i, v := range w.Value {
		x[i] = float64(v)
	}
	g := filterGram{w.Shape[0], symmetric.UpperGram(x, w.Shape[0])}
	if m.filters == nil {
		m.filters = map[*graph.Node]filterGram{}
	}
	m.filters[w] = g
	return g
}

// scaled is the filters each at its scale; nil for 1.
func (g filterGram) scaled(by []float64) scaledGram {
	s := scaledGram{g, by, make([]float64, g.o)}
	if by == nil {
		s.by = make([]float64, g.o)
		for i := range s.by {
			s.by[i] = 1
		}
	}
	for i, x := range s.by {
		s.square[i] = x * x * g.v[i*g.o+i]
	}
	return s
}

// scaledGram is a filterGram with a scale for each filter.
type scaledGram struct {
	filterGram
	by     []float64
	square []float64 // Σ w² of each filter at its scale
}

// addDistances adds the squared distances of filter a from the k-th ones of units.
func (g scaledGram) addDistances(to []float64, a int, at [][]int, k int) {
	row, square, by := g.v[a*g.o:(a+1)*g.o], g.square[a], 2*g.by[a]
	for j := range to {
		if k < len(at[j]) {
			b := at[j][k]
			product := row[b]
			if b < a {
				product = g.v[b*g.o+a]
			}
			to[j] += max(0, square+g.square[b]-by*g.by[b]*product)
		}
	}
}
