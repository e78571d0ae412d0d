package criteria

import (
	"math"
	"slices"

	"github.com/secateur/secateur/pruning/groups"
)

// gradientCriteria is the criteria on Γ, of the loss or of the margin.
func gradientCriteria(on Needs) []Criterion {
	suffix, note := "-loss", "the gradient of the loss fades on a network that has fitted its data"
	if on == MarginGradients {
		suffix, note = "-margin", ""
	}
	list := []Criterion{
		{Name: "taylor", Source: "Molchanov et al., ICLR 2017, 1611.06440", Score: onGamma((*Matrices).gammaPerPixel, on, taylor)},
		{Name: "taylor-gate", Source: "Molchanov et al., CVPR 2019, 1906.10771", Score: onGamma((*Matrices).gamma, on, taylorGate)},
		{Name: "fisher", Source: "Theis et al., 2018, 1801.05787", Score: onGamma((*Matrices).gamma, on, fisher)},
		{Name: "group-fisher", Source: "Liu et al., ICML 2021, 2108.00708", Score: groupFisher(on)},
		{Name: "snip", Source: "channel form of Lee et al., ICLR 2019, 1810.02340", Score: onGamma((*Matrices).gamma, on, snip)},
	}
	for i := range list {
		c := &list[i]
		c.Name += suffix
		c.Family, c.Needs, c.Labels, c.Comparable, c.Note, c.Cost = "gradient", on, true, true, note, 3
	}
	return list
}

// onGamma is the score of a group from its Γ.
func onGamma(of func(*Matrices, Needs, int) gamma, on Needs, score func(gamma) []float64) func(*Matrices, *groups.Group) ([]float64, error) {
	return func(m *Matrices, g *groups.Group) ([]float64, error) {
		return score(of(m, on, len(g.Units))), nil
	}
}

// gamma is Γ of a group, N×F: v[n*f+i] is image or object n and unit i, summed over the group's gates.
type gamma struct {
	f      int
	v      []float64
	weight func(n int) float64
	made   *gammaMeans
}

// gammaMeans are weighted means over all rows, F: of γ, of its size, of its square. They are made together, once.
type gammaMeans struct{ plain, size, square []float64 }

func (s gamma) rows() int { return len(s.v) / s.f }

// gamma adds the gates up before anything is squared: the coupled places may cancel. It is made once.
func (m *Matrices) gamma(on Needs, f int) gamma {
	if s, ok := m.sums[on]; ok {
		return s
	}
	s := m.scaledGamma(on, f, func(Gate) float64 { return 1 })
	if m.sums == nil {
		m.sums = map[Needs]gamma{}
	}
	m.sums[on] = s
	return s
}

// gammaPerPixel divides that of each gate by its pixels, to a common factor.
func (m *Matrices) gammaPerPixel(on Needs, f int) gamma {
	if !slices.ContainsFunc(m.Gates, func(g Gate) bool { return g.Pixels != m.Gates[0].Pixels }) {
		return m.gamma(on, f)
	}
	return m.scaledGamma(on, f, func(g Gate) float64 { return 1 / float64(g.Pixels) })
}

func (m *Matrices) scaledGamma(on Needs, f int, scale func(Gate) float64) gamma {
	_, weight := m.behind()
	s := gamma{f, make([]float64, m.objectRows()*f), weight, &gammaMeans{}}
	for _, gate := range m.Gates {
		by := scale(gate)
		for i, x := range gate.of(on) {
			s.v[i] += float64(x) * by
		}
	}
	return s
}

// means are those over all rows, by unit.
func (s gamma) means() *gammaMeans {
	m := s.made
	if m.plain != nil {
		return m
	}
	m.plain, m.size, m.square = make([]float64, s.f), make([]float64, s.f), make([]float64, s.f)
	total := 0.0
	for n := range s.rows() {
		w := s.weight(n)
		total += w
		plain, size, squares := m.plain, m.size[:len(m.plain)], m.square[:len(m.plain)]
		for i, x := range s.v[n*s.f:][:len(plain)] {
			plain[i] += w * x
			size[i] += w * math.Abs(x)
			squares[i] += w * (x * x)
		}
	}
	for i := range m.plain {
		m.plain[i] /= total
		m.size[i] /= total
		m.square[i] /= total
	}
	return m
}

// meanOf is the weighted mean over rows lo to hi, by unit.
func (s gamma) meanOf(lo, hi int) []float64 {
	out, total := make([]float64, s.f), 0.0
	for n := lo; n < hi; n++ {
		w := s.weight(n)
		total += w
		for i, x := range s.v[n*s.f:][:len(out)] {
			out[i] += w * x
		}
	}
	for i := range out {
		out[i] /= total
	}
	return out
}

// taylor is mean_n |γ_n/M|, divided by its L2 norm over the group so that groups compare.
func taylor(s gamma) []float64 {
	out := slices.Clone(s.means().size)
	norm := 0.0
	for _, x := range out {
		if finite(x) {
			norm += x * x
		}
	}
	if norm > 0 {
		for i := range out {
			out[i] /= math.Sqrt(norm)
		}
	}
	return out
}

// gateBatch is the images of one mini-batch of taylor-gate: with large ones the signed mean of
// a converged network goes to zero.
const gateBatch = 8

// taylorGate is the mean over mini-batches, in the order of the images, of (mean γ)².
func taylorGate(s gamma) []float64 {
	out, batches := make([]float64, s.f), 0.0
	for lo := 0; lo < s.rows(); lo += gateBatch {
		for i, x := range s.meanOf(lo, min(lo+gateBatch, s.rows())) {
			out[i] += x * x
		}
		batches++
	}
	for i := range out {
		out[i] /= batches
	}
	return out
}

// fisher is ½ mean_n γ_n².
func fisher(s gamma) []float64 {
	out := slices.Clone(s.means().square)
	for i := range out {
		out[i] /= 2
	}
	return out
}

// snip is |mean_n γ_n|: near 0 everywhere on a network that has converged.
func snip(s gamma) []float64 {
	out := slices.Clone(s.means().plain)
	for i := range out {
		out[i] = math.Abs(out[i])
	}
	return out
}

// groupFisher is mean_n γ_n² over the bytes of activations that the unit's channels take at the group's gates for
// one image: the paper's choice of cost, which tracks time better than multiply-adds.
func groupFisher(on Needs) func(*Matrices, *groups.Group) ([]float64, error) {
	return func(m *Matrices, g *groups.Group) ([]float64, error) {
		out := slices.Clone(m.gamma(on, len(g.Units)).means().square)
		for i, u := range g.Units {
			out[i] /= 4 * float64(memory(g, u))
		}
		return out, nil
	}
}

// memory is the floats of one image that a unit takes at the group's gates.
func memory(g *groups.Group, u groups.Unit) int {
	floats := 0
	for _, n := range g.Gates {
		floats += len(u.Indices(n, len(n.Shape)-1)) * n.Shape.Rows() / n.Shape[0]
	}
	return max(floats, 1)
}
