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
func onGamma(of func(*Matrices, Needs, int) *gamma, on Needs, score func(*gamma) []float64) func(*Matrices, *groups.Group) ([]float64, error) {
	return func(m *Matrices, g *groups.Group) ([]float64, error) {
		return score(of(m, on, len(g.Units))), nil
	}
}

// gamma is weighted means over the rows of Γ, F, the sum over the group's gates being γ: of γ, of its size, of its square, and
// the mean over mini-batches, in the order of the rows, of the square of their mean.
type gamma struct{ plain, size, square, batches []float64 }

// gamma adds the gates up before anything is squared: the coupled places may cancel. It is made once.
func (m *Matrices) gamma(on Needs, f int) *gamma {
	if s, ok := m.sums[on]; ok {
		return s
	}
	s := m.scaledGamma(on, f, func(Gate) float64 { return 1 })
	if m.sums == nil {
		m.sums = map[Needs]*gamma{}
	}
	m.sums[on] = s
	return s
}

// gammaPerPixel divides that of each gate by its pixels, to a common factor.
func (m *Matrices) gammaPerPixel(on Needs, f int) *gamma {
	if !slices.ContainsFunc(m.Gates, func(g Gate) bool { return g.Pixels != m.Gates[0].Pixels }) {
		return m.gamma(on, f)
	}
	return m.scaledGamma(on, f, func(g Gate) float64 { return 1 / float64(g.Pixels) })
}

// gateBatch is the images of one mini-batch of taylor-gate: with large ones the signed mean of
// a converged network goes to zero.
const gateBatch = 8

func (m *Matrices) scaledGamma(on Needs, f int, scale func(Gate) float64) *gamma {
	var parts [][]float32
	var by []float64
	for _, gate := range m.Gates {
		parts, by = append(parts, gate.of(on)), append(by, scale(gate))
	}
	_, weight := m.behind()
	s := &gamma{make([]float64, f), make([]float64, f), make([]float64, f), make([]float64, f)}
	row, batch, total, batches := make([]float64, f), make([]float64, f), 0.0, 0.0
	for lo := 0; lo < m.objectRows(); lo += gateBatch {
		clear(batch)
		own := 0.0
		for n := lo; n < min(lo+gateBatch, m.objectRows()); n++ {
			clear(row)
			for k, v := range parts {
				addScaled(row, v[n*f:(n+1)*f], by[k])
			}
			own += weight(n)
			s.add(row, batch, weight(n))
		}
		for i, x := range batch {
			s.batches[i] += square(x / own)
		}
		total, batches = total+own, batches+1
	}
	for i := range s.plain {
		s.plain[i] /= total
		s.size[i] /= total
		s.square[i] /= total
		s.batches[i] /= batches
	}
	return s
}

// addScaled is y += by·x.
func addScaled(y []float64, x []float32, by float64) {
	x = x[:len(y)]
	for i := range y {
		y[i] += float64(x[i]) * by
	}
}

// add adds γ of a row to the sums and to that of its batch, w times.
func (s *gamma) add(row, batch []float64, w float64) {
	plain, size, squares, batch := s.plain[:len(row)], s.size[:len(row)], s.square[:len(row)], batch[:len(row)]
	for i, x := range row {
		plain[i] += w * x
		batch[i] += w * x
		size[i] += w * math.Abs(x)
		squares[i] += w * (x * x)
	}
}

// taylor is mean_n |γ_n/M|, divided by its L2 norm over the group so that groups compare.
func taylor(s *gamma) []float64 {
	out := slices.Clone(s.size)
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

// taylorGate is the mean over mini-batches, in the order of the images, of (mean γ)².
func taylorGate(s *gamma) []float64 { return slices.Clone(s.batches) }

// fisher is ½ mean_n γ_n².
func fisher(s *gamma) []float64 {
	out := slices.Clone(s.square)
	for i := range out {
		out[i] /= 2
	}
	return out
}

// snip is |mean_n γ_n|: near 0 everywhere on a network that has converged.
func snip(s *gamma) []float64 {
	out := slices.Clone(s.plain)
	for i := range out {
		out[i] = math.Abs(out[i])
	}
	return out
}

// groupFisher is mean_n γ_n² over the bytes of activations that the unit's channels take at the group's gates for
// one image: the paper's choice of cost, which tracks time better than multiply-adds.
func groupFisher(on Needs) func(*Matrices, *groups.Group) ([]float64, error) {
	return func(m *Matrices, g *groups.Group) ([]float64, error) {
		out := slices.Clone(m.gamma(on, len(g.Units)).square)
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
