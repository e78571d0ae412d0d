package main

import "fmt"

const neonTileRowsParams = "c *float32, ldc int, a *float32, off *int32, next int, zeros *float32, k int, skip int, b *float32, total int, tiles int, acc bool"

// fn8Rows is the micro-kernel of GemmRows: that of Gemm with the pointers into the rows set anew
// for each tap.
func (t neonTile) fn8Rows() *fn {
	t.arm = newARM(fmt.Sprintf("gemmRowsF32%sTile%dx8", t.isa, t.rows), fmt.Sprintf(
		"C = A·B or, with acc, C += A·B for tiles tiles of C below each other, each %d×8.\n"+
			"Row i of A is at a[off[i]:] for the first tap, at a[off[next+i]:] for the second; where the offset is\n"+
			"negative it is zeros. Of the first tap skip floats are left out, then a tap has k, until there are total.\n"+
			"b is a panel of total rows of 8 floats.", t.rows), neonTileRowsParams)
	t.load("c", "R0")
	t.loadBytes("ldc", "R1")
	t.load("off", "R2")
	t.load("tiles", "R24")
	t.load("zeros", "R26")
	t.op("MOVBU %s, R25 // acc", t.arg("acc"))
	t.label("tile")
	t.load("b", "R3")
	for i := range 2 * t.rows {
		t.zero(i)
	}
	t.op("MOVD R2, R15 // offsets of the tap")
	t.load("total", "R17")
	t.load("skip", "R16")
	t.taps()
	t.output()
	t.op("ADD $%d, R2", 4*t.rows)
	t.op("SUBS $1, R24")
	t.op("BNE tile")
	t.op("RET")
	return t.fn
}

// taps is the loop over taps around the one over k; R16 holds the floats left out of the tap.
func (t neonTile) taps() {
	t.label("tap")
	t.load("a", "R19")
	t.op("ADD R16<<2, R19, R19")
	for i := range t.rows {
		t.op("MOVW %d(R15), R20 // offset of row %d", 4*i, i)
		t.op("CMP $0, R20")
		t.op("ADD R20<<2, R19, R20")
		t.op("CSEL LT, R26, R20, %s", t.row(i))
	}
	t.load("next", "R20")
	t.op("ADD R20<<2, R15, R15")
	t.load("k", "R20")
	t.op("SUB R16, R20, R16 // floats of this tap")
	t.op("CMP R17, R16")
	t.op("CSEL LT, R16, R17, R16")
	t.op("SUB R16, R17, R17 // floats of the next ones")
	t.productNN()
	t.op("MOVD $0, R16")
	t.op("CBNZ R17, tap")
}
