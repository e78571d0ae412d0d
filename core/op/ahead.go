package op

import "github.com/secateur/secateur/core/graph"

// aheadFloats is the length from which on a tensor is in memory rather than in a cache when a loop comes to
// it: rows of it are fetched before they are needed. A loop that goes along channels first, and then along the
// pixels, waits for each line of a row otherwise.
const aheadFloats = 1 << 20

// fetchAhead brings floats lo to lo+n of a tensor into the cache, if it is large enough and has them.
func fetchAhead(e *graph.Env, x []float32, lo, n int) {
	if len(x) >= aheadFloats && lo >= 0 && lo+n <= len(x) {
		e.Kernels.Fetch(x[lo : lo+n])
	}
}
