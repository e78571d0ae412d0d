package op

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/secateur/secateur/core/tensor"
	"gonum.org/v1/gonum/mat"
)

// oneHot fills rows of c values with a one at a random place.
func oneHot(c int) func(int, *rand.Rand, []float32) {
	return func(_ int, rng *rand.Rand, v []float32) {
		clear(v)
		for i := 0; i < len(v); i += c {
			v[i+rng.IntN(c)] = 1
		}
	}
}

func TestLosses(t *testing.T) {
	nc, n := tensor.Shape{6, 5}, tensor.Shape{6}
	big := tensor.Shape{40, 64}
	target := gradOpts{fill: byInput(map[int]func(int, *rand.Rand, []float32){1: oneHot(5)}), noGrad: []int{1, 2}}
	second := target
	second.noGrad = []int{1}
	bss := gradOpts{fill: byInput(map[int]func(int, *rand.Rand, []float32){1: func(_ int, _ *rand.Rand, v []float32) {
		for i := range v {
			v[i] = float32(i % 4) // one image of four is padding
		}
	}}), noGrad: []int{1}, step: 1. / 256, tol: 1e-2, noCut: true}
	testOps(t, []opCase{
		{"cross-entropy", SoftmaxCrossEntropy{}, []tensor.Shape{nc, nc, n}, target},
		{"cross-entropy smoothed", SoftmaxCrossEntropy{Smoothing: 0.1}, []tensor.Shape{nc, nc, n}, target},
		{"cross-entropy many", SoftmaxCrossEntropy{}, []tensor.Shape{big, big, {40}}, gradOpts{noGrad: []int{1, 2}}},
		{"distill", Distill{T: 1}, []tensor.Shape{nc, nc, n}, gradOpts{noGrad: []int{1, 2}}},
		{"distill warm", Distill{T: 4}, []tensor.Shape{nc, nc, n}, gradOpts{noGrad: []int{1, 2}}},
		{"margin", Margin{}, []tensor.Shape{nc, nc}, second},
		{"l2sp", L2SP{}, []tensor.Shape{{3, 2, 2, 4}, {3, 2, 2, 4}}, gradOpts{}},
		{"bss", BSS{K: 1}, []tensor.Shape{{6, 20}, {6}}, bss},
		{"bss of two", BSS{K: 2}, []tensor.Shape{{6, 20}, {6}}, bss},
		{"bss, short features", BSS{K: 1}, []tensor.Shape{{7, 3}, {7}}, bss},
		{"l2sp long", L2SP{}, []tensor.Shape{{40000}, {40000}}, gradOpts{tol: 5e-2}},
	})
}

func TestCrossEntropyStable(t *testing.T) {
	inf := float32(math.Inf(-1))
	z := val(tensor.Shape{3, 3}, 1000, 0, -1000, 80, 80, 80, 0, inf, 0)
	target := val(tensor.Shape{3, 3}, 0, 1, 0, 1, 0, 0, 0.5, 0, 0.5)
	weight := val(tensor.Shape{3}, 1, 2, 1)
	y := runNode(t, SoftmaxCrossEntropy{}, z, target, weight)
	wantClose(t, "loss", y, []float32{1000, float32(2 * math.Log(3)), float32(math.Log(2))}, 1e-6)
	dx := runNode(t, SoftmaxCrossEntropyGrad{}, z, target, weight, val(tensor.Shape{3}, 1, 1, 1))
	third := float32(2. / 3)
	wantClose(t, "gradient", dx, []float32{1, -1, 0, -2 * third, third, third, 0, 0, 0}, 1e-6)
	y[0] = runNode(t, SoftmaxCrossEntropy{}, val(tensor.Shape{1, 2}, float32(math.NaN()), 0),
		val(tensor.Shape{1, 2}, 1, 0), val(tensor.Shape{1}, 1))[0]
	if !math.IsNaN(float64(y[0])) {
		t.Errorf("loss of NaN is %g, want NaN", y[0])
	}
}

func TestDistillIsZeroForEqualAnswers(t *testing.T) {
	z := val(tensor.Shape{2, 3}, 500, -500, 3, 1, 2, 3)
	shifted := val(tensor.Shape{2, 3}, 507, -493, 10, 0, 1, 2)
	y := runNode(t, Distill{T: 3}, z, shifted, val(tensor.Shape{2}, 1, 1))
	for i, v := range y {
		if math.Abs(float64(v)) > 1e-4 {
			t.Errorf("image %d: %g, want 0", i, v)
		}
	}
}

func TestMarginIsMeanDistance(t *testing.T) {
	y := runNode(t, Margin{}, val(tensor.Shape{2, 3}, 5, 1, 2, 0, 0, 9), val(tensor.Shape{2, 3}, 1, 0, 0, 0, 1, 0))
	wantClose(t, "margin", y, []float32{3.5, -4.5}, 1e-6)
}

func TestLossShapeErrors(t *testing.T) {
	nc, n := tensor.Shape{6, 5}, tensor.Shape{6}
	checkRefuses(t, SoftmaxCrossEntropy{}, nc, nc)
	checkRefuses(t, SoftmaxCrossEntropy{}, nc, tensor.Shape{5, 6}, n)
	checkRefuses(t, SoftmaxCrossEntropy{}, nc, nc, tensor.Shape{5})
	checkRefuses(t, SoftmaxCrossEntropy{}, tensor.Shape{6, 5, 1}, tensor.Shape{6, 5, 1}, n)
	checkRefuses(t, SoftmaxCrossEntropy{Smoothing: 1.5}, nc, nc, n)
	checkRefuses(t, Distill{}, nc, nc, n)
	checkRefuses(t, Distill{T: 2}, nc, n, n)
	checkRefuses(t, Margin{}, tensor.Shape{6, 1}, tensor.Shape{6, 1})
	checkRefuses(t, L2SP{}, nc, n)
	checkRefuses(t, BSS{}, nc, n)
	checkRefuses(t, BSS{K: 1}, nc, nc)
}

// TestBSSAgainstSVD compares with the singular values of gonum's decomposition, of the rows that count.
func TestBSSAgainstSVD(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	f := value{tensor.Shape{5, 8}, make([]float32, 40)}
	uniform(-1, 1)(0, rng, f.v)
	m := mat.NewDense(4, 8, nil)
	for i := range 4 {
		for j := range 8 {
			m.Set(i, j, float64(f.v[i*8+j]))
		}
	}
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDNone) {
		t.Fatal("no decomposition")
	}
	s := svd.Values(nil)
	for k := 1; k <= 4; k++ {
		want := 0.0
		for _, x := range s[4-k:] {
			want += x * x
		}
		y := runNode(t, BSS{K: k}, f, val(tensor.Shape{5}, 1, 1, 1, 1, 0))
		wantClose(t, "bss", y, []float32{float32(want)}, 1e-5)
	}
	f.v[3] = float32(math.NaN())
	if y := runNode(t, BSS{K: 1}, f, val(tensor.Shape{5}, 1, 1, 1, 1, 1)); !math.IsNaN(float64(y[0])) {
		t.Errorf("bss of NaN is %g", y[0])
	}
}
