package pruning_test

import (
	"math"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/internal/nets"
)

// steep is a curve that rises by slope for each unit share.
func steep(slope float64) pruning.Curve {
	c := pruning.Curve{1}
	for _, x := range pruning.CurveShares() {
		c = append(c, 1+slope*x)
	}
	return c
}

func curves(s *groups.Structure, of func(*groups.Group) float64) map[int]pruning.Curve {
	m := map[int]pruning.Curve{}
	for _, g := range s.Groups {
		m[g.ID] = steep(of(g))
	}
	return m
}

func TestRise(t *testing.T) {
	c := pruning.Curve{2, 1, 3, 2.5, 4, 4, 4, 4, 4, 6}
	for share, want := range map[float64]float64{0: 0, 0.1: 0, 0.2: 1, 0.25: 1, 0.3: 1, 0.4: 2, 0.8: 2, 0.85: 3, 0.9: 4, 1: 6} {
		if got := c.Rise(share); math.Abs(got-want) > 1e-9 {
			t.Errorf("at %g the loss has risen by %g, want %g", share, got, want)
		}
	}
}

// TestSensitivity holds that groups are cut to where each alone costs the same loss, and that groups without a
// curve are refused.
func TestSensitivity(t *testing.T) {
	s := nets.Structure(t, wide(1))
	l := pruning.Limits{}
	a := pruning.Allocation{Allocator: "sensitivity", Budget: budget(t, "macs=0.6"), Select: ranking(t, "l1", s, l), Limits: l}
	a.Curves = curves(s, func(g *groups.Group) float64 {
		if g.Name == "b" {
			return 3
		}
		return 1
	})
	w := after(s, allocate(t, s, a))
	gone := 1 - float64(w["a"])/32
	if b := 1 - float64(w["b"])/24; math.Abs(b-gone/3) > 1./24 {
		t.Errorf("a loses %g, b, three times as sensitive, %g", gone, b)
	}
	a.Original, a.Curves = groups.CostOf(s.Graph), map[int]pruning.Curve{}
	a.Costs = func(g *graph.Graph) (groups.Cost, error) { return groups.CostOf(g), nil }
	if _, err := a.Allocate(s); err == nil || !strings.Contains(err.Error(), "no sensitivity curve of a") {
		t.Errorf("error %v", err)
	}
}
