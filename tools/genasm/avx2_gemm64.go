package main

import "fmt"

// tile64 is a micro-kernel of the float64 product: rows × 12 sums, three vectors of four a row.
type tile64 struct {
	x86
	rows int
	a, c lines
}

// vecs64 is the vectors of a row.
const vecs64 = 3

func avx2GEMM64() file {
	f := file{op: "gemm64", about: "Micro-kernels of the float64 product for AVX2 and FMA: the loops of gemm_avx2_amd64.s, each element of C one\n" +
		"chain of fused multiply-adds."}
	var tiles []tile
	for rows := 4; rows > 0; rows-- {
		tiles = append(tiles, tile{rows: rows})
		f.funcs = append(f.funcs, tile64{rows: rows}.avx2())
	}
	const name = "gemmNTF64AVX2Tile"
	f.decls = dispatch(name, name+" calls the kernel of a tile.", "rows", tiles, f.funcs)
	var gemv []*fn
	for rows := 4; rows > 0; rows-- {
		gemv = append(gemv, gemv64{rows: rows}.avx2())
	}
	f.decls += dispatch("gemvF64AVX2Rows", "gemvF64AVX2Rows calls the kernel of a tile.", "rows", tiles, gemv)
	f.funcs = append(f.funcs, gemv...)
	return f
}

func (t tile64) avx2() *fn {
	t.x86 = newX86(fmt.Sprintf("gemmNTF64AVX2Tile%dx12", t.rows), fmt.Sprintf("C = A·B or, with acc, C += A·B for tiles tiles of C below each other, each %d×12.\n"+
		"A is read where it lies, b is a panel of k rows of 12.", t.rows),
		"c *float64, ldc int, a *float64, lda int, b *float64, k int, tiles int, acc bool")
	t.a = lines{base: "AX", ld: "R8", ld3: "R10"}
	t.c = lines{base: "DI", ld: "R11", ld3: "R12"}
	t.load("c", "DI")
	t.loadDoubles("ldc", "R11")
	t.load("a", "SI")
	t.loadDoubles("lda", "R8")
	t.load("tiles", "DX")
	t.a.set(t.x86, t.rows)
	t.c.set(t.x86, t.rows)
	t.label("tile")
	t.op("MOVQ SI, AX // a of the tile")
	t.load("b", "BX")
	t.load("k", "CX")
	t.clear()
	t.product()
	t.output()
	for range t.rows {
		t.op("ADDQ R11, DI")
		t.op("ADDQ R8, SI")
	}
	t.op("DECQ DX")
	t.op("JNZ tile")
	t.ret()
	return t.fn
}

// loadDoubles puts a length in float64 into a register, in bytes.
func (f x86) loadDoubles(name, reg string) {
	f.op("MOVQ %s, %s", f.arg(name), reg)
	f.op("SHLQ $3, %s // %s, bytes", reg, name)
}

// clear sets the sums to zero, and fetches C for later.
func (t tile64) clear() {
	for i := range t.rows {
		t.op("PREFETCHT0 %s", t.c.at(i, 0))
		t.op("PREFETCHT0 %s", t.c.at(i, vecs64*32-8))
	}
	for i := range t.rows * vecs64 {
		t.op("VXORPD Y%d, Y%d, Y%d", i, i, i)
	}
}

// product is the loop over k, four steps a turn and then one.
func (t tile64) product() {
	t.op("SUBQ $4, CX")
	t.op("JL rest")
	t.label("four")
	for u := range 4 {
		t.step(u)
	}
	t.advance(4)
	t.op("SUBQ $4, CX")
	t.op("JGE four")
	t.label("rest")
	t.op("ADDQ $4, CX")
	t.op("JZ end")
	t.label("one")
	t.step(0)
	t.advance(1)
	t.op("DECQ CX")
	t.op("JNZ one")
	t.label("end")
}

// step adds the outer product of a column of A and a row of B, u steps ahead.
func (t tile64) step(u int) {
	for v := range vecs64 {
		t.op("VMOVUPD %d(BX), Y%d", (u*vecs64+v)*32, 12+v)
	}
	for i := range t.rows {
		t.op("VBROADCASTSD %s, Y15", t.a.at(i, 8*u))
		for v := range vecs64 {
			t.op("VFMADD231PD Y15, Y%d, Y%d", 12+v, i*vecs64+v)
		}
	}
}

func (t tile64) advance(n int) {
	t.op("ADDQ $%d, BX", n*vecs64*32)
	t.op("ADDQ $%d, AX", n*8)
}

// output adds C if it must and stores the tile.
func (t tile64) output() {
	t.op("CMPB %s, $0", t.arg("acc"))
	t.op("JEQ store")
	t.each(func(y int, at string) { t.op("VADDPD %s, Y%d, Y%d", at, y, y) })
	t.label("store")
	t.each(func(y int, at string) { t.op("VMOVUPD Y%d, %s", y, at) })
}

// each visits the sums.
func (t tile64) each(visit func(y int, at string)) {
	for i := range t.rows {
		for v := range vecs64 {
			visit(i*vecs64+v, t.c.at(i, v*32))
		}
	}
}

// gemv64 is the micro-kernel of the product with a vector: rows sums, eight columns a turn.
type gemv64 struct {
	x86
	rows int
	a    lines
}

func (g gemv64) avx2() *fn {
	g.x86 = newX86(fmt.Sprintf("gemvF64AVX2Rows%d", g.rows), fmt.Sprintf("y = A·x for tiles tiles of %d rows of A below each other, k columns each.", g.rows),
		"y *float64, a *float64, lda int, x *float64, k int, tiles int")
	g.a = lines{base: "AX", ld: "R8", ld3: "R10"}
	g.load("y", "DI")
	g.load("a", "SI")
	g.loadDoubles("lda", "R8")
	g.load("tiles", "DX")
	g.a.set(g.x86, g.rows)
	g.label("tile")
	g.op("MOVQ SI, AX // a of the tile")
	g.load("x", "BX")
	g.load("k", "CX")
	for i := range 3 * g.rows {
		g.op("VXORPD Y%d, Y%d, Y%d", i, i, i)
	}
	g.columns("eight", "single", 8, func() {
		for half := range 2 {
			g.op("VMOVUPD %d(BX), Y12", 32*half)
			for i := range g.rows {
				g.op("VFMADD231PD %s, Y12, Y%d", g.a.at(i, 32*half), half*g.rows+i)
			}
		}
	})
	g.columns("one", "end", 1, func() {
		g.op("VMOVSD (BX), X12")
		for i := range g.rows {
			g.op("VFMADD231SD %s, X12, X%d", g.a.at(i, 0), 2*g.rows+i)
		}
	})
	for i := range g.rows {
		g.sum(i)
		g.op("ADDQ R8, SI")
	}
	g.op("ADDQ $%d, DI", 8*g.rows)
	g.op("DECQ DX")
	g.op("JNZ tile")
	g.ret()
	return g.fn
}

// columns runs body while n columns are left.
func (g gemv64) columns(name, after string, n int, body func()) {
	g.op("SUBQ $%d, CX", n)
	g.op("JL %s", after)
	g.label(name)
	body()
	g.op("ADDQ $%d, AX", 8*n)
	g.op("ADDQ $%d, BX", 8*n)
	g.op("SUBQ $%d, CX", n)
	g.op("JGE %s", name)
	g.label(after)
	g.op("ADDQ $%d, CX", n)
}

// sum adds what there is of row i.
func (g gemv64) sum(i int) {
	g.op("VADDPD Y%d, Y%d, Y%d", g.rows+i, i, i)
	g.op("VEXTRACTF128 $1, Y%d, X12", i)
	g.op("VADDPD X12, X%d, X%d", i, i)
	g.op("VUNPCKHPD X%d, X%d, X12", i, i)
	g.op("VADDSD X12, X%d, X%d", i, i)
	g.op("VADDSD X%d, X%d, X%d", 2*g.rows+i, i, i)
	g.op("VMOVSD X%d, %d(DI)", i, 8*i)
}
