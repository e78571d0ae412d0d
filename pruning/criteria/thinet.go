package criteria

import (
	"fmt"

	"github.com/secateur/secateur/pruning/groups"
)

// thinet takes units away one by one, each time the one after which drawn outputs of the layers that read the group
// have lost least: the least ‖Σ over what is gone of x̂‖². The score is the place in that order. What remains of the loss
// once the others make up for it is not asked: obs does.
func thinet(m *Matrices, g *groups.Group) ([]float64, error) {
	if len(g.Consumers) == 0 {
		return nil, fmt.Errorf("no layer reads its channels")
	}
	f := len(g.Units)
	gram := make([]float64, f*f)
	for _, site := range g.Consumers {
		addProducts(gram, g, site, m.Consumers[site.Op.Name].Added)
	}
	out, gone, change := make([]float64, f), make([]bool, f), make([]float64, f)
	for i := range change {
		change[i] = gram[i*f+i]
	}
	for place := range f {
		i := least(change, gone)
		gone[i], out[i] = true, float64(place)
		for j := range change {
			change[j] += 2 * gram[i*f+j]
		}
	}
	return out, nil
}

// addProducts adds, for all pairs of units, the products of what they add to the drawn outputs of one reader.
//
//	to  F×F
//	of  C×C
func addProducts(to []float64, g *groups.Group, site groups.Site, of []float64) {
	f, c := len(g.Units), site.Weight.Shape.Channels()
	at := make([][]int, f)
	for i, u := range g.Units {
		at[i] = u.Indices(site.Weight, site.Axis)
	}
	for i := range to {
		for _, a := range at[i/f] {
			for _, b := range at[i%f] {
				to[i] += of[a*c+b]
			}
		}
	}
}

// least is the index of the smallest value that is left; what is no number goes first.
func least(v []float64, gone []bool) int {
	best := -1
	for i, x := range v {
		if !gone[i] && (best < 0 || x < v[best] || x != x && v[best] == v[best]) {
			best = i
		}
	}
	return best
}
