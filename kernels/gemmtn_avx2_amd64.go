//go:build !noasm

package kernels

const (
	avx2TNK    = 200       // rows of A and B of a block: those of a 14×14 map
	avx2TNWork = 64 * 1024 // floats of A that are packed at a time: in the second-level cache
)

func gemmTNAVX2(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, m, n, k int, acc bool) {
	checkMatrix(c, ldc, m, n)
	checkMatrix(a, lda, k, m)
	checkMatrix(b, ldb, k, n)
	if m == 0 || n == 0 {
		return
	}
	if k == 0 && !acc {
		zero(c, ldc, m, n)
	}
	if tnTurns(m, n, k) {
		gemmTNTurned(c, ldc, a, lda, b, ldb, m, n, k, acc)
		return
	}
	g := tnBlock{a: a, lda: lda, m: m, b: b, ldb: ldb, n: n, acc: acc}
	g.product(c, ldc, k)
}

// tnBlock is k rows of A and of B. Those of B lie ldb apart, or by rows.
type tnBlock struct {
	a      []float32
	lda, m int
	b      []float32
	ldb, n int
	rows   *Rows
	first  int // row of the table
	width  int // floats of a tap
	from   int // column of the matrix of all taps
	k      int // rows of the block
	acc    bool
	panel  []float32 // memory for a panel of B
	packed []float32 // and for columns of A, if they are packed
	ahead  tnAhead
}

// tnSpace is memory for a panel of B and for columns of A.
type tnSpace struct {
	panel  [avx2TNK * 24]float32
	packed [avx2TNWork]float32
}

var tnSpaces spaces[tnSpace]

// product is the product of total rows.
func (g tnBlock) product(c []float32, ldc, total int) {
	s := tnSpaces.take()
	defer tnSpaces.give(s)
	g.panel = s.panel[:]
	if g.packs(min(total, avx2TNK)) {
		g.packed = s.packed[:]
	}
	g.blocks(c, ldc, total)
}

// packs reports whether the columns of A are packed, and the panels of B in passing: if many use them, or if
// rows of A lie on more pages than the first-level TLB holds, or in the same sets of the caches.
func (g *tnBlock) packs(k int) bool {
	return g.n >= 144 && g.m >= 36 || g.n >= 96 && g.lda*k > 64*1024 || g.n >= 48 && aliased(g.lda)
}

// direct reports whether B is read where it lies.
func (g *tnBlock) direct() bool { return g.rows == nil && g.m <= 96 && !aliased(g.ldb) }

// aliased reports whether lines ld floats apart fall into the same sets of the caches,
// or nearly: a multiple of 4 KiB.
func aliased(ld int) bool { return ld >= 992 && (ld+31)%1024 < 63 }

// blocks takes block after block.
func (g *tnBlock) blocks(c []float32, ldc, total int) {
	parts := blocks(total, avx2TNK)
	for i := range parts {
		lo, hi := Chunk(total, parts, i)
		_, end := Chunk(total, parts, min(i+1, parts-1))
		b := *g
		b.k, b.first, b.acc = hi-lo, g.first+lo, g.acc || i > 0
		b.a = g.a[lo*g.lda:]
		if g.rows == nil {
			b.b = g.b[lo*g.ldb:]
		}
		b.plan(end - hi)
		b.block(c, ldc)
	}
}

// block is the product with the block.
func (g *tnBlock) block(c []float32, ldc int) {
	h := 512
	if g.packed != nil {
		h = roundUp(blocks(g.m, blocks(g.m, avx2TNWork/g.k&^7)), 4)
	}
	for i := 0; i < g.m; i += h {
		a := tnColumns{x: g.a[i:], ld: g.lda, m: min(h, g.m-i)}
		if g.packed != nil {
			a.packed = g.packed
			a.pack(g.k)
			g.ahead.columnsAfter(g, i+h, h)
		}
		g.columns(c[i*ldc:], ldc, &a)
	}
}

// columns is the product with columns of A. 16 columns of B are a line of the cache where rows
// begin with one.
func (g *tnBlock) columns(c []float32, ldc int, a *tnColumns) {
	j := 0
	if a.packed == nil && g.direct() {
		for p := (tnPanel{ldb: g.ldb, rows: 6, cols: 16}); j+16 <= g.n; j += 16 {
			p.b = g.b[j:]
			g.tiles(c[j:], ldc, a, &p, 0)
		}
	}
	for j < g.n {
		p, done := g.pack(c[j:], ldc, a, j)
		g.tiles(c[j:], ldc, a, &p, done)
		j += p.used
	}
}

// pack packs the panel from column j of B on, filled up with zeros. If it can it makes the first tile in
// passing; done is how many rows those are.
func (g *tnBlock) pack(c []float32, ldc int, a *tnColumns, j int) (p tnPanel, done int) {
	n, tap, at := g.n-j, 0, 0
	if g.rows != nil {
		tap, at, n = g.rows.tap(g.from+j, n, g.width)
	}
	cols, h := avx2Panel(n)
	if h == 6 && a.packed != nil {
		h = 4
	}
	w := min(cols, n)
	p = tnPanel{b: g.panel, ldb: cols, rows: h, cols: cols, used: w, mask: avx2Mask(n, cols)}
	g.ahead.panelAfter(g, j+cols)
	switch {
	case g.rows != nil:
		g.packRows(tap, at, w, cols)
	case a.packed != nil && h == 4 && p.mask == nil && a.m >= 7:
		gemmTNPackF32AVX2Tile(4, cols, &c[0], ldc, &a.packed[0], 4, &g.b[j], g.ldb, g.k, &g.panel[0], g.acc)
		return p, 4
	default:
		packPanelAVX2(g.panel, g.b[j:], g.ldb, g.k, w, cols)
	}
	return p, 0
}

// packRows packs w floats of a tap, from its float at on, as a panel of cols.
func (g *tnBlock) packRows(tap, at, w, cols int) {
	b, mask := &zeros[0], &avx2Masks[w-(cols-8)]
	if g.rows.max >= 0 { // else there may be no b at all
		b = &g.b[at]
	}
	off := &g.rows.off[tap*g.rows.Len+g.first]
	switch cols {
	case 8:
		packF32AVX2Rows8(&g.panel[0], b, off, &zeros[0], g.k, mask)
	case 16:
		packF32AVX2Rows16(&g.panel[0], b, off, &zeros[0], g.k, mask)
	case 24:
		packF32AVX2Rows24(&g.panel[0], b, off, &zeros[0], g.k, mask)
	}
}

// tnPanel is cols columns of B for tiles of rows rows, used of them columns of C.
type tnPanel struct {
	b                     []float32
	ldb, rows, cols, used int
	mask                  *[8]int32
}

// tiles is columns of A, from column i on, times the panel.
func (g *tnBlock) tiles(c []float32, ldc int, a *tnColumns, p *tnPanel, i int) {
	most := max(1, avx2Call/(p.rows*p.cols*g.k))
	for i < a.m {
		rows, tiles := tileRows(a.m-i, p.rows)
		x, ld, down := a.at(i, rows, g.k)
		next, step, tiles := g.ahead.fetch(g, min(tiles, most))
		switch dense := a.dense(i, rows) && p.cols > 8; {
		case dense && next != nil:
			gemmTNDenseFetchF32AVX2Tile(4, p.cols, &c[i*ldc], ldc, x, &p.b[0], g.k, tiles, next, step, p.mask, g.acc)
		case dense:
			gemmTNDenseF32AVX2Tile(4, p.cols, &c[i*ldc], ldc, x, &p.b[0], g.k, tiles, nil, 0, p.mask, g.acc)
		case next != nil:
			gemmTNFetchF32AVX2Tile(rows, p.cols, &c[i*ldc], ldc, x, ld, &p.b[0], p.ldb, g.k, tiles, down, next, step, p.mask, g.acc)
		default:
			gemmTNF32AVX2Tile(rows, p.cols, &c[i*ldc], ldc, x, ld, &p.b[0], p.ldb, g.k, tiles, down, nil, 0, p.mask, g.acc)
		}
		i += rows * tiles
	}
}

// tnColumns is m columns of A in rows that lie ld apart, and if they are packed those of whole tiles in
// panels of 4 too.
type tnColumns struct {
	x      []float32
	ld, m  int
	packed []float32
}

// pack packs the columns of k rows.
func (a *tnColumns) pack(k int) {
	dst := a.packed
	checkMatrix(a.x, a.ld, k, a.m)
	checkMatrix(dst, 0, 1, a.m/4*4*k)
	p := 0
	for ; p+4 <= k && a.m >= 4; p += 4 {
		packF32AVX2Columns4(&dst[4*p], 4*k, &a.x[p*a.ld], a.ld, a.m/4)
	}
	for ; p < k; p++ {
		for i := 0; i+4 <= a.m; i += 4 {
			*(*[4]float32)(dst[i*k+4*p:]) = [4]float32(a.x[p*a.ld+i:])
		}
	}
}

// dense reports whether columns i to i+rows are one of the panels.
func (a *tnColumns) dense(i, rows int) bool { return a.packed != nil && rows == 4 && i%4 == 0 }

// at is where columns i to i+rows begin, how far it is to the next row, and to the next columns.
func (a *tnColumns) at(i, rows, k int) (x *float32, ld, down int) {
	if a.dense(i, rows) {
		return &a.packed[i*k], 4, 4 * k
	}
	return &a.x[i], a.ld, rows
}
