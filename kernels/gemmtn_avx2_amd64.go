//go:build !noasm

package kernels

const (
	avx2TNK    = 200       // rows of A and B of a block: those of a 14×14 map
	avx2TNRows = 96        // rows of C from which the panels of B are packed
	avx2TNPack = 256       // columns of C from which the columns of A are packed
	avx2TNWork = 30 * 1024 // floats of A that are packed at a time: in the second-level cache, and on the stack
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
	g := tnBlock{a: a, lda: lda, m: m, b: b, ldb: ldb, n: n, acc: acc}
	g.product(c, ldc, k)
}

// tnBlock is k rows of A and of B. Those of B lie ldb apart, or by rows.
type tnBlock struct {
	a          []float32
	lda, m     int
	b          []float32
	ldb, n     int
	rows       *Rows
	first, tap int
	k, after   int // rows of the block, and of the next one
	acc        bool
	panel      []float32 // memory for a panel of B
	packed     []float32 // and for columns of A, if they are packed
	ahead      [2]int    // floats of A and of B in the next block that lie in one piece,
	step, done int       // how many of their bytes are fetched in a turn, how many floats were
}

// product is the product of total rows. The memory lies here, since Go clears it.
func (g tnBlock) product(c []float32, ldc, total int) {
	var panel [avx2TNK * 24]float32
	g.panel = panel[:]
	if g.packs(min(total, avx2TNK)) {
		g.packing(c, ldc, total)
	} else {
		g.blocks(c, ldc, total)
	}
}

// packing is product with memory for columns of A.
func (g tnBlock) packing(c []float32, ldc, total int) {
	var packed [avx2TNWork]float32
	g.packed = packed[:]
	g.blocks(c, ldc, total)
}

// packs reports whether the columns of A are packed: if many panels of B use them, or k rows of A lie
// on more pages than the first-level TLB holds, or in the same sets of the caches.
func (g *tnBlock) packs(k int) bool {
	return !g.direct() && (g.n >= avx2TNPack || g.n >= 96 && g.lda*k > 64*1024 || g.n >= 48 && aliased(g.lda))
}

// direct reports whether B is read where it lies.
func (g *tnBlock) direct() bool { return g.rows == nil && g.m <= avx2TNRows && !aliased(g.ldb) }

// blocks takes block after block.
func (g *tnBlock) blocks(c []float32, ldc, total int) {
	parts := blocks(total, avx2TNK)
	for i := range parts {
		lo, hi := Chunk(total, parts, i)
		_, end := Chunk(total, parts, min(i+1, parts-1))
		b := *g
		b.k, b.after, b.first, b.acc = hi-lo, end-hi, g.first+lo, g.acc || i > 0
		b.a = g.a[lo*g.lda:]
		if g.rows == nil {
			b.b = g.b[lo*g.ldb:]
		}
		b.plan()
		b.block(c, ldc)
	}
}

// plan says what is fetched of the next block, spread over the time.
func (g *tnBlock) plan() {
	if g.lda == g.m {
		g.ahead[0] = g.after * g.m
	}
	if g.rows == nil && g.ldb == g.n {
		g.ahead[1] = g.after * g.n
	}
	turns := max(1, g.m*g.n*g.k/(96*4))
	g.step = min(64, 4*(g.ahead[0]+g.ahead[1])/turns+1)
}

// fetch is where to fetch in the next turns, nil for nothing.
func (g *tnBlock) fetch(turns int) *float32 {
	at := g.done
	g.done += turns * g.step / 4
	if at < g.ahead[0] {
		return &g.a[g.k*g.lda+at]
	}
	if at -= g.ahead[0]; at < g.ahead[1] {
		return &g.b[g.k*g.ldb+at]
	}
	return nil
}

// block is the product with the block.
func (g *tnBlock) block(c []float32, ldc int) {
	h := 512
	if g.packed != nil {
		h = avx2TNWork / g.k &^ 7
	}
	for i := 0; i < g.m; i += h {
		a := tnColumns{x: g.a[i:], ld: g.lda, m: min(h, g.m-i)}
		if g.packed != nil {
			a = a.packed(g.packed, g.k)
		}
		g.columns(c[i*ldc:], ldc, &a)
	}
}

// columns is the product with columns of A. 16 columns of B are a line of the cache where rows
// begin with one.
func (g *tnBlock) columns(c []float32, ldc int, a *tnColumns) {
	j := 0
	if g.direct() {
		for p := (tnPanel{ldb: g.ldb, rows: 6, cols: 16}); j+16 <= g.n; j += 16 {
			p.b = g.b[j:]
			g.tiles(c[j:], ldc, a, &p)
		}
	}
	for j < g.n {
		cols, h := avx2Panel(g.n - j)
		if a.panel > 0 && h == 6 {
			h = 4
		}
		g.pack(j, min(cols, g.n-j), cols)
		g.tiles(c[j:], ldc, a, &tnPanel{b: g.panel, ldb: cols, rows: h, cols: cols, mask: avx2Mask(g.n-j, cols)})
		j += cols
	}
}

// pack packs the panel of w columns from column j on, filled up with zeros to cols.
func (g *tnBlock) pack(j, w, cols int) {
	if g.rows != nil {
		packRows(g.panel, g.b, g.rows, g.first, g.tap, g.k, j, w, cols)
		return
	}
	packPanelAVX2(g.panel, g.b[j:], g.ldb, g.k, w, cols)
}

// tnPanel is cols columns of B for tiles of rows rows.
type tnPanel struct {
	b               []float32
	ldb, rows, cols int
	mask            *[8]int32
}

// tiles is columns of A times the panel.
func (g *tnBlock) tiles(c []float32, ldc int, a *tnColumns, p *tnPanel) {
	most := max(1, avx2Call/(p.rows*p.cols*g.k))
	for i := 0; i < a.m; {
		x, rows, tiles, down, then := a.tiles(i, p.rows)
		tiles = min(tiles, most)
		if next := g.fetch(tiles * (g.k / 4)); next != nil {
			gemmTNFetchF32AVX2Tile(rows, p.cols, &c[i*ldc], ldc, x, a.ld, &p.b[0], p.ldb, g.k, tiles, down, then, next, g.step, p.mask, g.acc)
		} else {
			gemmTNF32AVX2Tile(rows, p.cols, &c[i*ldc], ldc, x, a.ld, &p.b[0], p.ldb, g.k, tiles, down, then, nil, 0, p.mask, g.acc)
		}
		i += rows * tiles
	}
}

// tnColumns is m columns of A, in rows that lie ld apart or in panels of 8 columns.
type tnColumns struct {
	x     []float32
	ld, m int
	panel int // floats of a panel
}

// packed is the columns of k rows packed into dst.
func (a tnColumns) packed(dst []float32, k int) tnColumns {
	for i := 0; i < a.m; i += 8 {
		packPanelAVX2(dst[i*k:], a.x[i:], a.ld, k, min(8, a.m-i), 8)
	}
	return tnColumns{x: dst, ld: 8, m: a.m, panel: 8 * k}
}

// tiles is where column i begins, into which tiles of at most h columns those from there on are
// cut, and how far it is from one to the next, in turns.
func (a *tnColumns) tiles(i, h int) (x *float32, rows, tiles, down, then int) {
	if a.panel == 0 {
		rows, tiles = tileRows(a.m-i, h)
		return &a.x[i], rows, tiles, rows, rows
	}
	x = &a.x[i/8*a.panel+i%8]
	rows, tiles = h, (a.m&^7-i)/h
	if tiles <= 0 {
		rows, tiles = tileRows(a.m-i, h)
	}
	switch {
	case h == 8:
		return x, rows, tiles, a.panel, a.panel
	case i%8 != 0:
		return x, rows, tiles, a.panel - h, h
	}
	return x, rows, tiles, h, a.panel - h
}
