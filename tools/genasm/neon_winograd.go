package main

import "math"

func neonWinograd() file {
	f := file{op: "winograd", about: "Transforms of Winograd's minimal filtering for NEON, four channels at a time."}
	for _, t := range transforms {
		f.funcs = append(f.funcs, neonTransform(t))
		f.decls += t.wrapper("NEON", "", 4)
	}
	f.decls += transformGroup("NEON")
	return f
}

// neonTransform keeps what the columns have become in the frame, at R8.
func neonTransform(t transform) *fn {
	f := arm{t.fn("NEON", 4)}
	f.frame = 16*t.rows*t.cols + 8
	k := make([]int, len(t.consts))
	for i, c := range t.consts {
		k[i] = 31 - i
		f.op("MOVW $0x%08x, R9 // %.8g", math.Float32bits(float32(c)), c)
		f.op("VDUP R9, V%d.S4", k[i])
	}
	f.load("y", "R0")
	f.loadBytes("yr", "R1")
	f.loadBytes("yc", "R2")
	f.load("x", "R3")
	f.loadBytes("xr", "R4")
	f.loadBytes("xc", "R5")
	f.load("blocks", "R6")
	f.op("MOVD $tmp-%d(SP), R8", f.frame-8)
	f.label("block")
	for j := range t.cols {
		f.walk("R3", "R5", j, "R4", t.cols, func(i int, at string) { f.op("FMOVQ %s, F%d", at, i) })
		for i, r := range t.apply(armVec{arm: f}, k) {
			f.op("FMOVQ F%d, %d(R8)", r, 16*(i*t.cols+j))
		}
	}
	for i := range t.rows {
		for j := range t.cols {
			f.op("FMOVQ %d(R8), F%d", 16*(i*t.cols+j), j)
		}
		out := t.apply(armVec{arm: f}, k)
		f.walk("R0", "R1", i, "R2", t.rows, func(j int, at string) { f.op("FMOVQ F%d, %s", out[j], at) })
	}
	f.op("ADD $16, R3")
	f.op("ADD $16, R0")
	f.op("SUBS $1, R6")
	f.op("BNE block")
	f.op("RET")
	return f.fn
}

// walk visits n places, step apart; walk j of a series begins at base and then stride further
// each time. R7 is the place, R10 where the walk began.
func (f arm) walk(base, stride string, j int, step string, n int, visit func(i int, at string)) {
	if j == 0 {
		f.op("MOVD %s, R10", base)
	} else {
		f.op("ADD %s, R10", stride)
	}
	f.op("MOVD R10, R7")
	for i := range n {
		if i > 0 {
			f.op("ADD %s, R7", step)
		}
		visit(i, "(R7)")
	}
}
