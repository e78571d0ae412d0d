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

// TestFinishBends: with the bits of AddRow and the activation; what lies between the parts stays.
func TestFinishBends(t *testing.T) {
	for _, s := range Available() {
		for _, k := range []struct {
			name  string
			fused func(y []float32, ld int, b []float32, m int)
			apart func(y, x []float32)
		}{
			{"BiasHardSwish", s.BiasHardSwish, s.HardSwish},
			{"BiasSilu", s.BiasSilu, s.Silu},
			{"BiasHardSigmoid", func(y []float32, ld int, b []float32, m int) { s.BiasHardSigmoid(y, ld, b, m, 0.2, 0.5) },
				func(y, x []float32) { s.HardSigmoid(y, x, 0.2, 0.5) }},
		} {
			for _, d := range rowSizes() {
				for _, gap := range []int{0, 3} {
					m, n := d[0], d[1]
					g := rand.New(rand.NewPCG(8, uint64(m*100+n)))
					x, b := values(g, max(0, m*(n+gap)-gap)), fencedCopy(values(g, n))
					s.Scale(x, 5, x) // to where the slopes change
					y, want := fencedCopy(x), clone(x)
					k.fused(y.x, n+gap, b.x, m)
					for i := range m {
						row := want[i*(n+gap):][:n]
						s.AddRow(row, row, b.x)
						k.apart(row, row)
					}
					name := fmt.Sprintf("%s %s of %d×%d", s.Name, k.name, m, n)
					y.checkFence(t, name)
					checkSame(t, name, y.x, want)
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
		h, i := make([]float32, 11), make([]float32, 11)
		s.BiasHardSwish(h, 11, y, 1)
		s.BiasSilu(i, 11, y, 1)
		for j := range y {
			if got := y[j] != y[j] && z[j] != z[j] && h[j] != h[j] && i[j] != i[j]; got != (j == 3 || j == 9) {
				t.Errorf("%s: %v and %v at %d", s.Name, y[j], z[j], j)
			}
		}
	}
}
