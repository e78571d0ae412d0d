//go:build !noasm

package kernels

// tnTurned is the largest C that is made the other way round, in floats: it lies on the stack.
const tnTurned = 96 * 47

// tnTurns reports whether C = Aᵀ·B is made as the transpose of Bᵀ·A: where columns of B fill no lines of the cache and
// those of A do, and the rows are many beside the turning. Measured on a Zen 3 in turns, share of the time: columns 32 and 4
// 0.4, 80 and 9 0.5, 96 and 12 0.65, 16 and 8 0.55, 32 and 27 0.7, 96 and 24 0.85, 64 and 40 0.9; 120 and 24 1.1.
func tnTurns(m, n, k int) bool { return k >= avx2TNK && m%16 == 0 && m <= 96 && n%16 != 0 && n < 48 }

// gemmTNTurned is C = (Bᵀ·A)ᵀ: the same products in the same order, and so the same bits.
func gemmTNTurned(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	var turned [tnTurned]float32
	if acc {
		turn(turned[:], m, c, ldc, m, n)
	}
	g := tnBlock{a: b, lda: ldb, m: n, b: a, ldb: lda, n: m, acc: acc}
	g.product(turned[:], m, k)
	turn(c, ldc, turned[:], m, n, m)
}

// turn makes y the transpose of x, m×n.
func turn(y []float32, ldy int, x []float32, ldx, m, n int) {
	for i := range m {
		for j, v := range x[i*ldx:][:n] {
			y[j*ldy+i] = v
		}
	}
}
