package criteria

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestOrders compares with a stable sort: of both signs, all magnitudes, with many zeros of both signs, and of one value.
func TestOrders(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	s := &sample{label: make([]int, 300)}
	for unit := range 4 {
		x := make([]float64, 300)
		for i := range x {
			switch v := r.NormFloat64(); unit {
			case 0:
				x[i] = float64(float32(v))
			case 1:
				x[i] = float64(float32(math.Exp(30 * v)))
			case 2:
				x[i] = math.Copysign(max(0, math.Round(v)), v)
			default:
				x[i] = 7
			}
		}
		s.x = append(s.x, x)
	}
	for unit, got := range s.orders() {
		want := make([]int, 300)
		for i := range want {
			want[i] = i
		}
		slices.SortStableFunc(want, func(a, b int) int { return cmp.Compare(s.x[unit][a], s.x[unit][b]) })
		if !slices.Equal(got, want) {
			t.Errorf("unit %d: order %v, want %v", unit, got, want)
		}
	}
}
