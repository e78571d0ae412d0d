package criteria

import (
	"fmt"

	"github.com/secateur/secateur/pruning/groups"
	"gonum.org/v1/gonum/mat"
)

// thinet takes units away one by one, each time the one after which drawn outputs of the layers that read the group
// have lost least: the least ‖Σ over what is gone of x̂‖². The score is the place in that order. What remains of the loss
// once the others make up for it is not asked: obs does.
func thinet(m *Matrices, g *groups.Group) ([]float64, error) {
	if len(g.Consumers) == 0 {
		return nil, fmt.Errorf("no layer reads its channels")
	}
	f := len(g.Units)
	gram := mat.NewSymDense(f, nil)
	for _, site := range g.Consumers {
		var one mat.SymDense
		one.SymOuterK(1, added(g, site, m.Consumers[site.Op.Name].Added).T())
		gram.AddSym(gram, &one)
	}
	out, gone, change := make([]float64, f), make([]bool, f), make([]float64, f)
	for i := range change {
		change[i] = gram.At(i, i)
	}
	for place := range f {
		i := least(change, gone)
		gone[i], out[i] = true, float64(place)
		for j := range change {
			change[j] += 2 * gram.At(i, j)
		}
	}
	return out, nil
}

// added is what each unit adds to the drawn outputs of one reader: S×F.
func added(g *groups.Group, site groups.Site, of []float32) *mat.Dense {
	c := site.Weight.Shape.Channels()
	x := mat.NewDense(len(of)/c, len(g.Units), nil)
	for i, u := range g.Units {
		for _, k := range u.Indices(site.Weight, site.Axis) {
			for s := range len(of) / c {
				x.Set(s, i, x.At(s, i)+float64(of[s*c+k]))
			}
		}
	}
	return x
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
