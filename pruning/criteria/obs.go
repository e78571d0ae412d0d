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

// reader is one consumer while its channels go.
type reader struct {
	c       int
	at      [][]int   // channels of each unit
	inverse []float64 // C×C, of K; nil where nothing varies
	w       []float64 // C×rows: the weights that read a channel lie together
	norm    []float64 // C, Σ w² of each channel, 0 where it never varies
	left    []bool
}

func newReader(site groups.Site, g *groups.Group, m ridge.Moments) (*reader, error) {
	c := len(m.Mean)
	rows := len(site.Weight.Value) / c
	r := &reader{c: c, w: make([]float64, len(site.Weight.Value)), norm: make([]float64, c), left: make([]bool, c)}
	scale := site.FoldScale()
	for i, v := range site.Weight.Value {
		x := float64(v)
		if scale != nil {
			x *= scale[i/(len(site.Weight.Value)/len(scale))]
		}
		r.w[i%c*rows+i/c] = x
	}
	for i := range r.left {
		r.left[i] = true
		r.norm[i] = square(floats.Norm(r.row(i), 2))
	}
	for i := range r.norm {
		if m.Cov == nil || m.Cov[i*c+i] == 0 {
			clear(r.row(i))
			r.norm[i] = 0
		}
	}
	for _, u := range g.Units {
		r.at = append(r.at, u.Indices(site.Weight, site.Axis))
	}
	var err error
	r.inverse, err = m.Inverse()
	return r, err
}

func (r *reader) row(i int) []float64 { rows := len(r.w) / r.c; return r.w[i*rows : (i+1)*rows] }

func (r *reader) cost(unit int) float64 {
	sum := 0.0
	for _, i := range r.at[unit] {
		if r.inverse != nil {
			sum += r.norm[i] / math.Max(r.inverse[i*r.c+i], math.SmallestNonzeroFloat64)
		}
	}
	return sum
}

// take removes a unit's channels and lets the others make up for them.
func (r *reader) take(unit int) {
	for _, i := range r.at[unit] {
		r.left[i] = false
		if r.inverse == nil {
			continue
		}
		pivot, own := r.inverse[i*r.c+i], r.inverse[i*r.c:(i+1)*r.c]
		for j, left := range r.left {
			share := own[j] / pivot
			if !left || share == 0 {
				continue
			}
			floats.AddScaled(r.row(j), -share, r.row(i))
			r.norm[j] = floats.Dot(r.row(j), r.row(j))
			floats.AddScaled(r.inverse[j*r.c:(j+1)*r.c], -share, own)
		}
	}
}
