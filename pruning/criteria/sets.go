package criteria

import (
	"math"
	"slices"

	"github.com/secateur/secateur/core/tensor"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/internal/symmetric"
)

// onSets scores units by the order in which a greedy search takes them: the first one is worth the most. Those that never
// vary tell nothing, and share the lowest score.
func onSets(search func(*sample) []int) func(*Matrices, *groups.Group) ([]float64, error) {
	return func(m *Matrices, g *groups.Group) ([]float64, error) {
		s, err := m.sample(g)
		if err != nil {
			return nil, err
		}
		scores := byOrder(search(s))
		for i, own := range s.relevance() {
			if math.IsNaN(own) {
				scores[i] = own
			} else if own < 0 {
				scores[i] = 0
			}
		}
		return scores, nil
	}
}

// byOrder scores the units of an order: its length for the first, 1 for the last.
func byOrder(order []int) []float64 {
	out := make([]float64, len(order))
	for at, i := range order {
		out[i] = float64(len(order) - at)
	}
	return out
}

// scatter is Σ (x-x̄)(y-ȳ) of all pairs of units: that within the classes and, in total, that of their means beside.
type scatter struct {
	f, classes int
	within     []float64 // F×F
	between    []float64 // F×classes, means of classes less that of all, by the roots of their sizes
	totals     []float64 // F, the total of each unit with itself
}

// scatters is made once.
func (s *sample) scatters() *scatter {
	if s.scattered != nil {
		return s.scattered
	}
	f, n := len(s.x), len(s.label)
	centred, between := make([]float64, 0, f*n), make([]float64, 0, f*s.classes)
	for _, x := range s.x {
		class, all := s.means(x)
		for n, v := range x {
			centred = append(centred, v-class[s.label[n]])
		}
		for c, m := range class {
			between = append(between, math.Sqrt(float64(s.count[c]))*(m-all))
		}
	}
	s.scattered = &scatter{f, s.classes, symmetric.Gram(centred, f), between, make([]float64, f)}
	for i := range f {
		s.scattered.total(s.scattered.totals[i:i+1], i, i)
	}
	return s.scattered
}

// total is that of unit i with as many units from one on as there is room for.
func (s *scatter) total(row []float64, i, from int) {
	tensor.Product(row, s.between[from*s.classes:], s.classes, s.between[i*s.classes:], len(row), s.classes)
	addTo(row, s.within[i*s.f+from:])
}

// relevance is ½ ln(Σ_T/Σ_W), what each unit tells by itself; -1 where it never varies. It is made once.
func (s *sample) relevance() []float64 {
	if s.own != nil {
		return s.own
	}
	s.own = s.each(func(i int) float64 {
		total, within := s.spread(i)
		if total == 0 {
			return -1
		}
		return math.Log(total/within) / 2
	})
	return s.own
}

// greedy takes units one by one: the best gain first, those that are left being brought up to date before each by what has
// been taken last, -1 at the start. Of equal gains the relevance decides; what never varies comes last.
func greedy(relevance []float64, update func(gains []float64, left []int, last int)) []int {
	var order, left []int
	for i := range relevance {
		left = append(left, i)
	}
	gains, last := make([]float64, len(left)), -1
	for len(left) > 0 {
		update(gains, left, last)
		best := 0
		for at, i := range left {
			if relevance[i] < 0 {
				gains[i] = math.Inf(-1)
			}
			if !(gains[i] < gains[left[best]]) && better(gains, relevance, i, left[best]) {
				best = at
			}
		}
		last = left[best]
		order, left = append(order, last), slices.Delete(left, best, best+1)
	}
	return order
}

// better reports whether unit i comes before unit j; numbers come before what is none.
func better(gains, relevance []float64, i, j int) bool {
	a, b := gains[i], gains[j]
	if a != a || b != b {
		return math.IsNaN(b) && !math.IsNaN(a)
	}
	return a > b || a == b && relevance[i] > relevance[j]
}

// jmi takes the unit with the largest sum of I(x_i, x_s; y) over the units s taken before.
func jmi(s *sample) []int {
	relevance, joint := s.relevance(), s.pairInformations()
	sum, f := make([]float64, len(s.x)), len(s.x)
	return greedy(relevance, func(gains []float64, _ []int, last int) {
		if last < 0 {
			copy(gains, relevance)
			return
		}
		addTo(sum, joint[last*f:])
		copy(gains, sum)
	})
}

// pairInformations is what both units of a pair together tell of the class, in nat, F×F, made once: ½ ln 1/Λ, and of a pair
// without spread of its own, such as a filter and its copy, what one of them tells.
func (s *sample) pairInformations() []float64 {
	if s.joint != nil {
		return s.joint
	}
	scatter, f := s.scatters(), len(s.x)
	t, w := scatter.totals, diagonal(scatter.within, f)
	alone := make([]float64, f) // Σ_T/Σ_W of one unit, 1 where it never varies within a class
	for i := range alone {
		if alone[i] = 1; w[i] > 0 {
			alone[i] = t[i] / w[i]
		}
	}
	s.joint = symmetric.UpperGram(scatter.between, f)
	for i := range f {
		row, withins := s.joint[i*f:(i+1)*f], scatter.within[i*f:(i+1)*f]
		row[i] = 0
		for j := i + 1; j < f; j++ {
			both, ok := wilks(t[i]*t[j], row[j]+withins[j], w[i]*w[j], withins[j])
			if !ok {
				both = max(alone[i], alone[j])
			}
			row[j] = both
		}
		halfLogs(row[i+1:])
	}
	symmetric.Mirror(s.joint, f)
	return s.joint
}

func diagonal(v []float64, f int) []float64 {
	d := make([]float64, f)
	for i := range d {
		d[i] = v[i*f+i]
	}
	return d
}

// wilks is det Σ_T/det Σ_W of two units, from the products of their variances and their covariances: 1/Λ of Wilks. It
// reports false for a pair without spread of its own.
func wilks(total, totalCross, within, withinCross float64) (ratio float64, ok bool) {
	t, w := total-totalCross*totalCross, within-withinCross*withinCross
	if w > 1e-9*within && t > 0 {
		return t / w, true
	}
	return 0, false
}

// mrmr takes the unit with the largest I(x_i; y) less the mean of I(x_i; x_s) over the units s taken before.
func mrmr(s *sample) []int {
	relevance, scatter := s.relevance(), s.scatters()
	f, count := len(s.x), 0
	redundancy, own, pairs, row := make([]float64, f), scatter.totals, make([]float64, f), make([]float64, f)
	return greedy(relevance, func(gains []float64, left []int, last int) {
		if last < 0 {
			copy(gains, relevance)
			return
		}
		count++
		added := pairs[:len(left)]
		scatter.total(row, last, 0)
		for at, i := range left {
			added[at] = unexplained(row[i], own[i]*own[last])
		}
		halfLogs(added)
		for at, i := range left {
			redundancy[i] -= added[at]
			gains[i] = relevance[i] - redundancy[i]/float64(count)
		}
	})
}

// unexplained is 1-ρ², bounded for copies, of a covariance and the product of the variances: e to -2 I(x; y).
func unexplained(covariance, variances float64) float64 {
	if variances <= 0 {
		return 1
	}
	return 1 - min(covariance*covariance/variances, 1-1e-9)
}

// shrink is the weight of the diagonal in a scatter matrix: more where there are fewer images than units.
func (s *sample) shrink() float64 {
	if len(s.label) > len(s.x) {
		return 0.1
	}
	return 0.5
}

// cmi takes the unit with the largest ½ ln(v_T/v_W), and so v_T/v_W, the variances, total and within classes, that are left of it
// given the units taken before, what varies within classes shrunk to its diagonal in both. (Shrinking the total by itself would
// leave a copy of a taken unit the gain of the first: both variances keep the same share.) With as many taken as there are
// images less classes the scatter within classes is used up, and the rest goes as jmi would have it.
func cmi(s *sample) []int {
	relevance, joint := s.relevance(), s.pairInformations()
	f := len(s.x)
	taken, sum, most := 0, make([]float64, f), max(len(s.label)-s.classes, 1)
	variances := s.scatters().conditional(min(f, most), s.shrink())
	return greedy(relevance, func(gains []float64, left []int, last int) {
		if last >= 0 {
			addTo(sum, joint[last*f:])
			if taken++; taken < most {
				variances.condition(last)
			}
		}
		if taken >= most {
			copy(gains, sum)
			return
		}
		for _, i := range left {
			gains[i] = variances.ratio(i)
		}
	})
}

// conditional is the variances of units given others: within classes by pivoted Cholesky, and in total from these. With
// x = w + B·u, w what varies within classes, B the means of classes and u of unit covariance,
//
//	var(x_i | x_S) = var(w_i | w_S) + b_iᵀ·var(u | x_S)·b_i,  b_i = B_i - cov(w_i, w_S)·var(w_S)⁻¹·B_S
//
// (the matrix inversion lemma). Coordinates are turned so that var(u | x_S) stays 1.
type conditional struct {
	*scatter
	most  int
	rho   float64   // the off-diagonals within classes lose that share
	left  []float64 // F, variances within classes
	least []float64 // below which nothing is left
	means []float64 // F×classes, b
	known []float64 // classes, b of the unit that is taken as given, by the root of its variance
	count int       // of units that were taken as given
	taken []float64 // F×most, a column for each of those: what the units have of it
	gone  []float64 // F
}

// conditional is for at most most units that are taken as given.
func (s *scatter) conditional(most int, rho float64) *conditional {
	c := &conditional{scatter: s, most: most, rho: rho, left: diagonal(s.within, s.f), least: diagonal(s.within, s.f), means: slices.Clone(s.between),
		known: make([]float64, s.classes), taken: make([]float64, s.f*most), gone: make([]float64, s.f)}
	for i := range c.least {
		c.least[i] *= 1e-9
	}
	return c
}

// ratio is the variance of unit i in total by that within classes, 1 where nothing is left.
func (c *conditional) ratio(i int) float64 {
	if c.left[i] <= 0 {
		return 1
	}
	b := c.means[i*c.classes:][:c.classes]
	return 1 + dot(b, b)/c.left[i]
}

// condition takes unit i as given.
func (c *conditional) condition(i int) {
	if c.left[i] <= c.least[i] {
		return
	}
	own, gone := c.within[i*c.f:][:c.f], c.gone
	tensor.Product(gone, c.taken, c.most, c.taken[i*c.most:][:c.count], c.f, c.count)
	by := 1 / math.Sqrt(c.left[i])
	for j, v := range gone { // j = i is not looked at again
		v = ((1-c.rho)*own[j] - v) * by
		gone[j], c.taken[j*c.most+c.count] = v, v
		if c.left[j] -= v * v; c.left[j] < c.least[j] {
			c.left[j] = 0
		}
	}
	for k, b := range c.means[i*c.classes:][:c.classes] {
		c.known[k] = b * by
	}
	c.turn()
	c.count++
}

// turn is b = (1+p·pᵀ)^-½·(b - gone·p), p what is known of u.
func (c *conditional) turn() {
	p := c.known
	size, shorter := dot(p, p), 0.0
	if size > 0 {
		shorter = (1 - 1/math.Sqrt(1+size)) / size
	}
	for j, v := range c.gone {
		b := c.means[j*c.classes:][:c.classes]
		less := v + shorter*(dot(p, b)-v*size)
		for k, x := range p {
			b[k] -= less * x
		}
	}
}
