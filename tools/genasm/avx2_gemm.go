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
		name string
		make func(t gemmTile) *fn
	}{
		{"gemm", gemmTile.avx2},
		{"gemmTN", gemmTile.avx2TN},
		{"gemmRows", gemmTile.avx2Rows},
	} {
		var fns []*fn
		for _, t := range avx2Tiles {
			fns = append(fns, kind.make(gemmTile{rows: t.rows, vecs: t.cols / 8}))
		}
		name := kind.name + "F32AVX2Tile"
		f.decls += dispatch(name, name+" calls the kernel of a tile.", "rows, cols", avx2Tiles, fns)
		f.funcs = append(f.funcs, fns...)
	}
	f.funcs = append(f.funcs, avx2Transpose(), avx2Peak())
	return f
}

// gemmTile is a micro-kernel: rows × vecs·8 accumulators.
type gemmTile struct {
	x86
	rows, vecs int
	trans      bool // A is k×rows: the columns of a row are read, not the rows of a column
	masked     bool // the last vector of B is read under the mask
	a, b, c    lines
	pointers   []string // of the rows of A, if they do not lie in lines; R15 is the index into them
}

const (
	tileParams   = "c *float32, ldc int, a *float32, lda int, b *float32, k int, tiles int, ahead int, mask *[8]int32, acc bool"
	tileTNParams = "c *float32, ldc int, a *float32, lda int, b *float32, ldb int, k int, tiles int, mask *[8]int32, acc bool"
)

func (t gemmTile) avx2TN() *fn {
	t.trans = true
	return t.avx2()
}

func (t gemmTile) avx2() *fn {
	op, list, doc := "gemm", tileParams, "C = A·B or, with acc, C += A·B for tiles tiles of C below each other, each %d×%d.\n"+
		"A is read where it lies, b is a panel of k rows of %d floats. With mask only the floats\nof the last vector whose mask is set are touched in C. Rows of A are prefetched ahead floats early."
	if t.trans {
		op, list, doc = "gemmTN", tileTNParams, "C = Aᵀ·B or, with acc, C += Aᵀ·B for tiles tiles of C below each other, each %d×%d.\n"+
			"A and B, k rows each, are read where they lie, %d floats of a row of b. With mask only\nthe floats of the last vector whose mask is set are touched in C."
	}
	cols := t.vecs * 8
	t.x86 = newX86(fmt.Sprintf("%sF32AVX2Tile%dx%d", op, t.rows, cols), fmt.Sprintf(doc, t.rows, cols, cols), list)
	t.a = lines{base: "AX", third: "R9", ld: "R8", ld3: "R10"}
	t.b = lines{base: "BX", ld: "R14", ld3: "R9"}
	t.c = lines{base: "DI", third: "R13", ld: "R11", ld3: "R12"}
	t.head()
	t.product()
	t.label("done")
	t.output()
	t.next()
	return t.fn
}

func (t gemmTile) head() {
	t.load("c", "DI")
	t.loadBytes("ldc", "R11")
	t.load("a", "SI")
	t.loadBytes("lda", "R8")
	t.load("tiles", "R15")
	if t.trans {
		t.load("mask", "DX")
		t.loadBytes("ldb", "R14")
		t.b.set(t.x86, 4)
	}
	t.label("tile")
	t.op("MOVQ SI, AX // a of the tile")
	if t.ahead() {
		t.op("MOVQ %s, R14", t.arg("ahead"))
		t.op("LEAQ (SI)(R14*4), R14 // what to prefetch")
		t.op("LEAQ (R14)(R8*4), DX")
		t.op("ADDQ R8, DX")
	}
	t.load("b", "BX")
	t.load("k", "CX")
	if t.trans {
		t.op("LEAQ (R8)(R8*2), R10")
	} else {
		t.a.set(t.x86, t.rows)
	}
	t.c.set(t.x86, t.rows)
	for i := range t.rows {
		t.op("PREFETCHT0 %s", t.c.at(i, 0))
	}
	for i := range t.rows * t.vecs {
		t.op("VXORPS Y%d, Y%d, Y%d", i, i, i)
	}
}

// product is the loop over k. Of A transposed it has a second one that leaves out what mask
// hides of B: there is no packed panel to hold zeros.
func (t *gemmTile) product() {
	if t.trans {
		t.op("TESTQ DX, DX")
		t.op("JNZ masked")
	}
	t.loop("", false)
}

// loop is the loop over k, four steps a turn and then one.
func (t *gemmTile) loop(suffix string, masked bool) {
	t.masked = masked
	t.op("SUBQ $4, CX")
	t.op("JL rest%s", suffix)
	t.label("four" + suffix)
	for u := range 4 {
		t.step(u)
	}
	t.prefetch()
	t.advance(4)
	t.op("SUBQ $4, CX")
	t.op("JGE four%s", suffix)
	t.label("rest" + suffix)
	t.op("ADDQ $4, CX")
	t.op("JZ end%s", suffix)
	t.label("one" + suffix)
	t.step(0)
	t.advance(1)
	t.op("DECQ CX")
	t.op("JNZ one%s", suffix)
	t.label("end" + suffix)
}

// step adds the outer product of a column of A and a row of B. The registers after the
// accumulators hold the row of B and, in turn, values of A.
func (t gemmTile) step(u int) {
	b := t.rows * t.vecs
	if b > 12 {
		panic("genasm: more than 12 accumulators")
	}
	for v := range t.vecs {
		if t.masked && v == t.vecs-1 {
			t.op("VMOVUPS (DX), Y15")
			t.op("VMASKMOVPS %s, Y15, Y%d", t.bAt(v, u), b+v)
			continue
		}
		t.op("VMOVUPS %s, Y%d", t.bAt(v, u), b+v)
	}
	free := min(3, 15-b-t.vecs)
	for i := range t.rows {
		a := fmt.Sprintf("Y%d", b+t.vecs+i%max(1, free))
		t.op("VBROADCASTSS %s, %s", t.aAt(i, u), a)
		for v := range t.vecs {
			t.op("VFMADD231PS %s, Y%d, Y%d", a, b+v, i*t.vecs+v)
		}
	}
}

// aAt is the address of row i of A, u steps ahead.
func (t gemmTile) aAt(i, u int) string {
	switch {
	case t.trans:
		return t.a.at(u, i*4)
	case t.pointers != nil:
		return fmt.Sprintf("%d(%s)(R15*4)", u*4, t.pointers[i])
	}
	return t.a.at(i, u*4)
}

// ahead reports whether rows of A are prefetched: low tiles do not come in numbers.
func (t gemmTile) ahead() bool { return !t.trans && t.pointers == nil && t.rows >= 4 && t.rows <= 6 }

// prefetch fetches what lies ahead floats behind what has just been read of A. Rows are short
// streams that the hardware does not see coming; with ahead 0 nothing happens.
func (t gemmTile) prefetch() {
	if !t.ahead() {
		return
	}
	next := lines{base: "R14", ld: "R8", ld3: "R10"}
	for i := range min(t.rows, 5) {
		t.op("PREFETCHT1 %s", next.at(i, 0))
	}
	if t.rows > 5 {
		t.op("PREFETCHT1 (DX)")
		t.op("ADDQ $16, DX")
	}
	t.op("ADDQ $16, R14")
}

// bAt is the address of vector v of B, u steps ahead.
func (t gemmTile) bAt(v, u int) string {
	if t.trans {
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
}

// output adds C if it must and stores the tile.
func (t gemmTile) output() {
	if !t.trans {
		t.load("mask", "DX")
	}
	t.op("CMPB %s, $0", t.arg("acc"))
	t.op("JEQ store")
	t.op("TESTQ DX, DX")
	t.op("JNZ addmasked")
	t.each(t.vecs, func(y int, at string) { t.op("VADDPS %s, Y%d, Y%d", at, y, y) })
	t.label("store")
	t.op("TESTQ DX, DX")
	t.op("JNZ storemasked")
	t.each(t.vecs, func(y int, at string) { t.op("VMOVUPS Y%d, %s", y, at) })
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
	t.label("next")
	t.below("R11", "DI")
	if t.trans {
		t.op("ADDQ $%d, SI", t.rows*4)
	} else {
		t.below("R8", "SI")
	}
	t.op("DECQ R15")
	t.op("JNZ tile")
	t.ret()
	if t.trans {
		t.label("masked")
		t.loop("masked", true)
		t.op("JMP done")
	}
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
	t.op("JMP store")
	t.label("storemasked")
	t.op("VMOVUPS (DX), Y15")
	t.each(t.vecs-1, func(y int, at string) { t.op("VMOVUPS Y%d, %s", y, at) })
	t.last(func(y int, at string) { t.op("VMASKMOVPS Y%d, Y15, %s", y, at) })
	t.op("JMP next")
}

// below moves a pointer down by the rows of the tile.
func (t gemmTile) below(ld, ptr string) {
	t.op("IMUL3Q $%d, %s, CX", t.rows, ld)
	t.op("ADDQ CX, %s", ptr)
}

// avx2Transpose is the inner loop of PackBT.
func avx2Transpose() *fn {
	f := newX86("packF32AVX2Transpose8", "Blocks of 8×8 of w, turned: dst[p*ds+i] = w[i*ldw+p] for i < 8, p < 8·blocks.",
		"dst *float32, ds int, w *float32, ldw int, blocks int")
	src := lines{base: "SI", third: "R9", ld: "R8", ld3: "R10"}
	dst := lines{base: "DI", third: "R13", ld: "R11", ld3: "R12"}
	f.load("dst", "DI")
	f.loadBytes("ds", "R11")
	f.load("w", "SI")
	f.loadBytes("ldw", "R8")
	f.load("blocks", "CX")
	f.label("block")
	src.set(f, 8)
	dst.set(f, 8)
	// Row i of the left half beside row i+4, so that two shuffles inside of 128 bits finish.
	for i := range 4 {
		for h := range 2 {
			y := i + 4*h
			f.op("VMOVUPS %s, X%d", src.at(i, 16*h), y)
			f.op("VINSERTF128 $1, %s, Y%d, Y%d", src.at(i+4, 16*h), y, y)
		}
	}
	for h := range 2 {
		for i := range 2 {
			y := 4*h + 2*i
			f.op("VUNPCKLPS Y%d, Y%d, Y%d", y+1, y, 8+y)
			f.op("VUNPCKHPS Y%d, Y%d, Y%d", y+1, y, 9+y)
		}
	}
	for h := range 2 {
		for i := range 2 {
			lo, hi := 8+4*h+i, 8+4*h+i+2
			f.op("VUNPCKLPD Y%d, Y%d, Y%d", hi, lo, 4*h+2*i)
			f.op("VUNPCKHPD Y%d, Y%d, Y%d", hi, lo, 4*h+2*i+1)
		}
	}
	for p := range 8 {
		f.op("VMOVUPS Y%d, %s", p, dst.at(p, 0))
	}
	f.op("ADDQ $32, SI")
	f.op("LEAQ (DI)(R11*8), DI")
	f.op("DECQ CX")
	f.op("JNZ block")
	f.ret()
	return f.fn
}

// avx2Peak is the yardstick of the benchmarks.
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
