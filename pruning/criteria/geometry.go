package criteria

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/pruning/groups"
	"gonum.org/v1/gonum/mat"
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
	square := make([]float64, f*f)
	for _, site := range g.Producers {
		at := make([][]int, f)
		for i, u := range g.Units {
			at[i] = u.Indices(site.Weight, site.Axis)
		}
		products, byFilter := m.filterGram(site.Weight), scale(site)
		for i := range f {
			for j := range i {
				d := products.distance(at[i], at[j], byFilter)
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

// filterGram is the scalar products of all pairs of filters of a weight, O×O, the upper triangle.
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
	g := filterGram{w.Shape[0], upperProducts(x, w.Shape[0])}
	if m.filters == nil {
		m.filters = map[*graph.Node]filterGram{}
	}
	m.filters[w] = g
	return g
}

// upperProducts is X·Xᵀ of r rows, the upper triangle.
func upperProducts(x []float64, r int) []float64 {
	var out mat.SymDense
	out.SymOuterK(1, mat.NewDense(r, len(x)/r, x))
	return out.RawSymmetric().Data
}

// distance is the squared distance of the filters a and b, pair by pair, each filter at its scale; nil for 1.
func (g filterGram) distance(a, b []int, scale []float64) float64 {
	sum := 0.0
	for k := range min(len(a), len(b)) {
		i, j := min(a[k], b[k]), max(a[k], b[k])
		si, sj := 1.0, 1.0
		if scale != nil {
			si, sj = scale[i], scale[j]
		}
		sum += math.Max(0, si*si*g.v[i*g.o+i]+sj*sj*g.v[j*g.o+j]-2*si*sj*g.v[i*g.o+j])
	}
	return sum
}
