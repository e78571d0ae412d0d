package main

import "fmt"

const tileRowsParams = "c *float32, ldc int, a *float32, off *int32, next int, zeros *float32, k int, skip int, b *float32, total int, tiles int, mask *[8]int32, bias *float32, lo float32, hi float32, acc bool"

// avx2Rows is the micro-kernel of GemmRows: that of Gemm with a pointer for each row, set anew
// for each tap. The loop over k moves one index instead of the pointers.
func (t gemmTile) avx2Rows() *fn {
	cols := t.vecs * 8
	t.x86 = newX86(fmt.Sprintf("gemmRowsF32AVX2Tile%dx%d", t.rows, cols), fmt.Sprintf(
		"C = A·B or, with acc, C += A·B for tiles tiles of C below each other, each %d×%d.\n"+
			"Row i of A is at a[off[i]:] for the first tap, at a[off[next+i]:] for the second; where the offset is\n"+
			"negative it is zeros. Of the first tap skip floats are left out, then a tap has k, until there are total.\n"+
			"b is a panel of total rows of %d floats. With mask only the floats of the last vector whose mask is\n"+
			"set are touched in C. "+tileEndDoc, t.rows, cols, cols), tileRowsParams)
	t.pointers = []string{"AX", "DX", "SI", "DI", "R8", "R9", "R10", "R11"}[:t.rows]
	t.c = lines{base: "DI", third: "R13", ld: "R11", ld3: "R12"}
	t.label("tile")
	t.place()
	t.clear()
	t.load("off", "R12")
	t.load("total", "R13")
	t.load("b", "BX")
	t.load("skip", "CX")
	t.taps()
	t.place()
	t.output()
	t.label("next")
	t.down("R11", "DI")
	t.op("MOVQ DI, %s", t.arg("c"))
	t.op("ADDQ $%d, %s", t.rows*4, t.arg("off"))
	t.op("DECQ %s", t.arg("tiles"))
	t.op("JNZ tile")
	t.ret()
	t.masks()
	return t.fn
}

// place loads where the tile lies in C.
func (t gemmTile) place() {
	t.load("c", "DI")
	t.loadBytes("ldc", "R11")
	t.c.set(t.x86, t.rows)
}

// taps is the loop over taps around the one over k; CX holds the floats left out of the tap.
func (t *gemmTile) taps() {
	t.label("tap")
	pointAtTap(t.x86, t.pointers)
	t.product()
	t.load("next", "R14")
	t.op("LEAQ (R12)(R14*4), R12")
	t.op("XORQ CX, CX")
	t.op("TESTQ R13, R13")
	t.op("JNZ tap")
}

// pointAtTap sets the pointers to the rows of A at the tap that R12 is at, CX floats in, and CX to
// its floats; R13 has the floats that are left, then those after it, and R15 is the index 0.
func pointAtTap(t x86, pointers []string) {
	t.load("a", "R14")
	t.op("LEAQ (R14)(CX*4), R14")
	for i, p := range pointers {
		t.op("MOVLQSX %d(R12), %s // offset of row %d", 4*i, p, i)
		t.op("TESTQ %s, %s", p, p)
		t.op("LEAQ (R14)(%s*4), %s", p, p)
		t.op("CMOVQLT %s, %s", t.arg("zeros"), p)
	}
	t.op("NEGQ CX")
	t.op("ADDQ %s, CX // floats of this tap", t.arg("k"))
	t.op("CMPQ R13, CX")
	t.op("CMOVQLT R13, CX")
	t.op("SUBQ CX, R13 // floats of the next ones")
	t.op("XORQ R15, R15")
}
