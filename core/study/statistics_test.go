package study

import (
	"math"
	"testing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v ± %v", what, got, want, tolerance)
	}
}

// TestWilcoxon: scipy.stats.wilcoxon of the same differences, exact and approximate.
func TestWilcoxon(t *testing.T) {
	near(t, "exact", wilcoxon([]float64{6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75}), 0.041259765625, 1e-12)
	near(t, "all above", wilcoxon([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), 2.0/1024, 1e-12)
	near(t, "none", wilcoxon([]float64{0, 0}), 1, 0)
	var many []float64
	for i := range 40 {
		many = append(many, float64(i%7)-2.2+float64(i)/100)
	}
	near(t, "normal", wilcoxon(many), 0.022708715987236932, 1e-9)
}

// TestHolm by hand.
func TestHolm(t *testing.T) {
	got := holm([]float64{0.01, 0.04, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		near(t, "adjusted p", got[i], want, 1e-12)
	}
}

// TestFriedman: Demšar 2006, section 3.2.2: four classifiers over 14 sets have mean ranks 3.143, 2.000, 2.893, 1.964
// and χ² = 9.28.
func TestFriedman(t *testing.T) {
	table := [][]float64{
		{.763, .768, .771, .798}, {.599, .591, .590, .569}, {.954, .971, .968, .967}, {.628, .661, .654, .657},
		{.882, .888, .886, .898}, {.936, .931, .916, .931}, {.661, .668, .609, .685}, {.583, .583, .563, .625},
		{.775, .838, .866, .875}, {1, 1, 1, 1}, {.940, .962, .965, .962}, {.619, .666, .614, .669},
		{.972, .981, .9751, .975}, {.957, .978, .946, .970},
	}
	ranks, p := friedman(table)
	for i, want := range []float64{3.143, 2.000, 2.893, 1.964} {
		near(t, "mean rank", ranks[i], want, 1e-3)
	}
	if p > 0.03 || p < 0.01 {
		t.Errorf("p is %v, want about 0.02", p)
	}
}

// TestNemenyi: q of Demšar 2006, table 5, and the differences of the protocol (reference: pruning §6.2).
func TestNemenyi(t *testing.T) {
	for k, q := range map[int]float64{2: 1.960, 6: 2.850, 10: 3.164, 20: 3.544} {
		near(t, "q", studentised(k)/math.Sqrt2, q, 2e-3)
	}
	near(t, "20 criteria over 20 blocks", nemenyi(20, 20), 6.6, 0.1)
	near(t, "6 over 20", nemenyi(6, 20), 1.7, 0.05)
}

// TestInterval: the mean of equal values has no width, that of others holds the mean and narrows with their number.
func TestInterval(t *testing.T) {
	if lo, hi := interval([]float64{3, 3, 3}, 1); lo != 3 || hi != 3 {
		t.Errorf("interval of equal values is %v to %v", lo, hi)
	}
	few, many := []float64{1, 2, 3, 4, 5}, []float64{}
	for range 20 {
		many = append(many, few...)
	}
	lo, hi := interval(few, 1)
	lo2, hi2 := interval(many, 1)
	if lo > 3 || hi < 3 || hi2-lo2 > (hi-lo)/3 {
		t.Errorf("intervals %v to %v and %v to %v", lo, hi, lo2, hi2)
	}
}
