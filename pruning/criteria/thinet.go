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
	var products added
	for _, site := range g.Consumers {
		at := make([][]int, f)
		for i, u := range g.Units {
			at[i] = u.Indices(site.Weight, site.Axis)
		}
		c := site.Weight.Shape.Channels()
		products = append(products, addedProducts{c, at, m.Consumers[site.Op.Name].Added, asTheyLie(c, at)})
	}
	out, gone, change := make([]float64, f), make([]bool, f), make([]float64, f)
	for i := range change {
		change[i] = products.of(i, i)
	}
	for place := range f {
		i := least(change, gone)
		gone[i], out[i] = true, float64(place)
		products.addRow(change, i)
	}
	return out, nil
}

// added is the products of what units add to the drawn outputs of the layers that read them.
type added []addedProducts

// addedProducts is that of one layer.
type addedProducts struct {
	c     int
	at    [][]int   // channels of each unit
	of    []float64 // C×C
	plain bool      // each unit is the channel of its number
}

// of is the product of two units.
func (a added) of(i, j int) (sum float64) {
	for _, l := range a {
		for _, x := range l.at[i] {
			for _, y := range l.at[j] {
				sum += l.of[x*l.c+y]
			}
		}
	}
	return sum
}

// addRow adds twice the products of unit i with all.
func (a added) addRow(to []float64, i int) {
	for _, l := range a {
		for _, x := range l.at[i] {
			row := l.of[x*l.c : (x+1)*l.c]
			if l.plain {
				for j, v := range row {
					to[j] += 2 * v
				}
				continue
			}
			for j, at := range l.at {
				for _, y := range at {
					to[j] += 2 * row[y]
				}
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
