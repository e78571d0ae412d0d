package main

import (
	"fmt"
	"math"
)

func avx2Winograd() file {
	return x86Winograd("AVX2", "", "Transforms of Winograd's minimal filtering for AVX2 and FMA, eight channels at a time.",
		func(f x86) x86Tile { return x86Tile{f, x86Vec{x86: f}, 8, "Y"} })
}

func avx512Winograd() file {
	return x86Winograd("AVX512", "AVX2", "Transforms of Winograd's minimal filtering for AVX-512, sixteen channels at a time.",
		func(f x86) x86Tile { return x86Tile{f, vec512{x86: f}, 16, "Z"} })
}

// x86Tile is a transform of a tile of vectors of so many lanes.
type x86Tile struct {
	x86
	vec      arithmetic
	lanes    int
	register string // Y or Z
}

// x86Winograd is the file of transforms; fewer channels than a vector has go to the set less.
func x86Winograd(isa, less, about string, tile func(f x86) x86Tile) file {
	f := file{op: "winograd", about: about}
	for _, t := range transforms {
		x := tile(x86{})
		x.x86.fn = t.fn(isa, x.lanes)
		x = tile(x.x86)
		f.funcs = append(f.funcs, x.kernel(t))
		f.decls += t.wrapper(isa, less, x.lanes)
	}
	f.decls += transformGroup(isa)
	return f
}

// kernel keeps what the columns have become in the frame, at DX, each vector on a line.
func (f x86Tile) kernel(t transform) *fn {
	size := 4 * f.lanes
	f.frame = size*t.rows*t.cols + size
	k := make([]int, len(t.consts))
	for i, c := range t.consts {
		k[i] = 15 - i
		f.op("MOVL $0x%08x, AX // %.8g", math.Float32bits(float32(c)), c)
		f.op("VMOVD AX, X%d", k[i])
		f.op("VBROADCASTSS X%d, %s%d", k[i], f.register, k[i])
	}
	f.load("y", "DI")
	f.loadBytes("yr", "R8")
	f.loadBytes("yc", "R9")
	f.load("x", "SI")
	f.loadBytes("xr", "R10")
	f.loadBytes("xc", "R11")
	f.load("blocks", "CX")
	f.op("LEAQ tmp-%d(SP), DX", f.frame)
	f.op("ADDQ $%d, DX", size-1)
	f.op("ANDQ $-%d, DX", size)
	f.label("block")
	f.columns(t, k)
	f.rows(t, k)
	f.op("ADDQ $%d, SI", size)
	f.op("ADDQ $%d, DI", size)
	f.op("DECQ CX")
	f.op("JNZ block")
	f.ret()
	return f.fn
}

// columns transforms down the columns of x, from memory to the frame.
func (f x86Tile) columns(t transform, k []int) {
	x := lines{base: "AX", third: "R13", ld: "R10", ld3: "R12"}
	f.op("MOVQ SI, AX")
	for j := range t.cols {
		if j > 0 {
			f.op("ADDQ R11, AX")
		}
		x.set(f.x86, t.cols)
		for i := range t.cols {
			f.op("VMOVUPS %s, %s%d", x.at(i, 0), f.register, i)
		}
		for i, r := range t.apply(f.vec, k) {
			f.op("VMOVAPS %s%d, %s", f.register, r, f.place(t, i, j))
		}
	}
}

// rows transforms along the rows, from the frame to y.
func (f x86Tile) rows(t transform, k []int) {
	y := lines{base: "BX", third: "R13", ld: "R9", ld3: "R12"}
	f.op("MOVQ DI, BX")
	for i := range t.rows {
		if i > 0 {
			f.op("ADDQ R8, BX")
		}
		for j := range t.cols {
			f.op("VMOVAPS %s, %s%d", f.place(t, i, j), f.register, j)
		}
		y.set(f.x86, t.rows)
		for j, r := range t.apply(f.vec, k) {
			f.op("VMOVUPS %s%d, %s", f.register, r, y.at(j, 0))
		}
	}
}

// place is where element (i, j) is in the frame.
func (f x86Tile) place(t transform, i, j int) string {
	return fmt.Sprintf("%d(DX)", 4*f.lanes*(i*t.cols+j))
}
