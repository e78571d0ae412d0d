package criteria

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/ridge"
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
	out, left := make([]float64, len(g.Units)), make([]int, len(g.Units))
	for i := range left {
		left[i] = i
	}
	for place := range out {
		at := cheapest(readers, left)
		i := left[at]
		left, out[i] = slices.Delete(left, at, at+1), float64(place)
		for _, r := range readers {
			r.take(i)
		}
	}
	return out, nil
}

// cheapest is the place of the unit that costs least of those that are left.
func cheapest(readers []*reader, left []int) (best int) {
	least := 0.0
	for at, i := range left {
		cost := 0.0
		for _, r := range readers {
			cost += r.cost(i)
		}
		if at == 0 || cost < least {
			best, least = at, cost
		}
	}
	return best
}

// reader is one consumer while its channels go.
type reader struct {
	at   [][]int      // channels of each unit
	rest *elimination // nil where nothing varies
}

func newReader(site groups.Site, g *groups.Group, m ridge.Moments) (*reader, error) {
	r := &reader{}
	for _, u := range g.Units {
		r.at = append(r.at, u.Indices(site.Weight, site.Axis))
	}
	inverse, err := m.Inverse()
	if err != nil || inverse == nil {
		return r, err
	}
	c := len(m.Mean)
	w := byChannel(site, c)
	for i := range c {
		if m.Cov[i*c+i] == 0 {
			clear(w[i*len(w)/c : (i+1)*len(w)/c])
		}
	}
	r.rest = newElimination(inverse, w, c)
	return r, nil
}

// byChannel is the weights of a layer, a batch norm behind it folded in, those that read a channel together.
func byChannel(site groups.Site, c int) []float64 {
	value := site.Weight.Value
	w, rows := make([]float64, len(value)), len(value)/c
	scale := site.FoldScale()
	for row := range rows {
		by := 1.0
		if scale != nil {
			by = scale[row*len(scale)/rows]
		}
		for i, v := range value[row*c : (row+1)*c] {
			w[i*rows+row] = float64(v) * by
		}
	}
	return w
}

func (r *reader) cost(unit int) float64 {
	sum := 0.0
	for _, i := range r.at[unit] {
		if r.rest != nil {
			sum += r.rest.cost(i)
		}
	}
	return sum
}

// take removes a unit's channels and lets the others make up for them.
func (r *reader) take(unit int) {
	for _, i := range r.at[unit] {
		if r.rest != nil {
			r.rest.remove(i)
		}
	}
}
