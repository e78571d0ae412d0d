package criteria

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestLogs compares with math.Log over all magnitudes, around 1, and where there is no logarithm.
func TestLogs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	x := []float64{0, -1, 1, 2, 0.5, math.Inf(1), math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat64, 0x1p-1022, math.MaxFloat64, 1 - 0x1p-53, 1 + 0x1p-52}
	for range 100000 {
		x = append(x, math.Float64frombits(rng.Uint64()), 1+rng.NormFloat64()*1e-3, 4*rng.Float64())
	}
	got := append([]float64(nil), x...)
	logs(got)
	worst := 0.0
	for i, v := range x {
		switch want := math.Log(v); {
		case math.IsNaN(want) && math.IsNaN(got[i]), want == got[i]:
		case !(math.Abs(got[i]-want) <= 2.3e-16*(1+math.Abs(want))):
			t.Fatalf("ln %g is %g, want %g", v, got[i], want)
		default:
			worst = max(worst, math.Abs(got[i]-want)/(1+math.Abs(want)))
		}
	}
	t.Log(worst)
}

func BenchmarkLogs(b *testing.B) {
	x := make([]float64, 1000)
	y := make([]float64, 1000)
	for i := range x {
		x[i] = rand.Float64() * 10
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			copy(y, x)
			logs(y)
		}
	})
	b.Run("old", func(b *testing.B) {
		for b.Loop() {
			copy(y, x)
			for i, v := range y {
				y[i] = math.Log(v)
			}
		}
	})
}
