package criteria

import (
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/pruning/groups"
)

// magnitudeCriteria look at weights alone.
func magnitudeCriteria() []Criterion {
	list := []Criterion{
		{Name: "l1", Source: "Li et al., ICLR 2017, 1608.08710", Note: foldedNote, Score: l1},
		{Name: "l2", Source: "He et al., IJCAI 2018, 1808.06866", Note: foldedNote, Score: l2},
		{Name: "l1-folded", Source: "L1 of the weights with batch norm folded in", Note: "known to rank worse than chance: a control", Score: l1Folded},
		{Name: "l1-out", Source: "raw L1 norm times outgoing L2 norm; kin of path norms", Score: l1Out},
		{Name: "fpgm", Source: "geometric median, He et al., CVPR 2019, 1811.00250", Note: foldedNote, Score: fpgmRaw},
		{Name: "fpgm-folded", Source: "geometric median of the weights with batch norm folded in", Note: "known to rank near chance: a control", Score: fpgmFolded},
		{Name: "bn-scale", Source: "network slimming, Liu et al., ICCV 2017, 1708.06519",
			Note: "says little unless the network was trained with a penalty on the scales; refuses where batch norm is folded", Score: bnScale},
		{Name: "lamp", Source: "LAMP of the squared L2 norm, Lee et al., ICLR 2021, 2010.07611", Comparable: true, Note: foldedNote, Score: lampOf(l2)},
	}
	for i := range list {
		list[i].Family, list[i].Needs = "magnitude", Weights
	}
	return list
}

// l1 is Σ|w| over the unit's raw incoming weights, summed over the group's producers.
func l1(_ *Matrices, g *groups.Group) ([]float64, error) { return incoming(g, absolute), nil }

// l2 is √Σw² over the unit's raw incoming weights.
func l2(_ *Matrices, g *groups.Group) ([]float64, error) { return roots(incoming(g, squared)), nil }

// l1Out is the raw incoming L1 norm times the outgoing L2 norm.
func l1Out(_ *Matrices, g *groups.Group) ([]float64, error) {
	s := incoming(g, absolute)
	for i, out := range roots(outgoing(g, squared)) {
		s[i] *= out
	}
	return s, nil
}

func square(x float64) float64 { return x * x }

func roots(v []float64) []float64 {
	for i, x := range v {
		v[i] = math.Sqrt(x)
	}
	return v
}

// incoming sums f over the weights that produce each unit.
func incoming(g *groups.Group, f power) []float64 {
	return sums(g, g.Producers, f, func(groups.Site) []float64 { return nil })
}

// outgoing sums f over the weights that read each unit. Where a batch norm follows the reader,
// its scale counts: that is the size at which the unit adds to the stream.
func outgoing(g *groups.Group, f power) []float64 {
	return sums(g, g.Consumers, f, groups.Site.FoldScale)
}

// sums adds f(w·scale) over each unit's slices of the sites' weights, each weight once.
func sums(g *groups.Group, sites []groups.Site, f power, scale func(groups.Site) []float64) []float64 {
	total := make([]float64, len(g.Units))
	seen := map[*graph.Node]bool{}
	for _, site := range sites {
		if seen[site.Weight] {
			continue
		}
		seen[site.Weight] = true
		byIndex := axisSums(site.Weight, site.Axis, f, scale(site))
		for i, u := range g.Units {
			for _, k := range u.Indices(site.Weight, site.Axis) {
				total[i] += byIndex[k]
			}
		}
	}
	return total
}

// axisSums is Σ f(w·scale) for each index of the first or last axis. scale is by output, nil for 1.
//
//	w  O×…×I
func axisSums(w *graph.Node, axis int, f power, scale []float64) []float64 {
	sums := make([]float64, w.Shape[axis])
	outs, ins := w.Shape[0], w.Shape.Channels()
	size := len(w.Value) / outs
	for o := range outs {
		s := 1.0
		if scale != nil {
			s = scale[o]
		}
		own := w.Value[o*size : (o+1)*size]
		if axis == 0 {
			sums[o] = f.sum(own, s)
			continue
		}
		for ; len(own) > 0; own = own[ins:] {
			f.add(sums, own[:ins], s)
		}
	}
	return sums
}

// power is |x| or x², of what is scaled.
type power struct {
	sum func(x []float32, scale float64) float64       // over all x
	add func(to []float64, x []float32, scale float64) // to each of to that of one x
}

var absolute = power{
	sum: func(x []float32, scale float64) (sum float64) {
		for _, v := range x {
			sum += math.Abs(float64(v) * scale)
		}
		return sum
	},
	add: func(to []float64, x []float32, scale float64) {
		for i, v := range x[:len(to)] {
			to[i] += math.Abs(float64(v) * scale)
		}
	},
}

var squared = power{
	sum: func(x []float32, scale float64) (sum float64) {
		for _, v := range x {
			sum += square(float64(v) * scale)
		}
		return sum
	},
	add: func(to []float64, x []float32, scale float64) {
		for i, v := range x[:len(to)] {
			to[i] += square(float64(v) * scale)
		}
	},
}
