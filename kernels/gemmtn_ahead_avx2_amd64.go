//go:build !noasm

package kernels

// avx2TNAhead is how many floats a block may have for the second-level cache to hold the next one too.
const avx2TNAhead = 72 * 1024

// tnAhead is what the tiles of a block fetch for later: the next block in its order, if there is one and the
// cache holds both, else the next panel of B, down its first column and then down its last one.
type tnAhead struct {
	panels     bool
	after      int    // rows of the next block
	floats     [2]int // floats of A and of B in the next block that lie in one piece,
	step, done int    // how many of their bytes are fetched in a turn, how many floats were
	cols       [2]int // columns of the next panel that are fetched,
	pass, from int    // which of them now, 2 for none, and the row they begin with
	row        int    // how many rows of it were
}

// plan says what is fetched, spread over the time.
func (g *tnBlock) plan(after int) {
	g.ahead = tnAhead{after: after, pass: 2}
	if g.packed != nil && g.rows == nil && !aliased(g.ldb) && (after == 0 || g.k*(g.m+g.n) > avx2TNAhead) {
		g.ahead.panels = true
		return
	}
	if g.lda == g.m {
		g.ahead.floats[0] = after * g.m
	}
	if g.rows == nil && g.ldb == g.n {
		g.ahead.floats[1] = after * g.n
	}
	turns := max(1, g.m*g.n*g.k/(96*4))
	g.ahead.step = min(64, 4*(g.ahead.floats[0]+g.ahead.floats[1])/turns+1)
}

// follow says that panel after column j is fetched, or the first one of the next block.
func (h *tnAhead) follow(g *tnBlock, j int) {
	if !h.panels {
		return
	}
	h.row, h.pass, h.from = 0, 0, 0
	if j >= g.n {
		j, h.from = 0, g.k
		if h.after == 0 {
			h.pass = 2
		}
	}
	h.cols = [2]int{j, min(j+23, g.n-1)}
}

// fetch is where the next tiles fetch, nil for nothing, how many bytes apart, and of how many of them.
func (h *tnAhead) fetch(g *tnBlock, tiles int) (next *float32, step, n int) {
	turns := g.k / 8 * 2 // the tiles that read what is packed fetch twice in eight steps
	switch {
	case h.pass < 2 && turns > 0:
		return h.down(g, tiles, turns)
	case h.panels:
		return nil, 0, tiles
	}
	return h.along(g, tiles*turns), h.step, tiles
}

// down is fetch down a column.
func (h *tnAhead) down(g *tnBlock, tiles, turns int) (next *float32, step, n int) {
	n = min(tiles, max(1, (g.k-h.row)/turns))
	next = &g.b[(h.from+h.row)*g.ldb+h.cols[h.pass]]
	if h.row += n * turns; h.row+turns > g.k {
		h.row, h.pass = 0, h.pass+1
	}
	return next, 4 * g.ldb, n
}

// along is fetch along the next block.
func (h *tnAhead) along(g *tnBlock, turns int) *float32 {
	at := h.done
	h.done += turns * h.step / 4
	if at < h.floats[0] {
		return &g.a[g.k*g.lda+at]
	}
	if at -= h.floats[0]; at < h.floats[1] {
		return &g.b[g.k*g.ldb+at]
	}
	return nil
}
