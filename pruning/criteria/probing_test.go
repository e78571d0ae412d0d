package criteria_test

import (
	"math"
	"strings"
	"testing"

	"github.com/secateur/secateur/pruning/criteria"
	"github.com/secateur/secateur/pruning/groups"
	"github.com/secateur/secateur/pruning/internal/nets"
)

// game is a probe given by a function of what the units pass, the same for each image.
type game struct {
	n    int
	loss func(keep []float64) float64
	runs *int
}

func (g game) Losses(keep []float64, _ bool) ([]float64, error) {
	*g.runs++
	out := make([]float64, g.n)
	for i := range out {
		out[i] = g.loss(keep)
	}
	return out, nil
}

// Gammas are central differences.
func (g game) Gammas(t float64, _ bool) ([]float64, error) {
	const step = 1e-5
	var out []float64
	keep := make([]float64, 16)
	for range g.n {
		for i := range keep {
			for k := range keep {
				keep[k] = t
			}
			keep[i] = t + step
			up := g.loss(keep)
			keep[i] = t - step
			out = append(out, (up-g.loss(keep))/(2*step))
		}
	}
	return out, nil
}

// playing is the matrices of a group of 16 units that play a game, and the group.
func playing(t testing.TB, loss func(keep []float64) float64) (*criteria.Matrices, *groups.Group, *int) {
	g := nets.Structure(t, nets.Mobile(1)).Named("pw1")
	for len(g.Units) < 16 {
		g.Units = append(g.Units, g.Units...)
	}
	g.Units = g.Units[:16]
	runs := new(int)
	return &criteria.Matrices{N: 3, Probe: game{3, loss, runs}, Seed: 4}, g, runs
}

// paired is a loss to which units add alone and in pairs.
func paired(keep []float64) float64 {
	sum := 1.0
	for i, k := range keep {
		sum -= 0.1 * float64(i+1) * k * (1 - 0.5*keep[(i+1)%len(keep)])
	}
	return sum
}

func total(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum
}

// TestAdditive: where units do not depend on each other all three say what each is worth.
func TestAdditive(t *testing.T) {
	s := nets.Structure(t, nets.Residual(1))
	g := s.Named("stem")
	places := nets.Places(5, s, 6)
	m := gather(t, g, 6, places)
	m.Weight = []float64{1, 2, 3, 1, 2, 3}
	want := make([]float64, len(g.Units))
	for n, w := range m.Weight {
		for _, gate := range m.Gates {
			for i := range want {
				want[i] += w / 12 * float64(gate.Loss[n*len(want)+i])
			}
		}
	}
	for _, name := range []string{"oracle", "shapley", "joint-ig"} {
		closeTo(t, name, score(t, name, m, g).Values, want)
	}
}

// TestEfficiency: Shapley values and the joint path share out what the group is worth as a whole.
func TestEfficiency(t *testing.T) {
	m, g, _ := playing(t, paired)
	worth := paired(make([]float64, 16)) - paired(ones(16))
	if got := total(score(t, "shapley", m, g).Values); math.Abs(got-worth) > 1e-9 {
		t.Errorf("Shapley values sum to %g, want %g", got, worth)
	}
	if got := total(score(t, "joint-ig", m, g).Values); math.Abs(got-worth) > 1e-6 {
		t.Errorf("the joint path sums to %g, want %g", got, worth)
	}
}

func ones(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

// TestAntithetic: with terms of pairs at most, an order and its reverse give the Shapley value itself.
func TestAntithetic(t *testing.T) {
	m, g, _ := playing(t, paired)
	got := score(t, "shapley", m, g).Values
	for i := range got {
		before := (i + 15) % 16
		want := 0.1*float64(i+1)*(1-0.25) - 0.1*float64(before+1)*0.25
		if math.Abs(got[i]-want) > 1e-9 {
			t.Errorf("unit %d: %g, want %g", i, got[i], want)
		}
	}
}

// TestTruncation: once nothing is left to lose no more runs are made, and the sum still is the whole.
func TestTruncation(t *testing.T) {
	last := func(keep []float64) float64 { return 1 - min(keep[0], keep[1]) }
	m, g, runs := playing(t, last)
	if got := total(score(t, "shapley", m, g).Values); math.Abs(got-1) > 1e-9 {
		t.Errorf("sums to %g, want 1", got)
	}
	if *runs > 50 {
		t.Errorf("%d runs, want fewer than 4 orders of 15", *runs)
	}
}

// TestDamagedLoss: a network whose loss is no number is named as such.
func TestDamagedLoss(t *testing.T) {
	m, g, _ := playing(t, func([]float64) float64 { return math.NaN() })
	for _, name := range []string{"oracle", "shapley"} {
		c, _ := criteria.Lookup(name)
		if _, err := criteria.Score(c, m, g); err == nil || !strings.Contains(err.Error(), "the loss of this network is NaN") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	m.Probe = nil
	c, _ := criteria.Lookup("oracle")
	if _, err := criteria.Score(c, m, g); err == nil || !strings.Contains(err.Error(), "nothing runs the network here") {
		t.Errorf("error %v", err)
	}
}
