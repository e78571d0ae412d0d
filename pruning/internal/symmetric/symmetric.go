// Package symmetric is symmetric matrices in float64, n×n and row-major, by blocks: nearly all of the work is products
// of rows, which the kernels do.
package symmetric

import "github.com/secateur/secateur/core/tensor"

// block is the columns that are worked on at a time: whole panels of the kernels.
const (
	block = 48
	panel = 12
)

// Gram is X·Xᵀ.
//
//	x  n×k
func Gram(x []float64, n int) []float64 {
	c := UpperGram(x, n)
	Mirror(c, n)
	return c
}

// UpperGram is X·Xᵀ in the upper triangle; below it the result is undefined.
//
//	x  n×k
func UpperGram(x []float64, n int) []float64 {
	c := make([]float64, n*n)
	Add(c, x, x, n, len(x)/max(n, 1))
	return c
}

// Add is C += A·Bᵀ, which must be symmetric, in the upper triangle of C; below it C is undefined afterwards.
//
//	a, b  n×k
func Add(c, a, b []float64, n, k int) {
	for j := 0; j < n; j += block {
		end := min(j+block, n)
		tensor.Products(c[j:], n, a, k, b[j*k:], k, end, end-j, k, true)
	}
}

// Row copies row i of a matrix of which the upper triangle counts.
func Row(dst, c []float64, n, i int) {
	for j := range i {
		dst[j] = c[j*n+i]
	}
	copy(dst[i:n], c[i*n+i:])
}

// Mean is (A + Aᵀ)/2 in the upper triangle of C, by tiles that stay in the cache.
func Mean(c, a []float64, n int) {
	for i := 0; i < n; i += block {
		for j := i; j < n; j += block {
			for r := i; r < min(i+block, n); r++ {
				for s := max(j, r); s < min(j+block, n); s++ {
					c[r*n+s] = (a[r*n+s] + a[s*n+r]) / 2
				}
			}
		}
	}
}

// Mirror copies the upper triangle to the lower one, by tiles that stay in the cache.
func Mirror(c []float64, n int) {
	for i := 0; i < n; i += block {
		for j := 0; j <= i; j += block {
			for r := i; r < min(i+block, n); r++ {
				for s := j; s < min(j+block, r); s++ {
					c[r*n+s] = c[s*n+r]
				}
			}
		}
	}
}
