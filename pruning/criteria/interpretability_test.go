package criteria_test

import (
	"math"
	"strings"
	"testing"

	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/internal/nets"
)

// TestRelevanceScores compares with sums over explicit indices on a stream of two gates, images weighted.
func TestRelevanceScores(t *testing.T) {
	s := nets.Structure(t, nets.Residual(1))
	g := s.Named("stem")
	m := gather(t, g, 5, nets.Places(1, s, 5))
	m.Weight = []float64{1, 1, 1, 1, 2}
	lrp, cam := make([]float64, len(g.Units)), make([]float64, len(g.Units))
	for i := range g.Units {
		for n, w := range m.Weight {
			r, c := 0.0, 0.0
			for _, gate := range m.Gates {
				r += float64(gate.Relevance[n*len(g.Units)+i])
				c += float64(gate.Saliency[n*len(g.Units)+i])
			}
			lrp[i] += w * r / 6
			cam[i] += w * math.Abs(c) / 6
		}
	}
	closeTo(t, "lrp", score(t, "lrp", m, g).Values, lrp)
	closeTo(t, "grad-cam", score(t, "grad-cam", m, g).Values, cam)
}

// TestSelectivity: 1 where one class alone excites a filter, 0 where all do alike; nothing for activations below 0.
func TestSelectivity(t *testing.T) {
	s := nets.Structure(t, nets.Mobile(1))
	g := s.Named("pw2")
	places := nets.Places(1, s, 6) // classes 0, 1, 2, 0, 1, 2
	m := gather(t, g, 6, places)
	f := len(g.Units)
	for n := range 6 {
		for i, v := range [][]float32{{0, 4, 0}, {2, 2, 2}, {1, 2, 6}, {0, 0, 0}} {
			m.Gates[0].Pool[n*4*f+i] = v[n%3] * float32(n/3+1)
		}
	}
	got := score(t, "selectivity", m, g).Values
	closeTo(t, "selectivity", got[:2], []float64{1 / (1 + 1e-9/6), 0})
	closeTo(t, "selectivity", got[2:4], []float64{(9 - 2.25) / (9 + 2.25 + 1e-9), 0})

	s = nets.Structure(t, nets.Excite(1))
	g = s.Named("project")
	c, _ := criteria.Lookup("selectivity")
	_, err := criteria.Score(c, gather(t, g, 6, nets.Places(1, s, 6)), g)
	if err == nil || !strings.Contains(err.Error(), "project.bn may lie below 0") {
		t.Errorf("error %v", err)
	}
}
