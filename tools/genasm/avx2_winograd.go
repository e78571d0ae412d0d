package main

import (
	"fmt"
	"math"
)

func avx2Winograd() file {
	f := file{op: "winograd", about: "Transforms of Winograd's minimal filtering for AVX2 and FMA, eight channels at a time."}
	for _, t := range transforms {
		f.funcs = append(f.funcs, avx2Transform(t))
		f.decls += t.wrapper("AVX2", 8)
	}
	return f
}

// avx2Transform keeps what the columns have become in the frame, at DX, each vector on a line.
func avx2Transform(t transform) *fn {
	f := x86{t.fn("AVX2", 8)}
	f.frame = 32*t.rows*t.cols + 32
	k := make([]int, len(t.consts))
	for i, c := range t.consts {
		k[i] = 15 - i
		f.op("MOVL $0x%08x, AX // %.8g", math.Float32bits(float32(c)), c)
		f.op("VMOVD AX, X%d", k[i])
		f.op("VBROADCASTSS X%d, Y%d", k[i], k[i])
	}
	f.load("y", "DI")
	f.loadBytes("yr", "R8")
	f.loadBytes("yc", "R9")
	f.load("x", "SI")
	f.loadBytes("xr", "R10")
	f.loadBytes("xc", "R11")
	f.load("blocks", "CX")
	f.op("LEAQ tmp-%d(SP), DX", f.frame)
	f.op("ADDQ $31, DX")
	f.op("ANDQ $-32, DX")
	f.label("block")
	f.columns(t, k)
	f.rows(t, k)
	f.op("ADDQ $32, SI")
	f.op("ADDQ $32, DI")
	f.op("DECQ CX")
	f.op("JNZ block")
	f.ret()
	return f.fn
}

// columns transforms down the columns of x, from memory to the frame.
func (f x86) columns(t transform, k []int) {
	x := lines{base: "AX", third: "R13", ld: "R10", ld3: "R12"}
	f.op("MOVQ SI, AX")
	for j := range t.cols {
		if j > 0 {
			f.op("ADDQ R11, AX")
		}
		x.set(f, t.cols)
		for i := range t.cols {
			f.op("VMOVUPS %s, Y%d", x.at(i, 0), i)
		}
		for i, r := range t.apply(x86Vec{x86: f}, k) {
			f.op("VMOVAPS Y%d, %s", r, inFrame(t, i, j))
		}
	}
}

// rows transforms along the rows, from the frame to y.
func (f x86) rows(t transform, k []int) {
	y := lines{base: "BX", third: "R13", ld: "R9", ld3: "R12"}
	f.op("MOVQ DI, BX")
	for i := range t.rows {
		if i > 0 {
			f.op("ADDQ R8, BX")
		}
		for j := range t.cols {
			f.op("VMOVAPS %s, Y%d", inFrame(t, i, j), j)
		}
		y.set(f, t.rows)
		for j, r := range t.apply(x86Vec{x86: f}, k) {
			f.op("VMOVUPS Y%d, %s", r, y.at(j, 0))
		}
	}
}

func inFrame(t transform, i, j int) string { return fmt.Sprintf("%d(DX)", 32*(i*t.cols+j)) }
