package criteria_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/internal/nets"
)

// TestThiNet: at each step the unit goes whose loss leaves the least, summed over both readers of a group.
func TestThiNet(t *testing.T) {
	s := nets.Structure(t, nets.Fire(1))
	g := s.Named("squeeze")
	m := gather(t, g, 2, nets.Places(1, s, 2))
	if len(g.Consumers) != 2 {
		t.Fatalf("%d readers, want 2", len(g.Consumers))
	}
	place := score(t, "thinet", m, g).Values
	f := len(place)
	lost := func(gone []bool) float64 {
		sum := 0.0
		for _, site := range g.Consumers {
			for k, v := range m.Consumers[site.Op.Name].Added {
				if gone[k/f] && gone[k%f] {
					sum += v
				}
			}
		}
		return sum
	}
	gone := make([]bool, f)
	for at := range f {
		best, least := -1, math.Inf(1)
		for i := range f {
			if gone[i] {
				continue
			}
			gone[i] = true
			if l := lost(gone); l < least {
				best, least = i, l
			}
			gone[i] = false
		}
		if gone[best] = true; int(place[best]) != at {
			t.Fatalf("unit %d goes at %v, want %d", best, place[best], at)
		}
	}
}

// TestThiNetTwin is identity m: of a filter and its copy, each read with half the weight, one goes first; what is left
// is then worth more than half, and stays for longer.
func TestThiNetTwin(t *testing.T) {
	s := nets.Structure(t, nets.Mobile(1))
	g := s.Named("pw1")
	m := gather(t, g, 2, nets.Places(1, s, 2))
	twins(g, m, 2, 5)
	place := score(t, "thinet", m, g).Values
	if first, second := min(place[2], place[5]), max(place[2], place[5]); first != 0 || second < 2 {
		t.Errorf("the pair goes at %v and %v of %d", first, second, len(place))
	}
}

// twins gives two units the same contributions, half of what others have.
func twins(g *groups.Group, m *criteria.Matrices, a, b int) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, site := range g.Consumers {
		c := site.Weight.Shape.Channels()
		v := make([]float64, 4*c*c)
		from, to := g.Units[a].Indices(site.Weight, site.Axis), g.Units[b].Indices(site.Weight, site.Axis)
		for k := 0; k < len(v); k += c {
			for i := range c {
				v[k+i] = rng.NormFloat64()
			}
			for i := range from {
				v[k+from[i]] /= 2
				v[k+to[i]] = v[k+from[i]]
			}
		}
		m.Consumers[site.Op.Name] = criteria.Consumer{Moments: m.Consumers[site.Op.Name].Moments, Added: nets.Products(v, c)}
	}
}
