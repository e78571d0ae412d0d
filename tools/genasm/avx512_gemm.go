package main

import "fmt"

// avx512Height is the rows of a full tile: with three vectors 24 accumulators, three of B and
// five for values of A.
const avx512Height = 8

func avx512GEMM() file {
	f := file{op: "gemm", about: "GEMM micro-kernels for AVX-512. Every element of C is one chain of fused multiply-adds\n" +
		"over k, whatever the tile: which tile an element falls into does not change its bits."}
	var tiles []tile
	for vecs := 3; vecs >= 1; vecs-- {
		for rows := avx512Height; rows >= 1; rows-- {
			tiles = append(tiles, tile{rows, vecs * 16})
		}
	}
	for _, kind := range []struct {
		name string
		make func(t tile512) *fn
	}{
		{"gemm", tile512.fn},
		{"gemmTN", tile512.fnTN},
		{"gemmRows", tile512.fnRows},
	} {
		var fns []*fn
		for _, t := range tiles {
			fns = append(fns, kind.make(tile512{rows: t.rows, vecs: t.cols / 16}))
		}
		name := kind.name + "F32AVX512Tile"
		f.decls += dispatch(name, name+" calls the kernel of a tile.", "rows, cols", tiles, fns)
		f.funcs = append(f.funcs, fns...)
	}
	f.funcs = append(f.funcs, avx512Peak(), avx512Loads())
	return f
}

// tile512 is a micro-kernel: rows × vecs·16 accumulators, the last vector of a row under K1.
type tile512 struct {
	x86
	rows, vecs int
	trans      bool // A is k×rows: the columns of a row are read, not the rows of a column
	a, b, c    lines
	ahead      lines    // what is prefetched of A
	pointers   []string // of the rows of A, if they do not lie in lines; R15 is the index into them
}

const (
	tile512Params   = "c *float32, ldc int, a *float32, lda int, b *float32, k int, tiles int, ahead int, mask int, acc bool"
	tile512TNParams = "c *float32, ldc int, a *float32, lda int, b *float32, ldb int, k int, tiles int, mask int, acc bool"
)

func (t tile512) fnTN() *fn {
	t.trans = true
	return t.fn()
}

func (t tile512) fn() *fn {
	op, list, doc := "gemm", tile512Params, "C = A·B or, with acc, C += A·B for tiles tiles of C below each other, each %d×%d.\n"+
		"A is read where it lies, b is a panel of k rows of %d floats. Of the last sixteen columns of C those are\ntouched whose bit in mask is set. Rows of A are prefetched ahead floats early."
	if t.trans {
		op, list, doc = "gemmTN", tile512TNParams, "C = Aᵀ·B or, with acc, C += Aᵀ·B for tiles tiles of C below each other, each %d×%d.\n"+
			"A and B, k rows each, are read where they lie, %d floats of a row of b. Of the last sixteen columns\nof B and C those are touched whose bit in mask is set."
	}
	cols := t.vecs * 16
	t.x86 = newX86(fmt.Sprintf("%sF32AVX512Tile%dx%d", op, t.rows, cols), fmt.Sprintf(doc, t.rows, cols, cols), list)
	t.a = lines{base: "AX", third: "R9", ld: "R8", ld3: "R10"}
	t.b = lines{base: "BX", ld: "R14", ld3: "R9"}
	t.c = lines{base: "DI", third: "R13", ld: "R11", ld3: "R12"}
	t.ahead = lines{base: "R14", third: "DX", ld: "R8", ld3: "R10"}
	t.head()
	t.loop()
	t.output()
	t.next()
	return t.x86.fn
}

func (t tile512) head() {
	t.loadMask("mask", "DX")
	t.load("c", "DI")
	t.loadBytes("ldc", "R11")
	t.load("a", "SI")
	t.loadBytes("lda", "R8")
	t.load("tiles", "R15")
	if t.trans {
		t.loadBytes("ldb", "R14")
		t.b.set(t.x86, 4)
		t.a.set(t.x86, 4)
	}
	t.label("tile")
	t.op("MOVQ SI, AX // a of the tile")
	if !t.trans {
		t.a.set(t.x86, t.rows)
	}
	if t.prefetches() {
		t.op("MOVQ %s, R14", t.arg("ahead"))
		t.op("LEAQ (SI)(R14*4), R14 // what to prefetch")
		t.ahead.set(t.x86, t.rows)
	}
	t.load("b", "BX")
	t.load("k", "CX")
	t.c.set(t.x86, t.rows)
	t.begin()
}

// begin fetches the tile of C early and clears the accumulators.
func (t tile512) begin() {
	for i := range t.rows {
		t.op("PREFETCHT0 %s", t.c.at(i, 0))
	}
	t.zero(t.rows * t.vecs)
}

// loop is the loop over k, four steps a turn and then one.
func (t tile512) loop() {
	t.op("SUBQ $4, CX")
	t.op("JL rest")
	t.label("four")
	for u := range 4 {
		t.step(u)
	}
	t.prefetch()
	t.advance(4)
	t.op("SUBQ $4, CX")
	t.op("JGE four")
	t.label("rest")
	t.op("ADDQ $4, CX")
	t.op("JZ done")
	t.label("one")
	t.step(0)
	t.advance(1)
	t.op("DECQ CX")
	t.op("JNZ one")
	t.label("done")
}

// step adds the outer product of a column of A and a row of B. The registers after the
// accumulators hold the row of B and, in turn, values of A.
func (t tile512) step(u int) {
	b := t.rows * t.vecs
	for v := range t.vecs {
		if t.trans && v == t.vecs-1 {
			t.op("VMOVUPS.Z %s, K1, %s", t.b.at(u, v*64), zmm(b+v))
			continue
		}
		t.op("VMOVUPS %s, %s", t.bAt(v, u), zmm(b+v))
	}
	for i := range t.rows {
		a := zmm(b + t.vecs + i%(32-b-t.vecs))
		t.op("VBROADCASTSS %s, %s", t.aAt(i, u), a)
		for v := range t.vecs {
			t.op("VFMADD231PS %s, %s, %s", a, zmm(b+v), zmm(i*t.vecs+v))
		}
	}
}

// aAt is the address of row i of A, u steps ahead.
func (t tile512) aAt(i, u int) string {
	switch {
	case t.trans:
		return t.a.at(u, i*4)
	case t.pointers != nil:
		return fmt.Sprintf("%d(%s)(R15*4)", u*4, t.pointers[i])
	}
	return t.a.at(i, u*4)
}

// bAt is the address of vector v of B, u steps ahead.
func (t tile512) bAt(v, u int) string {
	if t.trans {
		return t.b.at(u, v*64)
	}
	return fmt.Sprintf("%d(BX)", (u*t.vecs+v)*64)
}

// prefetches reports whether rows of A are prefetched: low tiles do not come in numbers.
func (t tile512) prefetches() bool { return !t.trans && t.pointers == nil && t.rows >= avx512Height/2 }

// prefetch fetches what lies ahead floats behind what has just been read of A, as in the tiles
// for AVX2.
func (t tile512) prefetch() {
	if !t.prefetches() {
		return
	}
	for i := range t.rows {
		t.op("PREFETCHT1 %s", t.ahead.at(i, 0))
	}
	t.move(t.ahead, t.rows, 16)
}

// move moves the pointers of n lines by bytes.
func (t tile512) move(l lines, n, bytes int) {
	t.op("ADDQ $%d, %s", bytes, l.base)
	if n > 5 {
		t.op("ADDQ $%d, %s", bytes, l.third)
	}
}

// advance moves on by n steps of k, four or one.
func (t tile512) advance(n int) {
	switch {
	case t.trans:
		t.op("LEAQ (AX)(R8*%d), AX", n)
		t.op("LEAQ (BX)(R14*%d), BX", n)
	case t.pointers != nil:
		t.op("ADDQ $%d, BX", n*t.vecs*64)
		t.op("ADDQ $%d, R15", n)
	default:
		t.op("ADDQ $%d, BX", n*t.vecs*64)
		t.move(t.a, t.rows, n*4)
	}
}

// output adds C if it must and stores the tile.
func (t tile512) output() {
	t.op("CMPB %s, $0", t.arg("acc"))
	t.op("JEQ store")
	t.each(func(z, at, mask string) { t.op("VADDPS %s, %s, %s%s", at, z, mask, z) })
	t.label("store")
	t.each(func(z, at, mask string) { t.op("VMOVUPS %s, %s%s", z, mask, at) })
}

// each visits the accumulators; mask is that of the last vector of a row.
func (t tile512) each(visit func(z, at, mask string)) {
	for i := range t.rows {
		for v := range t.vecs {
			mask := ""
			if v == t.vecs-1 {
				mask = "K1, "
			}
			visit(zmm(i*t.vecs+v), t.c.at(i, v*64), mask)
		}
	}
}

// next goes on with the tile below.
func (t tile512) next() {
	t.below(t.c.ld, "DI")
	if t.trans {
		t.op("ADDQ $%d, SI", t.rows*4)
	} else {
		t.below(t.a.ld, "SI")
	}
	t.op("DECQ R15")
	t.op("JNZ tile")
	t.ret()
}

// below moves a pointer down by the rows of the tile.
func (t tile512) below(ld, ptr string) {
	t.op("IMUL3Q $%d, %s, CX", t.rows, ld)
	t.op("ADDQ CX, %s", ptr)
}
