package op

import (
	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/kernels"
)

// maxPieces bounds the pieces that one loop is cut into: enough to even out four cores of unlike
// speed, few enough that a piece costs more than handing it out.
const maxPieces = 64

// minPiece is the work of the smallest piece worth a worker, in floats added: some microseconds.
const minPiece = 8192

// pieces is the number of pieces for n indices that cost weight floats each. It depends on the
// shapes alone, so that the bits of a result do not depend on the number of threads.
func pieces(n, weight int) int {
	p := float64(n) * float64(weight) / minPiece
	return int(max(1, min(p, float64(n), maxPieces)))
}

// inPieces makes body the loop over 0..n-1, in contiguous pieces on the pool.
func inPieces(e *graph.Env, n, weight int, body func(lo, hi int)) func() {
	return inWorkerPieces(e, n, weight, func(lo, hi, _ int) { body(lo, hi) })
}

// inWorkerPieces is inPieces for a body that has scratch of its own for each worker.
func inWorkerPieces(e *graph.Env, n, weight int, body func(lo, hi, worker int)) func() {
	parts := pieces(n, weight)
	part := func(i, worker int) {
		lo, hi := kernels.Chunk(n, parts, i)
		body(lo, hi, worker)
	}
	return func() { e.Pool.Run(parts, part) }
}
