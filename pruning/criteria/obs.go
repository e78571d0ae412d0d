package criteria

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/ridge"
	"gonum.org/v1/gonum/floats"
)

// reconstructionCriteria ask how well the layers that read a channel do without it.
func reconstructionCriteria() []Criterion {
	list := []Criterion{
		{Name: "obs", Needs: Moments, Source: "greedy layer-wise optimal brain surgeon with compensation, L-OBS 1705.07565, OBC 2208.11580", Score: obs},
		{Name: "thinet", Needs: Samples, Source: "Luo et al., ICCV 2017, 1707.06342", Note: "asks what a filter adds, not whether others can make up for it", Score: thinet},
	}
	for i := range list {
		list[i].Family, list[i].Cost = "reconstruction", 1
		list[i].Needs |= Weights
	}
	return list
}

// obs takes units away one by one, each time the one whose loss changes the outputs of the group's consumers
// least when the others make up for it; the score is the place in that order. With K the covariance of a
// consumer's input, ridge added, and W its weights, taking channel i away costs ‖W_i‖²/[K⁻¹]_ii, after which
// W -= W_i·[K⁻¹]_i/[K⁻¹]_ii and K⁻¹ loses row and column i. The taps of a kernel count as independent readers,
// and so do the channels of a unit that has several.
func obs(m *Matrices, g *groups.Group) ([]float64, error) {
	if len(g.Consumers) == 0 {
		return nil, fmt.Errorf("no layer reads its channels")
	}
	var readers []*reader
	for _, site := range g.Consumers {
		r, err := newReader(site, g, m.Consumers[site.Op.Name].Moments)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", site.Op.Name, err)
		}
		readers = append(readers, r)
	}
	f := len(g.Units)
	out, gone := make([]float64, f), make([]bool, f)
	for place := range f {
		i := cheapest(readers, gone)
		gone[i], out[i] = true, float64(place)
		for _, r := range readers {
			r.take(i)
		}
	}
	return out, nil
}

// cheapest is the unit that costs least of those that are left.
func cheapest(readers []*reader, gone []bool) int {
	best, least := -1, 0.0
	for i := range gone {
		if gone[i] {
			continue
		}
		cost := 0.0
		for _, r := range readers {
			cost += r.cost(i)
		}
		if best < 0 || cost < least {
			best, least = i, cost
		}
	}
	return best
}

// reader is one consumer while its channels go. K⁻¹ is not changed: what each channel that went took from it is kept, and
// taken off from the rows that are looked at (Golub & Van Loan, §4.2: a Cholesky factorisation of K⁻¹ that chooses its
// pivots by cost).
type reader struct {
	c, rows int
	at      [][]int   // channels of each unit
	inverse []float64 // C×C, of K; nil where nothing varies
	w       []float64 // C×rows, as they are now: the weights that read a channel lie together
	norm    []float64 // C, Σ w² of each channel as it is now, 0 where it never varied
	diag    []float64 // C, of K⁻¹ without the channels that went

	left  []int       // channels, in the order of the columns below
	place []int       // of each channel in left, -1 for those that went
	gone  [][]float64 // of each channel that went, its row of K⁻¹ as it was, over the channels left, by the root of its pivot
}

func newReader(site groups.Site, g *groups.Group, m ridge.Moments) (*reader, error) {
	c := len(m.Mean)
	rows := len(site.Weight.Value) / c
	r := &reader{c: c, rows: rows, w: make([]float64, len(site.Weight.Value)), norm: make([]float64, c), diag: make([]float64, c),
		left: make([]int, c), place: make([]int, c)}
	scale := site.FoldScale()
	for i, v := range site.Weight.Value {
		x := float64(v)
		if scale != nil {
			x *= scale[i/(len(site.Weight.Value)/len(scale))]
		}
		r.w[i%c*rows+i/c] = x
	}
	for _, u := range g.Units {
		r.at = append(r.at, u.Indices(site.Weight, site.Axis))
	}
	var err error
	if r.inverse, err = m.Inverse(); err != nil || r.inverse == nil {
		return r, err
	}
	for i := range c {
		if m.Cov[i*c+i] == 0 {
			clear(r.row(i))
		}
		r.left[i], r.place[i] = i, i
		r.norm[i], r.diag[i] = floats.Dot(r.row(i), r.row(i)), r.inverse[i*c+i]
	}
	return r, nil
}

func (r *reader) row(i int) []float64 { return r.w[i*r.rows : (i+1)*r.rows] }

func (r *reader) cost(unit int) float64 {
	sum := 0.0
	for _, i := range r.at[unit] {
		if r.inverse != nil {
			sum += r.norm[i] / math.Max(r.diag[i], math.SmallestNonzeroFloat64)
		}
	}
	return sum
}

// take removes a unit's channels and lets the others make up for them.
func (r *reader) take(unit int) {
	for _, i := range r.at[unit] {
		if r.inverse != nil {
			r.remove(i)
		}
	}
}

// remove takes channel i away: with share_j = [K⁻¹]_ij/[K⁻¹]_ii, W_j loses share_j·W_i.
func (r *reader) remove(i int) {
	r.last(r.place[i])
	n := len(r.left)
	own := make([]float64, n)
	for k, j := range r.left {
		own[k] = r.inverse[i*r.c+j]
	}
	for _, row := range r.gone {
		floats.AddScaled(own, -row[n-1], row[:n])
	}
	pivot := own[n-1]
	r.left, r.place[i] = r.left[:n-1], -1
	for k, j := range r.left {
		share := own[k] / pivot
		r.diag[j] -= share * own[k]
		if r.norm[i] > 0 {
			floats.AddScaled(r.row(j), -share, r.row(i))
			r.norm[j] = floats.Dot(r.row(j), r.row(j))
		}
	}
	floats.Scale(1/math.Sqrt(pivot), own)
	r.gone = append(r.gone, own[:n-1])
}

// last brings the channel at a place to the end of those that are left.
func (r *reader) last(at int) {
	n := len(r.left) - 1
	r.left[at], r.left[n] = r.left[n], r.left[at]
	r.place[r.left[at]], r.place[r.left[n]] = at, n
	for _, row := range r.gone {
		row[at], row[n] = row[n], row[at]
	}
}
