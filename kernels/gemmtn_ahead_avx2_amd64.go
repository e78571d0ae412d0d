//go:build !noasm

package kernels

// avx2TNAhead is how many floats a block may have for the second-level cache to hold the next one too.
const avx2TNAhead = 72 * 1024

// tnAhead is what the tiles of a block fetch for later: the next block in its order, if there is one and the
// cache holds both, else the next panel of B and the columns of A that are packed next.
type tnAhead struct {
	panels     bool
	after      int    // rows of the next block
	floats     [2]int // floats of A and of B in the next block that lie in one piece,
	step, done int    // how many of their bytes are fetched in a turn, how many floats were
	b, a       tnDescent
}

// tnDescent fetches a matrix down one column after the other, a line of the cache apart.
type tnDescent struct {
	x              []float32 // from the first row on
	ld, rows, row  int
	col, last, gap int // the column, the last one, how far it is to the next
}

// plan says what is fetched, spread over the time.
func (g *tnBlock) plan(after int) {
	g.ahead = tnAhead{after: after}
	if g.packed != nil && g.rows == nil && (after == 0 || g.k*(g.m+g.n) > avx2TNAhead) {
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

// panelAfter says that the panel of B after column j is fetched, or the first one of the next block: its first and its last column.
func (h *tnAhead) panelAfter(g *tnBlock, j int) {
	if h.panels {
		h.b = g.descent(g.b, g.ldb, j, g.n, 24)
		h.b.gap = 23
	}
}

// columnsAfter says that width columns of A after column i are fetched, or the first ones of the next block.
func (h *tnAhead) columnsAfter(g *tnBlock, i, width int) {
	if h.panels && !aliased(g.lda) {
		h.a = g.descent(g.a, g.lda, i, g.m, width)
		h.a.gap = 16
	}
}

// descent is down width columns of x from col on, or from column 0 of the next block if x, cols wide, ends there.
func (g *tnBlock) descent(x []float32, ld, col, cols, width int) tnDescent {
	if col < cols {
		return tnDescent{x: x, ld: ld, rows: g.k, col: col, last: min(col+width, cols) - 1}
	}
	if g.ahead.after == 0 {
		return tnDescent{}
	}
	return tnDescent{x: x[g.k*ld:], ld: ld, rows: g.ahead.after, last: min(width, cols) - 1}
}

// fetch is where the next tiles fetch, nil for nothing, how many bytes apart, and of how many of them.
func (h *tnAhead) fetch(g *tnBlock, tiles int) (next *float32, step, n int) {
	turns := g.k / 8 * 2 // the tiles that read what is packed fetch twice in eight steps
	switch {
	case turns > 0 && h.b.rows >= turns:
		return h.b.fetch(tiles, turns)
	case turns > 0 && h.a.rows >= turns:
		return h.a.fetch(tiles, turns)
	case h.panels:
		return nil, 0, tiles
	}
	return h.along(g, tiles*turns), h.step, tiles
}

// fetch is where n of the next tiles fetch.
func (d *tnDescent) fetch(tiles, turns int) (next *float32, step, n int) {
	n = min(tiles, (d.rows-d.row)/turns)
	next = &d.x[d.row*d.ld+d.col]
	if d.row += n * turns; d.row+turns <= d.rows {
		return next, 4 * d.ld, n
	}
	if d.row = 0; d.col == d.last {
		d.rows = 0
	}
	d.col = min(d.col+d.gap, d.last)
	return next, 4 * d.ld, n
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
