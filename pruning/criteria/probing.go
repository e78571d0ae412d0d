package criteria

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/pruning/groups"
)

// probingCriteria run the network with units switched between their activation and its mean over the images: what a
// cut does whose constant is folded into the next layer.
func probingCriteria() []Criterion {
	list := []Criterion{
		{Name: "oracle", Source: "leaving one filter out, Molchanov et al., ICLR 2017, 1611.06440; CAR on the loss, Abbasi-Asl & Yu 2021, 1705.07356",
			Note: "exact, and one run of the network for each filter: for small networks", CostUnit: 1, Score: oracle},
		{Name: "joint-ig", Source: "integrated gradients along the joint path of a layer, 1805.12233; SInGE, NeurIPS 2022, 2207.04089",
			CostGroup: 3 * pathPoints, Score: jointPath},
		{Name: "shapley", Source: "Ancona et al. 2020, 2006.01795; truncated sampling, Ghorbani & Zou, ICML 2019, 1904.02868",
			Note: "four runs of the network for each filter, fewer in wide layers", CostUnit: 2 * shapleyPairs, Score: shapley},
	}
	for i := range list {
		c := &list[i]
		c.Family, c.Needs, c.Labels, c.Comparable, c.Cost = "interpretability", Probing, true, true, 1
	}
	list[0].Family = "control"
	return list
}

// loss is the weighted mean over the images of the loss with units passing keep. It refuses a network whose loss is no number.
func (m *Matrices) loss(keep []float64) (float64, error) {
	v, err := m.Probe.Losses(keep, true)
	if err != nil {
		return 0, err
	}
	if len(v) != m.N {
		return 0, fmt.Errorf("%d losses for %d images", len(v), m.N)
	}
	sum := m.weighted(v, 1)[0]
	if !finite(sum) {
		return 0, fmt.Errorf("the loss of this network is %v: it is damaged, or it diverged", sum)
	}
	return sum, nil
}

// weighted is the weighted mean over images of v, N×f.
func (m *Matrices) weighted(v []float64, f int) []float64 {
	out, total := make([]float64, f), 0.0
	for n := range m.N {
		total += m.weight(n)
		for i := range out {
			out[i] += m.weight(n) * v[n*f+i]
		}
	}
	for i := range out {
		out[i] /= total
	}
	return out
}

func shares(f int, t float64) []float64 {
	keep := make([]float64, f)
	for i := range keep {
		keep[i] = t
	}
	return keep
}

// oracle is the rise of the loss when the unit alone is at its mean.
func oracle(m *Matrices, g *groups.Group) ([]float64, error) {
	keep := shares(len(g.Units), 1)
	whole, err := m.loss(keep)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(keep))
	for i := range out {
		keep[i] = 0
		without, err := m.loss(keep)
		if err != nil {
			return nil, err
		}
		out[i], keep[i] = without-whole, 1
	}
	return out, nil
}

// pathPoints is the number of points of the midpoint rule along the path.
const pathPoints = 8

// jointPath is minus the integral of the loss's derivative by the unit's share, all shares of the group going from 0 to 1
// together: the loss that the unit saves. The sum over the units is what the whole group saves, up to the rule's error.
func jointPath(m *Matrices, g *groups.Group) ([]float64, error) {
	f := len(g.Units)
	out := make([]float64, f)
	for k := range pathPoints {
		v, err := m.Probe.Gammas((float64(k)+0.5)/pathPoints, true)
		if err != nil {
			return nil, err
		}
		if len(v) != m.N*f {
			return nil, fmt.Errorf("%d derivatives for %d images and %d units", len(v), m.N, f)
		}
		for i, d := range m.weighted(v, f) {
			out[i] -= d / pathPoints
		}
	}
	return out, nil
}

// What shapley draws: so many orders and their reverses, units of wide layers taken in blocks of at most
// shapleyBlock so that an order has about shapleyRuns runs; an order ends when two runs in a row are within shapleyNear of
// its end, since a loss that goes up and down passes there by chance.
const (
	shapleyPairs = 2
	shapleyRuns  = 32
	shapleyBlock = 8
	shapleyNear  = 0.01
)

// shapley is the rise of the loss when the unit goes, averaged over drawn orders in which all of them go: an estimate of
// its Shapley value in the game that the units play against the loss. The sum over the units is the loss without any
// less that with all.
func shapley(m *Matrices, g *groups.Group) ([]float64, error) {
	f := len(g.Units)
	s := &sampling{m: m, out: make([]float64, f), block: min(max((f+shapleyRuns-1)/shapleyRuns, 1), shapleyBlock)}
	var err error
	if s.whole, err = m.loss(shares(f, 1)); err != nil {
		return nil, err
	}
	if s.none, err = m.loss(shares(f, 0)); err != nil {
		return nil, err
	}
	rng := random.Stream(m.Seed, g.Name+" shapley", 0)
	for range shapleyPairs {
		order := rng.Perm(f)
		for range 2 { // an order and its reverse: their errors are opposed
			if err := s.add(order); err != nil {
				return nil, err
			}
			for i, j := 0, f-1; i < j; i, j = i+1, j-1 {
				order[i], order[j] = order[j], order[i]
			}
		}
	}
	return s.out, nil
}

// sampling adds up what units cost in orders.
type sampling struct {
	m           *Matrices
	out         []float64
	block       int
	whole, none float64 // the loss with all and without any
}

// add lets the units go in an order, block by block, each block's units sharing what it costs. Once the loss is where it
// will end the rest share what is left.
func (s *sampling) add(order []int) error {
	keep, before, near := shares(len(order), 1), s.whole, 0
	for len(order) > 0 {
		block, after := order[:min(s.block, len(order))], s.none
		if near = s.near(before, near); near == 2 {
			block = order
		}
		if len(block) < len(order) {
			for _, i := range block {
				keep[i] = 0
			}
			var err error
			if after, err = s.m.loss(keep); err != nil {
				return err
			}
		}
		for _, i := range block {
			s.out[i] += (after - before) / float64(len(block)) / (2 * shapleyPairs)
		}
		before, order = after, order[len(block):]
	}
	return nil
}

// near counts on from the runs in a row that ended where the last one will.
func (s *sampling) near(loss float64, before int) int {
	if math.Abs(s.none-loss) > shapleyNear*math.Abs(s.none-s.whole) {
		return 0
	}
	return before + 1
}
