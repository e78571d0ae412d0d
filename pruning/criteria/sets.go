package criteria

import (
	"math"
	"slices"

	"github.com/secateur/secateur/pruning/groups"
	"gonum.org/v1/gonum/floats"
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

// scatters are the total and within-class scatter of all pairs of units, F×F, made once. The total is that within the
// classes and that of their means.
func (s *sample) scatters() (total, within []float64) {
	if s.total != nil {
		return s.total, s.within
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
	s.within, s.total = mirrored(upperProducts(centred, f), f), mirrored(upperProducts(between, f), f)
	floats.Add(s.total, s.within)
	return s.total, s.within
}

// mirrored copies the upper triangle of v, F×F, to the lower one.
func mirrored(v []float64, f int) []float64 {
	for i := range f {
		for j := range i {
			v[i*f+j] = v[j*f+i]
		}
	}
	return v
}

// relevance is ½ ln(Σ_T/Σ_W), what each unit tells by itself; -1 where it never varies.
func (s *sample) relevance() []float64 {
	return s.each(func(x []float64) float64 {
		total, within := s.scatter(x, x)
		if total == 0 {
			return -1
		}
		return math.Log(total/within) / 2
	})
}

// greedy takes units one by one: the best gain first, gains being asked again after each with what has been
// taken last, -1 at the start. Of equal gains the relevance decides; what never varies comes last.
func greedy(f int, relevance []float64, gain func(i, last int) float64) []int {
	var order []int
	gains, taken, last := make([]float64, f), make([]bool, f), -1
	for range f {
		best := -1
		for i := range f {
			if taken[i] {
				continue
			}
			if gains[i] = gain(i, last); relevance[i] < 0 {
				gains[i] = math.Inf(-1)
			}
			if best < 0 || better(gains, relevance, i, best) {
				best = i
			}
		}
		taken[best], last = true, best
		order = append(order, best)
	}
	return order
}

// better reports whether unit i comes before unit j; numbers come before what is none.
func better(gains, relevance []float64, i, j int) bool {
	a, b := gains[i], gains[j]
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.IsNaN(b) && !math.IsNaN(a)
	}
	return a > b || a == b && relevance[i] > relevance[j]
}

// jmi takes the unit with the largest sum of I(x_i, x_s; y) over the units s taken before.
func jmi(s *sample) []int {
	relevance, joint := s.relevance(), s.pairInformations()
	sum, f := make([]float64, len(s.x)), len(s.x)
	return greedy(f, relevance, func(i, last int) float64 {
		if last < 0 {
			return relevance[i]
		}
		sum[i] += joint[last*f+i]
		return sum[i]
	})
}

// pairInformations is pairInformation of all pairs, F×F, made once.
func (s *sample) pairInformations() []float64 {
	if s.joint != nil {
		return s.joint
	}
	total, within := s.scatters()
	f := len(s.x)
	s.joint = make([]float64, f*f)
	for i := range f {
		for j := i + 1; j < f; j++ {
			s.joint[i*f+j] = pairInformation(total, within, f, i, j)
		}
	}
	return mirrored(s.joint, f)
}

// pairInformation is ½ ln(det Σ_T/det Σ_W) of two units: what both together tell of the class, in nat (Wilks' Λ). A
// pair without spread of its own, such as a filter and its copy, tells what one of them does.
func pairInformation(total, within []float64, f, i, j int) float64 {
	t := total[i*f+i]*total[j*f+j] - total[i*f+j]*total[i*f+j]
	w := within[i*f+i]*within[j*f+j] - within[i*f+j]*within[i*f+j]
	least := 1e-9 * within[i*f+i] * within[j*f+j]
	if w > least && t > 0 {
		return math.Log(t/w) / 2
	}
	return math.Max(single(total, within, f, i), single(total, within, f, j))
}

// single is ½ ln(Σ_T/Σ_W) of one unit, 0 where it never varies within a class.
func single(total, within []float64, f, i int) float64 {
	if within[i*f+i] <= 0 {
		return 0
	}
	return math.Log(total[i*f+i]/within[i*f+i]) / 2
}

// mrmr takes the unit with the largest I(x_i; y) less the mean of I(x_i; x_s) over the units s taken before.
func mrmr(s *sample) []int {
	relevance := s.relevance()
	total, _ := s.scatters()
	f, count := len(s.x), 0
	redundancy := make([]float64, f)
	seen := -1
	return greedy(f, relevance, func(i, last int) float64 {
		if last < 0 {
			return relevance[i]
		}
		if last != seen {
			seen = last
			count++
		}
		redundancy[i] += pairRedundancy(total, f, i, last)
		return relevance[i] - redundancy[i]/float64(count)
	})
}

// pairRedundancy is -½ ln(1-ρ²), bounded for copies.
func pairRedundancy(total []float64, f, i, j int) float64 {
	d := total[i*f+i] * total[j*f+j]
	if d <= 0 {
		return 0
	}
	rho := total[i*f+j] * total[i*f+j] / d
	return -math.Log(1-math.Min(rho, 1-1e-9)) / 2
}

// shrink is the weight of the diagonal in a scatter matrix: more where there are fewer images than units.
func (s *sample) shrink() float64 {
	if len(s.label) > len(s.x) {
		return 0.1
	}
	return 0.5
}

// cmi takes the unit with the largest ½ ln(v_T/v_W), the variances, total and within classes, that are left of it
// given the units taken before: pivoted Cholesky on both scatters, what varies within classes shrunk to its diagonal in
// both. (Shrinking the total by itself would leave a copy of a taken unit the gain of the first: both variances keep the
// same share.) With as many taken as there
// are images less classes the scatter within classes is used up, and the rest goes as jmi would have it.
func cmi(s *sample) []int {
	relevance, joint := s.relevance(), s.pairInformations()
	total, within := s.scatters()
	f, rho := len(s.x), s.shrink()
	t, w := newConditional(total, within, f, rho), newConditional(within, within, f, rho)
	given, taken, sum, most := -1, 0, make([]float64, f), max(len(s.label)-s.classes, 1)
	return greedy(f, relevance, func(i, last int) float64 {
		if last != given {
			given = last
			if taken++; taken < most {
				t.condition(last)
				w.condition(last)
			}
		}
		if last >= 0 {
			sum[i] += joint[last*f+i]
		}
		if taken >= most {
			return sum[i]
		}
		if w.left[i] <= 0 || t.left[i] <= 0 {
			return 0
		}
		return math.Log(t.left[i]/w.left[i]) / 2
	})
}

// conditional is the variances of units given others, by pivoted Cholesky.
type conditional struct {
	f     int
	s     []float64 // F×F
	less  []float64 // F×F, taken from the off-diagonals rho times
	rho   float64
	left  []float64 // F
	least []float64 // below which nothing is left
	rows  [][]float64
}

func newConditional(s, less []float64, f int, rho float64) *conditional {
	c := &conditional{f: f, s: s, less: less, rho: rho, left: make([]float64, f), least: make([]float64, f)}
	for i := range f {
		c.left[i] = s[i*f+i]
		c.least[i] = 1e-9 * c.left[i]
	}
	return c
}

// condition takes unit i as given.
func (c *conditional) condition(i int) {
	if c.left[i] <= c.least[i] {
		return
	}
	row := slices.Clone(c.s[i*c.f : (i+1)*c.f])
	floats.AddScaled(row, -c.rho, c.less[i*c.f:(i+1)*c.f])
	row[i] = c.s[i*c.f+i]
	for _, r := range c.rows {
		floats.AddScaled(row, -r[i], r)
	}
	floats.Scale(1/math.Sqrt(c.left[i]), row)
	c.rows = append(c.rows, row)
	for j, v := range row {
		if c.left[j] -= v * v; c.left[j] < c.least[j] {
			c.left[j] = 0
		}
	}
}
