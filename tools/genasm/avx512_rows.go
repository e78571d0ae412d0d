package main

import "fmt"

const tile512RowsParams = "c *float32, ldc int, a *float32, off *int32, next int, zeros *float32, k int, skip int, b *float32, total int, tiles int, mask int, acc bool"

// fnRows is the micro-kernel of GemmRows: that of Gemm with a pointer for each row, set anew for
// each tap. The loop over k moves one index instead of the pointers.
func (t tile512) fnRows() *fn {
	cols := t.vecs * 16
	t.x86 = newX86(fmt.Sprintf("gemmRowsF32AVX512Tile%dx%d", t.rows, cols), fmt.Sprintf(
		"C = A·B or, with acc, C += A·B for tiles tiles of C below each other, each %d×%d.\n"+
			"Row i of A is at a[off[i]:] for the first tap, at a[off[next+i]:] for the second; where the offset is\n"+
			"negative it is zeros. Of the first tap skip floats are left out, then a tap has k, until there are total.\n"+
			"b is a panel of total rows of %d floats. Of the last sixteen columns of C those are touched whose bit\n"+
			"in mask is set.", t.rows, cols, cols), tile512RowsParams)
	t.pointers = []string{"AX", "DX", "SI", "DI", "R8", "R9", "R10", "R11"}[:t.rows]
	t.c = lines{base: "DI", third: "R13", ld: "R11", ld3: "R12"}
	t.loadMask("mask", "DX")
	t.label("tile")
	t.place()
	t.begin()
	t.load("off", "R12")
	t.load("total", "R13")
	t.load("b", "BX")
	t.load("skip", "CX")
	t.label("tap")
	pointAtTap(t.x86, t.pointers)
	t.loop()
	t.load("next", "R14")
	t.op("LEAQ (R12)(R14*4), R12")
	t.op("XORQ CX, CX")
	t.op("TESTQ R13, R13")
	t.op("JNZ tap")
	t.place()
	t.output()
	t.below("R11", "DI")
	t.op("MOVQ DI, %s", t.arg("c"))
	t.op("ADDQ $%d, %s", t.rows*4, t.arg("off"))
	t.op("DECQ %s", t.arg("tiles"))
	t.op("JNZ tile")
	t.ret()
	return t.x86.fn
}

// place loads where the tile lies in C.
func (t tile512) place() {
	t.load("c", "DI")
	t.loadBytes("ldc", "R11")
	t.c.set(t.x86, t.rows)
}
