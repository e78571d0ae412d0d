package op

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
	"gonum.org/v1/gonum/mat"
)

func TestMapRankCases(t *testing.T) {
	testOps(t, []opCase{
		{"rank of maps", MapRank{}, []tensor.Shape{{2, 4, 5, 3}}, gradOpts{noGrad: []int{0}}},
		{"rank of vectors", MapRank{}, []tensor.Shape{{3, 5}}, gradOpts{noGrad: []int{0}}},
	})
	checkRefuses(t, MapRank{}, tensor.Shape{2, 15, 15, 3})
	checkRefuses(t, MapRank{}, tensor.Shape{2})
	checkRefuses(t, MapRank{})
}

// TestMapRank compares with singular values of each map, wide, high, single rows, dead and of low rank.
func TestMapRank(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range []tensor.Shape{{2, 14, 14, 3}, {1, 7, 7, 5}, {1, 3, 40, 2}, {1, 20, 4, 2}, {2, 1, 6, 3}, {1, 2, 2, 9}, {1, 1, 1, 4}} {
		x := val(s, make([]float32, s.Elems())...)
		for i := range x.v {
			if i%s[3] > 0 { // channel 0 is dead
				x.v[i] = float32(rng.NormFloat64())
			}
			if i%s[3] == 1 { // channel 1 has rank 1
				x.v[i] = float32(1+i/s[3]/s[2]%s[1]) * float32(1+i/s[3]%s[2]%3)
			}
		}
		got := runNode(t, MapRank{}, x)
		for i := range got {
			want := rankOf(x.v, i/s[3], i%s[3], s)
			if math.Abs(float64(got[i])-want) > 1e-4*(1+want) {
				t.Errorf("%v: image %d channel %d: %g, want %g", s, i/s[3], i%s[3], got[i], want)
			}
		}
	}
}

// rankOf is the effective rank from a singular value decomposition.
func rankOf(v []float32, n, c int, s tensor.Shape) float64 {
	a := mat.NewDense(s[1], s[2], nil)
	for y := range s[1] {
		for x := range s[2] {
			a.Set(y, x, float64(v[((n*s[1]+y)*s[2]+x)*s[3]+c]))
		}
	}
	var svd mat.SVD
	svd.Factorize(a, mat.SVDNone)
	sum, entropy := 0.0, 0.0
	for _, x := range svd.Values(nil) {
		sum += x
	}
	for _, x := range svd.Values(nil) {
		if x > 1e-12*sum {
			entropy -= x / sum * math.Log(x/sum)
		}
	}
	if sum == 0 {
		return 0
	}
	return math.Exp(entropy)
}

// TestMapRankNaN: a map with a value that is none has no rank, and its calculation ends.
func TestMapRankNaN(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		x := val(tensor.Shape{1, 2, 3, 1}, 1, 2, float32(bad), 4, 5, 6)
		if got := runNode(t, MapRank{}, x); got[0] == got[0] {
			t.Errorf("rank %g of a map with %g", got[0], bad)
		}
	}
}

// BenchmarkMapRank is the time of one map.
func BenchmarkMapRank(b *testing.B) {
	for _, side := range []int{7, 14} {
		a := make([]float32, side*side)
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range a {
			a[i] = max(0, float32(rng.NormFloat64()))
		}
		b.Run(graph.OpString(MapRank{})+"/"+tensor.Shape{side, side}.String(), func(b *testing.B) {
			for b.Loop() {
				effectiveRank(a, side, side, 1)
			}
		})
	}
}
