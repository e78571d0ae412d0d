//go:build !noasm

package kernels

const (
	avx2TNK    = 128 // rows of A and B of a block
	avx2TNRows = 96  // rows of C from which the panels of B are packed
	avx2TNCols = 64  // columns of A that are copied at a time, and
	avx2TNLd   = 80  // how far apart their rows are then: all sets of the cache are used
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
	parts := blocks(k, avx2TNK)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		g := tnBlock{b: b[lo*ldb:], ldb: ldb, k: hi - lo, acc: acc || i > 0}
		g.gemmTNAVX2(c, ldc, a[lo*lda:], lda, m, n)
	}
}

// tnBlock is k rows of B: ldb apart, or by rows.
type tnBlock struct {
	b          []float32
	ldb        int
	rows       *Rows
	first, tap int
	k          int
	acc        bool
}

// pack packs the panel of w columns from column j on, filled up with zeros to cols.
func (g *tnBlock) pack(dst []float32, j, w, cols int) {
	if g.rows != nil {
		packRows(dst, g.b, g.rows, g.first, g.tap, g.k, j, w, cols)
		return
	}
	packPanelAVX2(dst, g.b[j:], g.ldb, g.k, w, cols)
}

// gemmTNAVX2 is the product with a block.
func (g *tnBlock) gemmTNAVX2(c []float32, ldc int, a []float32, lda int, m, n int) {
	switch {
	case g.rows == nil && m <= avx2TNRows && !aliased(g.ldb):
		g.unpacked(c, ldc, a, lda, m, n)
	case aliased(lda) && n >= 48:
		g.copied(c, ldc, a, lda, m, n)
	default:
		g.packed(c, ldc, a, lda, m, n)
	}
}

// unpacked reads B where it lies, 16 columns at a time: a line of the cache where rows begin
// with one. The last columns are packed.
func (g *tnBlock) unpacked(c []float32, ldc int, a []float32, lda int, m, n int) {
	j := 0
	for ; j+16 <= n; j += 16 {
		gemmTNPanelAVX2(c[j:], ldc, a, lda, g.b[j:], g.ldb, 6, 16, m, g.k, nil, g.acc)
	}
	if j < n {
		g.columns(c, ldc, a, lda, m, j, n)
	}
}

// packed packs panel after panel. The rows of C are cut so that those columns of A stay in the
// second-level cache.
func (g *tnBlock) packed(c []float32, ldc int, a []float32, lda int, m, n int) {
	const h = 512
	for i := 0; i < m; i += h {
		g.columns(c[i*ldc:], ldc, a[i:], lda, min(h, m-i), 0, n)
	}
}

// columns is columns j to n of C, with B packed.
func (g *tnBlock) columns(c []float32, ldc int, a []float32, lda int, m, j, n int) {
	var panel [avx2TNK * 24]float32
	for j < n {
		cols, h := avx2Panel(n - j)
		g.pack(panel[:], j, min(cols, n-j), cols)
		gemmTNPanelAVX2(c[j:], ldc, a, lda, panel[:], cols, h, cols, m, g.k, avx2Mask(n-j, cols), g.acc)
		j += cols
	}
}

// copied copies columns of A first, so that their rows do not share sets of the caches.
func (g *tnBlock) copied(c []float32, ldc int, a []float32, lda int, m, n int) {
	var cols [avx2TNK * avx2TNLd]float32
	for i := 0; i < m; i += avx2TNCols {
		w := min(avx2TNCols, m-i)
		for p := range g.k {
			copy(cols[p*avx2TNLd:][:w], a[p*lda+i:])
		}
		g.columns(c[i*ldc:], ldc, cols[:], avx2TNLd, w, 0, n)
	}
}

// gemmTNPanelAVX2 is m columns of A times cols of B.
func gemmTNPanelAVX2(c []float32, ldc int, a []float32, lda int, b []float32, ldb int, h, cols, m, k int, mask *[8]int32, acc bool) {
	most := max(1, avx2Call/(h*cols*k))
	for i := 0; i < m; {
		rows, tiles := tileRows(m-i, h)
		tiles = min(tiles, most)
		gemmTNF32AVX2Tile(rows, cols, &c[i*ldc], ldc, &a[i], lda, &b[0], ldb, k, tiles, mask, acc)
		i += rows * tiles
	}
}
