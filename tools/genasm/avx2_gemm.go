package main

import "fmt"

// avx2Tiles are the heights and widths: twelve accumulators where there are rows enough, the
// lower ones for the last rows.
var avx2Tiles = []tile{
	{6, 16}, {5, 16}, {4, 16}, {3, 16}, {2, 16}, {1, 16},
	{4, 24}, {3, 24}, {2, 24}, {1, 24},
	{8, 8}, {7, 8}, {6, 8}, {5, 8}, {4, 8}, {3, 8}, {2, 8}, {1, 8},
}

func avx2GEMM() file {
	f := file{op: "gemm", about: "GEMM micro-kernels for AVX2 and FMA. Every element of C is one chain of fused\n" +
		"multiply-adds over k, whatever the tile: which tile an element falls into does not change its bits."}
	for _, kind := range []struct {
		name  string
		make  func(t gemmTile) *fn
		tiles []tile
	}{
		{"gemm", gemmTile.avx2, avx2Tiles},
		{"gemmFetch", gemmTile.avx2Fetch, avx2Tiles},
		{"gemmTN", gemmTile.avx2TN, avx2Tiles},
		{"gemmTNFetch", gemmTile.avx2TNFetch, avx2Tiles},
		{"gemmRows", gemmTile.avx2Rows, avx2Tiles},
		{"gemmTNPack", gemmTile.avx2TNPack, avx2PackTiles},
		{"gemmTNDense", gemmTile.avx2TNDense, avx2PackTiles},
		{"gemmTNDenseFetch", gemmTile.avx2TNDenseFetch, avx2PackTiles},
	} {
		var fns []*fn
		for _, t := range kind.tiles {
			fns = append(fns, kind.make(gemmTile{rows: t.rows, vecs: t.cols / 8}))
		}
		name := kind.name + "F32AVX2Tile"
		f.decls += dispatch(name, name+" calls the kernel of a tile.", "rows, cols", kind.tiles, fns)
		f.funcs = append(f.funcs, fns...)
	}
	for vecs := range 3 {
		f.funcs = append(f.funcs, avx2Copy(vecs+1), avx2CopyRows(vecs+1))
	}
	f.funcs = append(f.funcs, avx2Columns(), avx2Transpose(), avx2Peak(), avx2Loads())
	return f
}

// avx2PackTiles are those whose kernels pack B, or read what is packed.
var avx2PackTiles = []tile{{4, 16}, {4, 24}}

// gemmTile is a micro-kernel: rows × vecs·8 accumulators.
type gemmTile struct {
	x86
	rows, vecs int
	trans      bool // A is k×rows: the columns of a row are read, not the rows of a column
	fetches    bool // the loop fetches what comes later
	packs      bool // and it leaves B packed
	dense      bool // A and B have no gaps between the rows of a tile
	a, b, c    lines
	pointers   []string // of the rows of A, if they do not lie in lines; R15 is the index into them
}

const (
	tileParams      = "c *float32, ldc int, a *float32, lda int, b *float32, k int, tiles int, mask *[8]int32, bias *float32, lo float32, hi float32, acc bool"
	tileFetchParams = "c *float32, ldc int, a *float32, lda int, b *float32, k int, tiles int, next *float32, step int, mask *[8]int32, bias *float32, lo float32, hi float32, acc bool"
	tileTNParams    = "c *float32, ldc int, a *float32, lda int, b *float32, ldb int, k int, tiles int, down int, next *float32, step int, mask *[8]int32, acc bool"

	tileDoc = "C = A·B or, with acc, C += A·B for tiles tiles of C below each other, each %d×%d.\n" +
		"A is read where it lies, b is a panel of k rows of %d floats. With mask only the floats\n" +
		"of the last vector whose mask is set are touched in C. " + tileEndDoc
	tileEndDoc   = "With bias it is added in the end, and\nthe sums are clipped to lo and hi."
	tileFetchDoc = tileDoc + "\nEvery four steps of k fetch a line for later: from next on, step bytes apart, or\nwithout next of the rows of A of the tile below."
	tileTNDoc    = "C = Aᵀ·B or, with acc, C += Aᵀ·B for tiles tiles of C below each other, each %d×%d.\n" +
		"A and B have k rows, lda and ldb apart, %d floats of a row of b are read. From the columns of A of a\n" +
		"tile to those of the one below it is down floats. With mask only the floats of the last vector whose\n" +
		"mask is set are touched in C."
	tileTNPackParams = "c *float32, ldc int, a *float32, lda int, b *float32, ldb int, k int, pb *float32, acc bool"
	tileTNPackDoc    = "C = Aᵀ·B or, with acc, C += Aᵀ·B for a tile of C, %d×%d. A and B have k rows, lda and\n" +
		"ldb apart, %d floats of a row of b are read. They are left in pb, with nothing between the rows."
	tileTNDenseParams = "c *float32, ldc int, a *float32, b *float32, k int, tiles int, next *float32, step int, mask *[8]int32, acc bool"
	tileTNDenseDoc    = "C = Aᵀ·B or, with acc, C += Aᵀ·B for tiles tiles of C below each other, each %[1]d×%[2]d.\n" +
		"a is k rows of %[1]d floats for each tile, b a panel of k rows of %[2]d. With mask only the floats of\n" +
		"the last vector whose mask is set are touched in C."
	tileTNDenseFetchDoc = tileTNDenseDoc + tileTNLaterDoc

	tileTNLaterDoc = "\nEvery four steps of k fetch a line for later, the first at next, then step bytes on."
	tileTNFetchDoc = tileTNDoc + tileTNLaterDoc
)

func (t gemmTile) avx2() *fn { return t.whole("gemm", tileParams, tileDoc) }

func (t gemmTile) avx2Fetch() *fn {
	t.fetches = true
	return t.whole("gemmFetch", tileFetchParams, tileFetchDoc)
}

func (t gemmTile) avx2TN() *fn {
	t.trans = true
	return t.whole("gemmTN", tileTNParams, tileTNDoc)
}

func (t gemmTile) avx2TNFetch() *fn {
	t.trans, t.fetches = true, true
	return t.whole("gemmTNFetch", tileTNParams, tileTNFetchDoc)
}

// avx2TNPack packs in passing: the ports that store are idle while a tile is made.
func (t gemmTile) avx2TNPack() *fn {
	t.trans, t.packs = true, true
	return t.whole("gemmTNPack", tileTNPackParams, tileTNPackDoc)
}

// avx2TNDense reads what is packed: with displacements alone a turn of the loop has more steps.
func (t gemmTile) avx2TNDense() *fn {
	t.trans, t.dense = true, true
	return t.whole("gemmTNDense", tileTNDenseParams, tileTNDenseDoc)
}

func (t gemmTile) avx2TNDenseFetch() *fn {
	t.trans, t.dense, t.fetches = true, true, true
	return t.whole("gemmTNDenseFetch", tileTNDenseParams, tileTNDenseFetchDoc)
}

// whole is the micro-kernel for an A that lies in lines.
func (t gemmTile) whole(op, list, doc string) *fn {
	cols := t.vecs * 8
	t.x86 = newX86(fmt.Sprintf("%sF32AVX2Tile%dx%d", op, t.rows, cols), fmt.Sprintf(doc, t.rows, cols, cols), list)
	t.a = lines{base: "AX", third: "R9", ld: "R8", ld3: "R10"}
	t.b = lines{base: "BX", ld: "R14", ld3: "R9"}
	t.c = lines{base: "DI", third: "R13", ld: "R11", ld3: "R12"}
	t.head()
	t.product()
	t.output()
	t.next()
	return t.fn
}

func (t gemmTile) head() {
	t.load("c", "DI")
	t.loadBytes("ldc", "R11")
	switch {
	case t.dense:
		t.headDense()
	case t.trans:
		t.headTN()
	default:
		t.headRows()
	}
	t.c.set(t.x86, t.rows)
	t.clear()
}

// headRows begins a tile of C = A·B.
func (t gemmTile) headRows() {
	t.load("a", "SI")
	t.loadBytes("lda", "R8")
	if t.fetches {
		t.load("next", "R14")
		t.load("step", "R15")
		t.op("XORQ DX, DX")
	}
	t.label("tile")
	t.below()
	t.load("b", "BX")
	t.load("k", "CX")
	t.a.set(t.x86, t.rows)
}

// headTN begins a tile of C = Aᵀ·B.
func (t gemmTile) headTN() {
	t.load("a", "SI")
	t.loadBytes("lda", "R8")
	t.loadBytes("ldb", "R14")
	t.b.set(t.x86, 4)
	if t.fetches {
		t.load("next", "R15")
	}
	t.label("tile")
	t.op("MOVQ SI, AX // a of the tile")
	t.load("b", "BX")
	t.load("k", "CX")
	if t.packs {
		t.load("pb", "R15")
		t.op("LEAQ (BX)(R14*8), R13")
		t.op("LEAQ (R13)(R14*8), R13 // what is fetched, 16 rows ahead")
	}
	if t.fetches {
		t.load("step", "DX")
	}
	t.op("LEAQ (R8)(R8*2), R10")
}

// headDense is headTN where a of a tile ends where that of the next one begins.
func (t gemmTile) headDense() {
	t.load("a", "AX")
	if t.fetches {
		t.load("next", "R15")
	}
	t.label("tile")
	t.load("b", "BX")
	t.load("k", "CX")
	if t.fetches {
		t.load("step", "DX")
	}
}

// clear sets the accumulators to zero, and fetches C for later.
func (t gemmTile) clear() {
	for i := range t.rows {
		t.op("PREFETCHT0 %s", t.c.at(i, 0))
		if t.vecs > 1 {
			t.op("PREFETCHT0 %s", t.c.at(i, t.vecs*32-4))
		}
	}
	for i := range t.rows * t.vecs {
		t.op("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
}

// product is the loop over k, turn steps a turn, then four and then one.
func (t gemmTile) product() {
	n := t.turn()
	t.op("SUBQ $%d, CX", n)
	t.op("JL last")
	t.label("turn")
	t.steps(n)
	t.op("SUBQ $%d, CX", n)
	t.op("JGE turn")
	t.label("last")
	if n > 4 {
		t.op("ADDQ $%d, CX", n-4)
		t.op("JL rest")
		t.fetches = false
		t.steps(4)
		t.op("SUBQ $4, CX")
		t.label("rest")
	}
	t.op("ADDQ $4, CX")
	t.op("JZ end")
	t.label("one")
	t.step(0)
	t.advance(1)
	t.op("DECQ CX")
	t.op("JNZ one")
	t.label("end")
}

// turn is how many steps of k a turn of product has: eight where displacements reach them, so that the
// loop itself costs less beside the multiply-adds.
func (t gemmTile) turn() int {
	if t.trans && !t.dense {
		return 4
	}
	return 8
}

// steps is n steps, with what they fetch for later.
func (t gemmTile) steps(n int) {
	for u := range n {
		t.step(u)
	}
	t.fetch()
	t.advance(n)
}

// step adds the outer product of a column of A and a row of B. The registers after the
// accumulators hold the row of B and, in turn, values of A.
func (t gemmTile) step(u int) {
	b := t.rows * t.vecs
	if b > 12 {
		panic("genasm: more than 12 accumulators")
	}
	for v := range t.vecs {
		t.op("VMOVUPS %s, Y%d", t.bAt(v, u), b+v)
	}
	free := min(3, 15-b-t.vecs)
	t.pack(u, b)
	for i := range t.rows {
		a := fmt.Sprintf("Y%d", b+t.vecs+i%max(1, free))
		t.op("VBROADCASTSS %s, %s", t.aAt(i, u), a)
		for v := range t.vecs {
			t.op("VFMADD231PS %s, Y%d, Y%d", a, b+v, i*t.vecs+v)
		}
	}
}

// pack leaves the row of B, which begins in register b, where it is packed, and fetches a later one.
func (t gemmTile) pack(u, b int) {
	if !t.packs {
		return
	}
	ahead := lines{base: "R13", ld: t.b.ld, ld3: t.b.ld3}
	t.op("PREFETCHT0 %s", ahead.at(u, 0))
	t.op("PREFETCHT0 %s", ahead.at(u, t.vecs*32-4))
	for v := range t.vecs {
		t.op("VMOVUPS Y%d, %d(R15)", b+v, (u*t.vecs+v)*32)
	}
}

// aAt is the address of row i of A, u steps ahead.
func (t gemmTile) aAt(i, u int) string {
	switch {
	case t.dense:
		return fmt.Sprintf("%d(AX)", (u*t.rows+i)*4)
	case t.trans:
		return t.a.at(u, i*4)
	case t.pointers != nil:
		return fmt.Sprintf("%d(%s)(R15*4)", u*4, t.pointers[i])
	}
	return t.a.at(i, u*4)
}

// ahead is how many of the turns of product fetch one line of each row of A.
func (t gemmTile) ahead() int {
	if t.rows > 4 {
		return 8
	}
	return 4
}

// below fetches where the rows of A of the tile below begin: the hardware follows a row once it
// has seen some of it, but not from one row to the next. Without next product goes on with them.
func (t gemmTile) below() {
	t.op("IMUL3Q $%d, R8, R9", t.rows)
	t.op("ADDQ SI, R9 // the tile below")
	next := lines{base: "R9", third: "AX", ld: "R8", ld3: "R10"}
	next.set(t.x86, t.rows)
	for i := range t.rows {
		t.op("PREFETCHT0 %s", next.at(i, 0))
	}
	t.op("MOVQ SI, AX // a of the tile")
	if !t.fetches {
		return
	}
	t.op("CMPQ %s, $0", t.arg("next"))
	t.op("JNE start")
	t.op("LEAQ 64(R9), R14")
	t.op("MOVQ R8, R15 // to the next row")
	t.op("IMUL3Q $-%d, R8, DX", t.ahead())
	t.op("ADDQ $%d, DX // back to the first, and on", 16*t.ahead())
	t.label("start")
}

// fetch is one turn of what product fetches for later: line after line of the next panel, or of
// the rows of the tile below in turn.
func (t gemmTile) fetch() {
	switch {
	case !t.fetches:
		return
	case t.trans:
		for range t.turn() / 4 {
			t.op("PREFETCHT1 (R15) // for later")
			t.op("ADDQ DX, R15")
		}
		return
	}
	for range 2 {
		t.op("PREFETCHT1 (R14) // for later")
		if t.ahead() == 8 {
			t.op("PREFETCHT1 64(R14)")
		}
		t.op("ADDQ R15, R14")
	}
	t.op("TESTQ $%d, CX", 4*t.ahead()-8)
	t.op("JNE more")
	t.op("ADDQ DX, R14")
	t.label("more")
}

// bAt is the address of vector v of B, u steps ahead.
func (t gemmTile) bAt(v, u int) string {
	if t.trans && !t.dense {
		return t.b.at(u, v*32)
	}
	return fmt.Sprintf("%d(BX)", (u*t.vecs+v)*32)
}

// advance moves on by n steps of k.
func (t gemmTile) advance(n int) {
	switch {
	case t.pointers != nil:
		t.op("ADDQ $%d, BX", n*t.vecs*32)
		t.op("ADDQ $%d, R15", n)
	case t.dense:
		t.op("ADDQ $%d, BX", n*t.vecs*32)
		t.op("ADDQ $%d, AX", n*t.rows*4)
	case !t.trans:
		t.op("ADDQ $%d, BX", n*t.vecs*32)
		t.op("ADDQ $%d, AX", n*4)
		if t.rows > 5 {
			t.op("ADDQ $%d, R9", n*4)
		}
	case n == 4:
		t.op("LEAQ (AX)(R8*4), AX")
		t.op("LEAQ (BX)(R14*4), BX")
	default:
		t.op("ADDQ R8, AX")
		t.op("ADDQ R14, BX")
	}
	switch {
	case t.packs && n == 4:
		t.op("LEAQ (R13)(R14*4), R13")
		t.op("ADDQ $%d, R15", 4*t.vecs*32)
	case t.packs:
		t.op("ADDQ R14, R13")
		t.op("ADDQ $%d, R15", t.vecs*32)
	}
}

// output adds C if it must, ends the product and stores the tile.
func (t gemmTile) output() {
	if !t.packs {
		t.load("mask", "DX")
	}
	t.op("CMPB %s, $0", t.arg("acc"))
	t.op("JEQ sums")
	if !t.packs {
		t.op("TESTQ DX, DX")
		t.op("JNZ addmasked")
	}
	t.each(t.vecs, func(y int, at string) { t.op("VADDPS %s, Y%d, Y%d", at, y, y) })
	t.label("sums")
	if !t.trans {
		t.finish()
	}
	t.label("store")
	if !t.packs {
		t.op("TESTQ DX, DX")
		t.op("JNZ storemasked")
	}
	t.each(t.vecs, func(y int, at string) { t.op("VMOVUPS Y%d, %s", y, at) })
}

// finish adds the bias and clips, NaN as the second source being what is kept.
func (t gemmTile) finish() {
	t.load("bias", "CX")
	t.op("TESTQ CX, CX")
	t.op("JZ store")
	t.op("VBROADCASTSS %s, Y13", t.arg("lo"))
	t.op("VBROADCASTSS %s, Y14", t.arg("hi"))
	for v := range t.vecs {
		if v < t.vecs-1 {
			t.op("VMOVUPS %d(CX), Y12", 32*v)
		} else {
			t.lastBias()
		}
		for i := range t.rows {
			y := i*t.vecs + v
			t.op("VADDPS Y12, Y%d, Y%d", y, y)
			t.op("VMAXPS Y%d, Y13, Y%d", y, y)
			t.op("VMINPS Y%d, Y14, Y%d", y, y)
		}
	}
}

// lastBias loads the last vector of the bias, under the mask if there is one.
func (t gemmTile) lastBias() {
	at := fmt.Sprintf("%d(CX)", 32*t.vecs-32)
	t.op("TESTQ DX, DX")
	t.op("JNZ biasmasked")
	t.op("VMOVUPS %s, Y12", at)
	t.op("JMP bias")
	t.label("biasmasked")
	t.op("VMOVUPS (DX), Y12")
	t.op("VMASKMOVPS %s, Y12, Y12", at)
	t.label("bias")
}

// each visits the accumulators of the first vecs vectors of every row.
func (t gemmTile) each(vecs int, visit func(y int, at string)) {
	for i := range t.rows {
		for v := range vecs {
			visit(i*t.vecs+v, t.c.at(i, v*32))
		}
	}
}

// last visits the accumulators of the last vector of every row.
func (t gemmTile) last(visit func(y int, at string)) {
	for i := range t.rows {
		visit((i+1)*t.vecs-1, t.c.at(i, (t.vecs-1)*32))
	}
}

// next goes on with the tile below.
func (t *gemmTile) next() {
	if t.packs {
		t.ret()
		return
	}
	t.label("next")
	t.down("R11", "DI")
	switch {
	case t.dense:
	case t.trans:
		t.load("down", "CX")
		t.op("LEAQ (SI)(CX*4), SI")
	default:
		t.down("R8", "SI")
	}
	t.op("DECQ %s", t.arg("tiles"))
	t.op("JNZ tile")
	t.ret()
	t.masks()
}

// masks is the output under the mask.
func (t *gemmTile) masks() {
	t.label("addmasked")
	t.op("VMOVUPS (DX), Y15")
	t.each(t.vecs-1, func(y int, at string) { t.op("VADDPS %s, Y%d, Y%d", at, y, y) })
	t.last(func(y int, at string) {
		t.op("VMASKMOVPS %s, Y15, Y14", at)
		t.op("VADDPS Y14, Y%d, Y%d", y, y)
	})
	t.op("JMP sums")
	t.label("storemasked")
	t.op("VMOVUPS (DX), Y15")
	t.each(t.vecs-1, func(y int, at string) { t.op("VMOVUPS Y%d, %s", y, at) })
	t.last(func(y int, at string) { t.op("VMASKMOVPS Y%d, Y15, %s", y, at) })
	t.op("JMP next")
}

// down moves a pointer down by the rows of the tile.
func (t gemmTile) down(ld, ptr string) {
	t.op("IMUL3Q $%d, %s, CX", t.rows, ld)
	t.op("ADDQ CX, %s", ptr)
}

// avx2Peak and avx2Loads are the yardsticks of the benchmarks.
func avx2Peak() *fn {
	f := newX86("peakF32AVX2", "n turns of twelve independent fused multiply-adds of eight floats: the most that the CPU does.", "n int")
	f.load("n", "CX")
	for i := range 14 {
		f.op("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
	f.label("turn")
	for i := range 12 {
		f.op("VFMADD231PS Y12, Y13, Y%d", i)
	}
	f.op("DECQ CX")
	f.op("JNZ turn")
	f.ret()
	return f.fn
}

func avx2Loads() *fn {
	f := newX86("loadsF32AVX2", "Like peakF32AVX2, with an operand of each from the cache: x has 96 floats behind the next multiple of 64 bytes.", "n int, x *float32")
	f.loads(12, func(i int) string { return fmt.Sprintf("VFMADD231PS %d(SI), Y12, Y%d", 32*i, i) }, func() {
		for i := range 13 {
			f.op("VXORPS Y%d, Y%d, Y%d", i, i, i)
		}
	})
	return f.fn
}

// loads is a loop of n instructions that read from SI, which is x, rounded up to a line of the cache.
func (f x86) loads(n int, op func(i int) string, zero func()) {
	f.load("n", "CX")
	f.load("x", "SI")
	f.op("ADDQ $63, SI")
	f.op("ANDQ $-64, SI")
	zero()
	f.label("turn")
	for i := range n {
		f.op("%s", op(i))
	}
	f.op("DECQ CX")
	f.op("JNZ turn")
	f.ret()
}
