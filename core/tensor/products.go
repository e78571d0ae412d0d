package tensor

// Products is C = A·Bᵀ, or C += A·Bᵀ with acc, in float64 on our kernels, for statistics outside of steps.
//
//	c  m×n, leading dimension ldc
//	a  m×k, leading dimension lda
//	b  n×k, leading dimension ldb
func Products(c []float64, ldc int, a []float64, lda int, b []float64, ldb int, m, n, k int, acc bool) {
	set().GemmNT64(c, ldc, a, lda, b, ldb, m, n, k, acc)
}

// Product is y = A·x in float64.
//
//	y  m
//	a  m×k, leading dimension lda
//	x  k
func Product(y, a []float64, lda int, x []float64, m, k int) { set().Gemv64(y, a, lda, x, m, k) }
