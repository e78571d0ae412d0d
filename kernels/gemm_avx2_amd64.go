//go:build !noasm

package kernels

// B is packed in blocks of k, each a row of panels: the columns of a panel lie beside each
// other, its rows follow each other. Panels are 16 floats wide, two vectors; what is left at
// the end is a panel of 24 or 8, so that widths that are multiples of 8 need no padding.
const (
	avx2K     = 256       // rows of a block: a panel of 24 is 24 KiB, in the first-level cache
	avx2Work  = 24 * 1024 // floats of A that stay in the second-level cache
	avx2Small = 48 * 1024 // floats of B that stay there too
	avx2Whole = 80 * 1024 // and of all blocks of B, beside fewer rows of A
	avx2Call  = 1 << 19   // multiply-adds of one assembly call: about 10 µs
	avx2Few   = 200       // rows of A that are near, as the layer before has just made them
)

// avx2Panel is the width of the panel that begins n columns before the end, and the height of
// its tiles. Tiles of 4×24 read least for a multiply-add; panels of 16 take what they leave.
func avx2Panel(n int) (cols, rows int) {
	switch {
	case n <= 8:
		return 8, 8
	case (n+7)/8%3 == 0:
		return 24, 4
	}
	return 16, 6
}

// avx2Masks[r] lets r floats of a vector through.
var avx2Masks = [9][8]int32{
	1: {-1}, 2: {-1, -1}, 3: {-1, -1, -1}, 4: {-1, -1, -1, -1}, 5: {-1, -1, -1, -1, -1},
	6: {-1, -1, -1, -1, -1, -1}, 7: {-1, -1, -1, -1, -1, -1, -1}, 8: {-1, -1, -1, -1, -1, -1, -1, -1},
}

// avx2Mask is the mask of the last vector of a panel at the last n columns, nil for a whole one.
func avx2Mask(n, cols int) *[8]int32 {
	if n >= cols {
		return nil
	}
	return &avx2Masks[n-(cols-8)]
}

func packSizeAVX2(k, n int) int { return k * roundUp(n, 8) }

func packBAVX2(dst, b []float32, ldb, k, n int) {
	parts := blocks(k, avx2K)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		for j := 0; j < n; {
			cols, _ := avx2Panel(n - j)
			dst = packPanelAVX2(dst, b[lo*ldb+j:], ldb, hi-lo, min(cols, n-j), cols)
			j += cols
		}
	}
}

func packBTAVX2(dst, w []float32, ldw, k, n int) {
	parts := blocks(k, avx2K)
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		for j := 0; j < n; {
			cols, _ := avx2Panel(n - j)
			for v := 0; v < cols; v += 8 {
				packTransposed(dst[v:], cols, w[(j+v)*ldw+lo:], ldw, hi-lo, min(8, n-j-v))
			}
			dst = dst[(hi-lo)*cols:]
			j += cols
		}
	}
}

// packTransposed packs n rows of w, at most 8, as k rows of 8 floats, ds apart.
func packTransposed(dst []float32, ds int, w []float32, ldw, k, n int) {
	done := 0
	if n == 8 && k >= 8 {
		done = k &^ 7
		_, _ = w[7*ldw+done-1], dst[(done-1)*ds+7]
		packF32AVX2Transpose8(&dst[0], ds, &w[0], ldw, done/8)
	}
	for p := done; p < k; p++ {
		row := dst[p*ds:][:8]
		clear(row[n:])
		for i := range n {
			row[i] = w[i*ldw+p]
		}
	}
}

func gemmAVX2(c []float32, ldc int, a []float32, lda int, bp []float32, m, n, k int, acc bool) {
	gemmEndAVX2(c, ldc, a, lda, bp, m, n, k, acc, gemmEnd{})
}

// gemmEndAVX2 is Gemm with an end.
func gemmEndAVX2(c []float32, ldc int, a []float32, lda int, bp []float32, m, n, k int, acc bool, end gemmEnd) {
	checkMatrix(c, ldc, m, n)
	checkMatrix(a, lda, m, k)
	checkMatrix(bp, 0, 1, packSizeAVX2(k, n))
	if m == 0 || n == 0 {
		return
	}
	if k == 0 && !acc {
		zero(c, ldc, m, n)
	}
	parts := blocks(k, avx2K)
	if parts > 1 && n*k <= avx2Whole {
		gemmRowsFirstAVX2(c, ldc, a, lda, bp, m, n, k, acc, end)
		return
	}
	for i := range parts {
		lo, hi := Chunk(k, parts, i)
		p := gemmPanel{k: hi - lo, acc: acc || i > 0, near: m <= avx2Few, end: end.of(i == parts-1)}
		p.block(c, ldc, a[lo:], lda, bp[lo*roundUp(n, 8):], m, n)
	}
}

// gemmRowsFirstAVX2 takes all blocks of k for some rows before the next rows: B stays in the
// second-level cache as a whole, and rows of A are read and fetched from end to end.
func gemmRowsFirstAVX2(c []float32, ldc int, a []float32, lda int, bp []float32, m, n, k int, acc bool, end gemmEnd) {
	parts, h := blocks(k, avx2K), avx2Rows(m, k)
	for i := 0; i < m; i += h {
		rows := min(h, m-i)
		for b := range parts {
			lo, hi := Chunk(k, parts, b)
			p := gemmPanel{k: hi - lo, acc: acc || b > 0, near: m <= avx2Few, end: end.of(b == parts-1)}
			if lda == k {
				from, to := Chunk(rows*k, parts, b)
				p.plan(rows*k+from-lo, min(rows*k+to, len(a)-i*lda)-lo, rows*n)
			}
			p.panels(c[i*ldc:], ldc, a[i*lda+lo:], lda, bp[lo*roundUp(n, 8):], rows, n)
		}
	}
}

// block is the product with one block of k. The rows are cut so that those of A stay in the
// second-level cache while the panels of B pass by.
func (p gemmPanel) block(c []float32, ldc int, a []float32, lda int, bp []float32, m, n int) {
	h := avx2Rows(m, p.k)
	for i := 0; i < m; i += h {
		p.some(c[i*ldc:], ldc, a[i*lda:], lda, bp, min(h, m-i), n)
	}
}

// avx2Rows is how many of m rows of k floats are taken at a time: about as many as stay in the second-level cache, and no few in
// the end, for which B would be read once more.
func avx2Rows(m, k int) int {
	h := max(48, avx2Work/k/48*48)
	return roundUp(blocks(m, max(1, (m+h/2)/h)), 4)
}

// some is m rows of A times all panels of a block. With a small B the rows of A that come next are
// fetched meanwhile, if all lie in one piece.
func (p gemmPanel) some(c []float32, ldc int, a []float32, lda int, bp []float32, m, n int) {
	if lda == p.k && n*p.k <= avx2Small {
		p.plan(m*p.k, min(2*m*p.k, len(a)), m*n)
	}
	p.panels(c, ldc, a, lda, bp, m, n)
}

// gemmPanel is a panel of B, and what follows it, for tiles of rows rows.
type gemmPanel struct {
	b             []float32
	rows, cols, k int
	mask          *[8]int32
	acc, first    bool
	near          bool // A is in the second-level cache
	end           gemmEnd
	bias          *float32 // of the panel, nil for no end
	at, to, step  int      // what of A is fetched for the next rows, and how many bytes in a turn
}

// gemmEnd is what happens to a product in the end: a bias is added and the sums are clipped. Without a
// bias there is no end.
type gemmEnd struct {
	bias   []float32
	lo, hi float32
}

// of is the end of the last block of k, and none of the others.
func (e gemmEnd) of(last bool) gemmEnd {
	if last {
		return e
	}
	return gemmEnd{}
}

// at is the bias of the columns from j on.
func (e gemmEnd) at(j int) *float32 {
	if e.bias == nil {
		return nil
	}
	return &e.bias[j]
}

// plan says that floats from to to of A are fetched while elements of C are made, spread over the time.
func (p *gemmPanel) plan(from, to, elements int) {
	p.at, p.to = from, to
	p.step = min(64, 4*(to-from)*96*4/(elements*p.k)+1)
}

// panels is m rows of A times all panels of a block. If nothing is planned the tiles of the first panel fetch
// their rows of A, unless they are near, and the others the panel that comes after theirs.
func (p *gemmPanel) panels(c []float32, ldc int, a []float32, lda int, bp []float32, m, n int) {
	for j := 0; j < n; {
		p.cols, p.rows = avx2Panel(n - j)
		p.b, p.mask, p.first, p.bias = bp[j*p.k:], avx2Mask(n-j, p.cols), j == 0, p.end.at(j)
		p.avx2(c[j:], ldc, a, lda, m)
		j += p.cols
	}
}

// avx2 is m rows of A times the panel.
func (p *gemmPanel) avx2(c []float32, ldc int, a []float32, lda, m int) {
	most := max(1, avx2Call/(p.rows*p.cols*p.k))
	for i, next := 0, p.cols*p.k; i < m; {
		rows, tiles := tileRows(m-i, p.rows)
		tiles = min(tiles, most)
		switch {
		case p.at < p.to:
			gemmFetchF32AVX2Tile(rows, p.cols, &c[i*ldc], ldc, &a[i*lda], lda, &p.b[0], p.k, tiles, &a[p.at], p.step, p.mask, p.bias, p.end.lo, p.end.hi, p.acc)
			p.at += tiles * (p.k / 8 * 2) * p.step / 4
		case p.first && !p.near:
			gemmFetchF32AVX2Tile(rows, p.cols, &c[i*ldc], ldc, &a[i*lda], lda, &p.b[0], p.k, tiles, nil, 0, p.mask, p.bias, p.end.lo, p.end.hi, p.acc)
		case p.k >= 16 && next < min(len(p.b), 2*p.cols*p.k):
			tiles = min(tiles, 6)
			gemmFetchF32AVX2Tile(rows, p.cols, &c[i*ldc], ldc, &a[i*lda], lda, &p.b[0], p.k, tiles, &p.b[next], p.line(), p.mask, p.bias, p.end.lo, p.end.hi, p.acc)
			next += tiles * (p.k / 8 * 2) * p.line() / 4
		default:
			gemmF32AVX2Tile(rows, p.cols, &c[i*ldc], ldc, &a[i*lda], lda, &p.b[0], p.k, tiles, p.mask, p.bias, p.end.lo, p.end.hi, p.acc)
		}
		i += rows * tiles
	}
}

// line is how many bytes of what follows the panel a tile fetches in a turn of four steps of k: a
// line, or two.
func (p *gemmPanel) line() int {
	if p.rows > 4 {
		return 128
	}
	return 64
}

// packPanelAVX2 copies k rows of n floats, cols apart and filled up with zeros, and returns what
// follows in dst. The panel is no wider than n needs.
func packPanelAVX2(dst, b []float32, ldb, k, n, cols int) []float32 {
	checkMatrix(dst, cols, k, cols)
	checkMatrix(b, ldb, k, n)
	if k == 0 {
		return dst
	}
	mask := &avx2Masks[n-(cols-8)]
	switch cols {
	case 8:
		packF32AVX2Copy8(&dst[0], cols, &b[0], ldb, k, mask)
	case 16:
		packF32AVX2Copy16(&dst[0], cols, &b[0], ldb, k, mask)
	case 24:
		packF32AVX2Copy24(&dst[0], cols, &b[0], ldb, k, mask)
	}
	return dst[k*cols:]
}
