package symmetric_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/secateur/secateur/pruning/internal/symmetric"
	"gonum.org/v1/gonum/mat"
)

var sizes = []int{1, 2, 7, 47, 48, 49, 96, 131}

func normal(n int) []float64 {
	rng := rand.New(rand.NewPCG(uint64(n), 2))
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

// TestGram compares with gonum, and wants a matrix that is symmetric to the bit.
func TestGram(t *testing.T) {
	for _, n := range sizes {
		for _, k := range []int{1, 5, 300} {
			x := normal(n * k)
			var want mat.SymDense
			want.SymOuterK(1, mat.NewDense(n, k, x))
			got := symmetric.Gram(x, n)
			for i := range n {
				for j := range n {
					if got[i*n+j] != got[j*n+i] || math.Abs(got[i*n+j]-want.At(i, j)) > 1e-12*float64(k) {
						t.Fatalf("%d rows of %d: product %d, %d is %g, want %g", n, k, i, j, got[i*n+j], want.At(i, j))
					}
				}
			}
		}
	}
}

// TestMean: what is above the diagonal is that of both halves.
func TestMean(t *testing.T) {
	for _, n := range sizes {
		a, c := normal(n*n), make([]float64, n*n)
		symmetric.Mean(c, a, n)
		for i := range n {
			for j := i; j < n; j++ {
				if want := (a[i*n+j] + a[j*n+i]) / 2; c[i*n+j] != want {
					t.Fatalf("%d: place %d, %d is %g, want %g", n, i, j, c[i*n+j], want)
				}
			}
		}
	}
}

// TestRow reads a row of which half stands in a column.
func TestRow(t *testing.T) {
	got := make([]float64, 3)
	symmetric.Row(got, []float64{1, 2, 3, -1, 4, 5, -1, -1, 6}, 3, 1)
	if got[0] != 2 || got[1] != 4 || got[2] != 5 {
		t.Errorf("row 1 is %v, want [2 4 5]", got)
	}
}

// TestInverse: A·A⁻¹ is 1, for well and badly conditioned A: fewer rows than it has dimensions, and a ridge. What is below
// the diagonal is not looked at.
func TestInverse(t *testing.T) {
	for _, n := range sizes {
		for _, k := range []int{1, n/3 + 1, 3 * n} {
			a := symmetric.Gram(normal(n*k), n)
			for i := range n {
				a[i*n+i] += 1e-3 * float64(k)
			}
			of, inverse := mat.NewDense(n, n, append([]float64(nil), a...)), append([]float64(nil), a...)
			for i := range n {
				for j := range i {
					inverse[i*n+j] = math.NaN()
				}
			}
			if !symmetric.Inverse(inverse, n) {
				t.Fatalf("%d from %d: not positive definite", n, k)
			}
			symmetric.Mirror(inverse, n)
			var one mat.Dense
			one.Mul(of, mat.NewDense(n, n, inverse))
			for i := range n {
				one.Set(i, i, one.At(i, i)-1)
			}
			if far := mat.Norm(&one, 2); !(far < 1e-9) {
				t.Errorf("%d from %d: the product with the inverse is %g away from 1", n, k, far)
			}
		}
	}
}

// TestNoInverse: what has a direction of no or negative size is refused.
func TestNoInverse(t *testing.T) {
	for _, n := range sizes[1:] {
		for _, last := range []float64{0, -1, math.NaN()} {
			a := make([]float64, n*n)
			for i := range n {
				a[i*n+i] = 1
			}
			a[n*n-1] = last
			if symmetric.Inverse(a, n) {
				t.Errorf("a diagonal of %d that ends with %g has an inverse", n, last)
			}
		}
	}
}
