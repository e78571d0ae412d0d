package score

import (
	"fmt"

	"github.com/secateur/secateur/core/data"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
)

// curveImages bounds the images of a sensitivity curve.
const curveImages = 64

// Sensitivity is, by group ID, the mean loss as the group loses units in the order of r, everything else being
// whole and nothing retrained. A unit removed passes its mean, as the repair of a cut has it. It looks at no more than 64
// images where classes allow, equally many of each class.
func (s *Scorer) Sensitivity(st *groups.Structure, r pruning.Ranking) (map[int]pruning.Curve, error) {
	few := *s
	few.Samples = data.AtMost(s.Samples, s.Classes, curveImages, s.Seed)
	curves := map[int]pruning.Curve{}
	for _, g := range st.Groups {
		sc := r.Scores[g.ID]
		if sc == nil {
			continue
		}
		c, err := few.curve(st, g, sc.Order)
		if err != nil {
			return nil, fmt.Errorf("sensitivity of %s: %w", g.Name, err)
		}
		curves[g.ID] = c
	}
	return curves, nil
}

// curve runs what is behind the group once for each point.
func (s *Scorer) curve(st *groups.Structure, g *groups.Group, order []int) (pruning.Curve, error) {
	p, err := s.Probe(st, g)
	if err != nil {
		return nil, err
	}
	var c pruning.Curve
	for _, share := range append([]float64{0}, pruning.CurveShares()...) {
		keep := make([]float64, len(order))
		for _, u := range order[int(share*float64(len(order))+0.5):] {
			keep[u] = 1
		}
		losses, err := p.Losses(keep, true)
		if err != nil {
			return nil, err
		}
		c = append(c, mean(losses))
	}
	return c, nil
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
