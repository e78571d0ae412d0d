package main

import "fmt"

// neonSchedule is for whom the instructions of a tile are put in order, and how high its tiles are.
type neonSchedule struct {
	isa, cores   string
	rows, rowsTN int
	inOrder      bool
}

func neonGEMM(s neonSchedule) file {
	f := file{op: "gemm", about: "GEMM micro-kernels for NEON, scheduled for " + s.cores + " cores. Every element of C is one chain of\n" +
		"fused multiply-adds over k, whatever the tile: which tile an element falls into does not change its bits."}
	for _, kind := range []struct {
		name string
		rows int
		make func(t neonTile) *fn
	}{
		{"gemm", s.rows, neonTile.fn8},
		{"gemmTN", s.rowsTN, neonTile.fn8TN},
		{"gemmRows", s.rows, neonTile.fn8Rows},
	} {
		var fns []*fn
		var tiles []tile
		for rows := kind.rows; rows > 0; rows-- {
			tiles = append(tiles, tile{rows: rows})
			fns = append(fns, kind.make(neonTile{neonSchedule: s, rows: rows}))
		}
		name := kind.name + "F32" + s.isa + "Tile"
		f.decls += dispatch(name, name+" calls the kernel of a tile.", "rows", tiles, fns)
		f.funcs = append(f.funcs, fns...)
	}
	if !s.inOrder {
		f.low(s)
	}
	return f
}

// lowTiles are those of few rows and several panels: one panel alone would leave a multiply-add to wait for the
// one before.
var lowTiles = []tile{{1, 32}, {2, 16}, {3, 16}}

// low adds them.
func (f *file) low(s neonSchedule) {
	var fns []*fn
	for _, t := range lowTiles {
		fns = append(fns, neonTile{neonSchedule: s, rows: t.rows, panels: t.cols / 8}.fnLow())
	}
	name := "gemmLowF32" + s.isa + "Tile"
	f.decls += dispatch(name, name+" calls the kernel of a tile.", "rows, cols", lowTiles, fns)
	f.funcs = append(f.funcs, fns...)
}

// neonTile is a micro-kernel of rows × 8: row i has its sums in V(2i) and V(2i+1). In the schedule
// for out-of-order cores V16 to V23 hold four values of each row of A, and V24 to V31 four rows of
// the panel of B.
type neonTile struct {
	neonSchedule
	arm
	rows   int
	trans  bool // A is k×rows
	panels int  // of a low tile
}

const (
	neonTileParams   = "c *float32, ldc int, a *float32, lda int, b *float32, k int, tiles int, acc bool"
	neonTileTNParams = "c *float32, ldc int, a *float32, lda int, b *float32, ldb int, k int, tiles int, acc bool"
	neonA, neonB     = 16, 24
)

func (t neonTile) fn8TN() *fn {
	t.trans = true
	return t.fn8()
}

func (t neonTile) fn8() *fn {
	op, list, doc := "gemm", neonTileParams, "C = A·B or, with acc, C += A·B for tiles tiles of C below each other, each %d×8.\nA is read where it lies, b is a panel of k rows of 8 floats."
	if t.trans {
		op, list, doc = "gemmTN", neonTileTNParams, "C = Aᵀ·B or, with acc, C += Aᵀ·B for tiles tiles of C below each other, each %d×8.\nA and B, k rows each, are read where they lie, 8 floats of a row of b."
	}
	t.arm = newARM(fmt.Sprintf("%sF32%sTile%dx8", op, t.isa, t.rows), fmt.Sprintf(doc, t.rows), list)
	t.load("c", "R0")
	t.loadBytes("ldc", "R1")
	t.load("a", "R2")
	t.loadBytes("lda", "R26")
	t.load("tiles", "R24")
	t.op("MOVBU %s, R25 // acc", t.arg("acc"))
	if t.trans {
		t.loadBytes("ldb", "R15")
	}
	t.label("tile")
	t.load("b", "R3")
	t.load("k", "R16")
	for i := range 2 * t.rows {
		t.zero(i)
	}
	if t.trans {
		t.op("MOVD R2, R4")
		t.productTN()
		t.op("ADD $%d, R2", 4*t.rows)
	} else {
		for i := range t.rows {
			t.op("MOVD R2, %s // row %d of a", t.row(i), i)
			t.op("ADD R26, R2")
		}
		t.productNN()
	}
	t.output()
	t.op("SUBS $1, R24")
	t.op("BNE tile")
	t.op("RET")
	return t.fn
}

// row is the pointer into row i of A.
func (t neonTile) row(i int) string { return fmt.Sprintf("R%d", 4+i) }

// productNN and productTN are the loop over k by the schedule. Tiles too low to hide their loads
// behind have but one.
func (t neonTile) productNN() {
	if t.inOrder && t.rows >= pairedRows {
		t.paired(t.pairsNN(), t.singleNN)
		return
	}
	t.product(4, t.inner)
}

func (t neonTile) productTN() {
	if t.inOrder && t.rows >= pairedRows {
		t.paired(t.pairsTN(), t.singleTN)
		return
	}
	t.product(2, t.outer)
}

// product is the loop over k: turns of n steps, then of one.
func (t neonTile) product(n int, steps func(n int)) {
	t.op("SUBS $%d, R16", n)
	t.op("BLT rest")
	t.label("many")
	steps(n)
	t.op("SUBS $%d, R16", n)
	t.op("BGE many")
	t.label("rest")
	t.op("ADDS $%d, R16", n)
	t.op("BEQ end")
	t.label("one")
	steps(1)
	t.op("SUBS $1, R16")
	t.op("BNE one")
	t.label("end")
}

// inner is four steps of k, or one: A by its rows. The next row of B is loaded before the
// products of this one.
func (t neonTile) inner(n int) {
	t.op("FLDPQ.P 32(R3), (F%d, F%d)", neonB, neonB+1)
	for i := range t.rows {
		load := "FMOVQ.P 16"
		if n == 1 {
			load = "FMOVS.P 4"
		}
		t.op("%s(%s), F%d", load, t.row(i), neonA+i)
	}
	for p := range n {
		if p+1 < n {
			t.op("FLDPQ.P 32(R3), (F%d, F%d)", neonB+2*p+2, neonB+2*p+3)
		}
		for i := range t.rows {
			t.macro("FMLAE4S", p, neonA+i, neonB+2*p, 2*i)
			t.macro("FMLAE4S", p, neonA+i, neonB+2*p+1, 2*i+1)
		}
	}
}

// outer is n steps of k: A by its columns, of which a row holds rows beside each other.
func (t neonTile) outer(n int) {
	for p := range n {
		t.op("FLDPQ (R3), (F%d, F%d)", neonB+2*p, neonB+2*p+1)
		t.op("ADD R15, R3")
		t.columns(p)
		t.op("ADD R26, R4")
	}
	for p := range n {
		for i := range t.rows {
			a, lane := t.column(p, i)
			t.macro("FMLAE4S", lane, a, neonB+2*p, 2*i)
			t.macro("FMLAE4S", lane, a, neonB+2*p+1, 2*i+1)
		}
	}
}

// columns loads the row of A of step p: quads, then what is left one by one.
func (t neonTile) columns(p int) {
	quads := t.rows / 4
	for q := range quads {
		t.op("FMOVQ %d(R4), F%d", 16*q, neonA+4*p+q)
	}
	for i := range t.rows % 4 {
		if i == 0 {
			t.op("FMOVS %d(R4), F%d", 16*quads, neonA+4*p+quads)
			continue
		}
		t.op("ADD $%d, R4, R17", 16*quads+4*i)
		t.op("VLD1 (R17), V%d.S[%d]", neonA+4*p+quads, i)
	}
}

// column is the register and lane of column i.
func (t neonTile) column(p, i int) (reg, lane int) { return neonA + 4*p + i/4, i % 4 }

// output adds C if it must and stores the tile; R0 goes on to the tile below.
func (t neonTile) output() {
	t.op("CBZ R25, store")
	t.op("MOVD R0, R16")
	for i := range t.rows {
		t.op("FLDPQ (R16), (F%d, F%d)", neonB, neonB+1)
		t.op("ADD R1, R16")
		t.macro("FADD4S", neonB, 2*i, 2*i)
		t.macro("FADD4S", neonB+1, 2*i+1, 2*i+1)
	}
	t.label("store")
	for i := range t.rows {
		t.op("FSTPQ (F%d, F%d), (R0)", 2*i, 2*i+1)
		t.op("ADD R1, R0")
	}
}
