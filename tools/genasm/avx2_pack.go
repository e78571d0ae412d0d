package main

import "fmt"

// avx2Copy is the inner loop of PackB and of the packing for GemmTN.
func avx2Copy(vecs int) *fn {
	f := newX86(fmt.Sprintf("packF32AVX2Copy%d", 8*vecs), fmt.Sprintf("k rows of %d floats, ds and ld apart: dst[p*ds+i] = b[p*ld+i]. Of the last\nvector only the floats whose mask is set are read, the others become zeros.", 8*vecs),
		"dst *float32, ds int, b *float32, ld int, k int, mask *[8]int32")
	f.load("dst", "DI")
	f.loadBytes("ds", "R9")
	f.load("b", "SI")
	f.loadBytes("ld", "R8")
	f.load("k", "CX")
	f.load("mask", "DX")
	f.op("VMOVUPS (DX), Y15")
	f.label("row")
	f.copyRow("SI", vecs)
	f.op("ADDQ R8, SI")
	f.op("ADDQ R9, DI")
	f.op("DECQ CX")
	f.op("JNZ row")
	f.ret()
	return f.fn
}

// copyRow copies a row from a pointer to DI, the last of vecs vectors under the mask in Y15.
func (f x86) copyRow(from string, vecs int) {
	for v := range vecs - 1 {
		f.op("VMOVUPS %d(%s), Y%d", 32*v, from, v)
	}
	f.op("VMASKMOVPS %d(%s), Y15, Y%d", 32*vecs-32, from, vecs-1)
	for v := range vecs {
		f.op("VMOVUPS Y%d, %d(DI)", v, 32*v)
	}
}

// avx2CopyRows is avx2Copy of rows that lie where a table says.
func avx2CopyRows(vecs int) *fn {
	f := newX86(fmt.Sprintf("packF32AVX2Rows%d", 8*vecs), fmt.Sprintf("k rows of %d floats behind each other, row p from b[off[p]:], zeros where that is negative. Of the last\nvector only the floats whose mask is set are read, the others become zeros.", 8*vecs),
		"dst *float32, b *float32, off *int32, zeros *float32, k int, mask *[8]int32")
	f.load("dst", "DI")
	f.load("b", "SI")
	f.load("off", "R8")
	f.load("zeros", "R9")
	f.load("k", "CX")
	f.load("mask", "DX")
	f.op("VMOVUPS (DX), Y15")
	f.label("row")
	f.op("MOVLQSX (R8), AX")
	f.op("LEAQ (SI)(AX*4), BX")
	f.op("TESTQ AX, AX")
	f.op("CMOVQLT R9, BX")
	f.copyRow("BX", vecs)
	f.op("ADDQ $4, R8")
	f.op("ADDQ $%d, DI", 32*vecs)
	f.op("DECQ CX")
	f.op("JNZ row")
	f.ret()
	return f.fn
}

// avx2Columns packs A for GemmTN: whole lines are written, and rows are read along.
func avx2Columns() *fn {
	f := newX86("packF32AVX2Columns4", "Four rows of a, lda apart, 4·blocks columns of them, as blocks of 4×4: row p of block i is at\ndst[i*ds+4*p].",
		"dst *float32, ds int, a *float32, lda int, blocks int")
	src := lines{base: "SI", ld: "R8", ld3: "R10"}
	f.load("dst", "DI")
	f.loadBytes("ds", "R9")
	f.load("a", "SI")
	f.loadBytes("lda", "R8")
	f.load("blocks", "CX")
	src.set(f, 4)
	f.label("block")
	for h := range 2 {
		f.op("VMOVUPS %s, X%d", src.at(2*h, 0), h)
		f.op("VINSERTF128 $1, %s, Y%d, Y%d", src.at(2*h+1, 0), h, h)
		f.op("VMOVUPS Y%d, %d(DI)", h, 32*h)
	}
	f.op("ADDQ $16, SI")
	f.op("ADDQ R9, DI")
	f.op("DECQ CX")
	f.op("JNZ block")
	f.ret()
	return f.fn
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
