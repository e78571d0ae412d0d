package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestFinish compares with float64, on parts of rows; what lies between the parts stays.
func TestFinish(t *testing.T) {
	const lo, hi = -0.5, 0.75
	inf := float32(math.Inf(1))
	for _, s := range Available() {
		for _, d := range rowSizes() {
			m, n := d[0], d[1]
			for _, gap := range []int{0, 3} {
				g := rand.New(rand.NewPCG(7, uint64(m*100+n)))
				size := max(0, m*(n+gap)-gap)
				x := values(g, size)
				y, sum, free := fencedCopy(x), fencedCopy(x), fencedCopy(x)
				b, r := fencedCopy(values(g, n)), fencedCopy(values(g, size))
				s.BiasClip(y.x, n+gap, b.x, m, lo, hi)
				s.BiasAddClip(sum.x, n+gap, b.x, r.x, m, lo, hi)
				s.BiasClip(free.x, n+gap, b.x, m, -inf, inf)
				name := fmt.Sprintf("%s of %d×%d", s.Name, m, n)
				y.checkFence(t, name)
				sum.checkFence(t, name)
				for i, v := range x {
					j, want, with, none := i%(n+gap), v, v, v
					if j < n {
						none = v + b.x[j]
						want, with = min(max(none, lo), hi), min(max(none+r.x[i], lo), hi)
					}
					if y.x[i] != want || sum.x[i] != with || free.x[i] != none {
						t.Fatalf("%s: %v, %v, %v at %d, want %v, %v, %v", name, y.x[i], sum.x[i], free.x[i], i, want, with, none)
					}
				}
			}
		}
	}
}

func TestFinishKeepsNaN(t *testing.T) {
	nan := float32(math.NaN())
	for _, s := range Available() {
		y, b := make([]float32, 11), make([]float32, 11)
		y[3], b[9] = nan, nan
		s.BiasClip(y, 11, b, 1, 0, 6)
		z := make([]float32, 11)
		s.BiasAddClip(z, 11, make([]float32, 11), y, 1, 0, 6)
		for j := range y {
			if got := y[j] != y[j] && z[j] != z[j]; got != (j == 3 || j == 9) {
				t.Errorf("%s: %v and %v at %d", s.Name, y[j], z[j], j)
			}
		}
	}
}
