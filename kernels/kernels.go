// Package kernels holds the inner loops: what a step spends its time in, as functions on
// slices. A Set is one complete choice of them; Generic has every kernel in plain Go, the
// others replace what they do better on their CPU. kernels knows slices, not tensors.
//
// Conventions. Matrices are row-major with a leading dimension in floats. Outputs come first.
// Slices may be longer than needed, never shorter. Nothing allocates. NaN in, NaN out: Relu and
// the others keep NaN so that a diverged training is seen. The same arguments give the same
// bits; work is split between threads over outputs only, by the caller.
package kernels

// Set is one choice of inner loops.
type Set struct {
	Name string // generic, avx2, avx512, neon, neon-inorder

	// Width is the number of channels that the tiles of the set divide well: pruned widths
	// are rounded to it.
	Width int

	Yardstick // the peak of the core

	// PackSize is the length in floats of a packed k×n matrix B.
	PackSize func(k, n int) int
	// PackB packs B, k×n with leading dimension ldb.
	PackB func(dst, b []float32, ldb, k, n int)
	// PackBT packs B = Wᵀ from W, n×k with leading dimension ldw: a convolution's weight.
	PackBT func(dst, w []float32, ldw, k, n int)
	// Gemm is C = A·B, or C += A·B with acc.
	//
	//	c   m×n, leading dimension ldc
	//	a   m×k, leading dimension lda, not packed
	//	bp  B, k×n, as PackB or PackBT left it
	Gemm func(c []float32, ldc int, a []float32, lda int, bp []float32, m, n, k int, acc bool)
	// GemmTN is C = Aᵀ·B, or C += Aᵀ·B with acc: a weight gradient, neither operand packed.
	//
	//	c  m×n, leading dimension ldc
	//	a  k×m, leading dimension lda
	//	b  k×n, leading dimension ldb
	GemmTN func(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool)
	// GemmNT64 is C = A·Bᵀ, or C += A·Bᵀ with acc, in float64, neither operand packed: products of all pairs of rows, as
	// of statistics that single precision would not carry.
	//
	//	c  m×n, leading dimension ldc
	//	a  m×k, leading dimension lda
	//	b  n×k, leading dimension ldb
	GemmNT64 func(c []float64, ldc int, a []float64, lda int, b []float64, ldb int, m, n, k int, acc bool)
	// Gemv64 is y = A·x in float64.
	//
	//	y  m
	//	a  m×k, leading dimension lda
	//	x  k
	Gemv64   func(y, a []float64, lda int, x []float64, m, k int)
	Implicit // the same for convolutions that are not spread out

	Winograd // transforms of a 3×3 convolution

	// DepthwiseRow is n pixels of a depthwise convolution over c channels:
	// y[p*ys+j] = Σ_t x[p*xs+off[t]+j]·w[t*c+j], added to y with acc. Offsets are never negative.
	DepthwiseRow func(y []float32, ys int, x []float32, xs int, w []float32, off []int, n, c int, acc bool)
	// DepthwiseGrad adds to dw[t*c+j] the sum over n pixels of dy[p*ys+j]·x[p*xs+off[t]+j].
	DepthwiseGrad func(dw []float32, dy []float32, ys int, x []float32, xs int, off []int, n, c int)

	// Fetch brings x into the caches, where a loop would read or write it in an order that the CPU does not
	// foresee. Sets that have nothing for it do nothing.
	Fetch func(x []float32)

	Pooling
	Activation
	Pixels

	Fill   func(y []float32, v float32)              // y = v
	Add    func(y, a, b []float32)                   // y = a + b
	Sub    func(y, a, b []float32)                   // y = a - b
	Mul    func(y, a, b []float32)                   // y = a·b
	Div    func(y, a, b []float32)                   // y = a / b
	Axpy   func(y []float32, s float32, x []float32) // y += s·x
	Scale  func(y []float32, s float32, x []float32) // y = s·x
	MulAdd func(y, a, b []float32)                   // y += a·b

	Clip     func(y, x []float32, lo, hi float32)      // y = min(max(x, lo), hi), ReLU is [0, +Inf]
	ClipGrad func(dx, dy, x []float32, lo, hi float32) // dx = dy where lo < x < hi, else 0
	MulClip  func(y, a, x []float32, lo, hi float32)   // y = a·min(max(x, lo), hi)
	DivClip  func(y, a, x []float32, lo, hi float32)   // y = a/min(max(x, lo), hi)

	Abs       func(y, x []float32)       // y = |x|
	MulSigned func(y, a, b, x []float32) // y = a·max(x, 0) + b·min(x, 0)

	// The next treat x as rows×c, c = len of the channel vector.
	ScaleShift func(y, x, scale, shift []float32) // y = x·scale + shift per channel
	AddRow     func(y, x, b []float32)            // y = x + b per channel
	MulRow     func(y, x, b []float32)            // y = x·b per channel
	// ShareRow is s = r/max(s + y + shift, share·s + least), shift and least per channel.
	ShareRow func(s, y, r, shift, least []float32, share float32)
	ColSum   func(sum, x []float32)    // sum[j] += Σ_rows x[·,j]
	ColDot   func(sum, x, y []float32) // sum[j] += Σ_rows x[·,j]·y[·,j]

	Sum   func(x []float32) float64    // Σ x, in float64 partial sums
	SumSq func(x []float32) float64    // Σ x²
	Dot   func(x, y []float32) float64 // Σ x·y

	// SGD is one step of momentum SGD with coupled weight decay (PyTorch's form):
	// g' = scale·g + decay·w; m = momentum·m + g'; w -= lr·m.
	SGD func(w, g, m []float32, lr, momentum, decay, scale float32)
	// AdamW is one step of Loshchilov & Hutter 2019, alg. 2, bias corrections c1 = 1-β1^t, c2 = 1-β2^t.
	AdamW func(w, g, m, v []float32, lr, beta1, beta2, eps, decay, c1, c2, scale float32)

	Norm
	Finish // the end of a product, while it is in the cache
	Ended  // both together
}
