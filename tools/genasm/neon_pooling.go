package main

import "fmt"

func neonPooling() file {
	f := file{op: "pooling", about: "Pooling for NEON: four vectors of 4 channels at a time, then one, then single channels, each over all\ntaps of a window.", decls: wrappers("pooling", "NEON")}
	for _, l := range poolLoops {
		f.funcs = append(f.funcs, neonPool(l))
	}
	return f
}

// armPool has the pixel's pointers in R0 and R1, the place of the tap in R2 and the bytes in R3;
// where the pixel begins is in R9, R10 and R11.
type armPool struct{ armVec }

func (v armPool) kept(i int) int { return poolKept(v.copy, i) }
func (v armPool) temp(i int) int { return poolTemp(v.copy, i) }

func (v armPool) loadIndex(d int)  { v.widen(d, "index") }
func (v armPool) storeIndex(s int) { v.narrow(s, v.temp(0), "index") }

func neonPool(l poolLoop) *fn {
	f := arm{l.fn("NEON")}
	v := armPool{armVec{arm: f, ptrs: []string{l.pixel, l.window, "tap", "index"}, consts: &[]float32{}}}
	if l.scale {
		v.scalars = []string{"scale"}
		f.op("FMOVS %s, F%d // scale", f.arg("scale"), v.scalar("scale"))
		f.op("VDUP V%d.S[0], V%d.S4", v.scalar("scale"), v.scalar("scale"))
	}
	v.constants(func(d vec) {
		l.begin(armPool{d.(armVec)})
		if l.index {
			d.set(poolTap, 0)
			d.set(poolOne, intLane(1))
		}
	})
	if l.pixel != "" {
		f.load(l.pixel, "R9")
	}
	if l.index {
		f.load("index", "R11")
		v.set(poolOne, intLane(1))
	}
	for _, p := range [][2]string{{l.window, "R10"}, {"off", "R4"}, {"taps", "R5"}, {"n", "R7"}, {"pixelStride", "R8"}, {"windowStride", "R12"}} {
		f.load(p[0], p[1])
	}
	if l.first {
		f.load("first", "R15")
		f.op("VDUP R15, V%d.S4", poolFirst)
	}
	v.pixels(l)
	f.op("RET")
	return f.fn
}

// pixels is the loop over R7 pixels.
func (v armPool) pixels(l poolLoop) {
	v.label("pixel")
	for i := range 2 {
		v.op("MOVD R%d, R%d", 9+i, i)
	}
	v.op("MOVD R11, R3")
	v.arm.load("c", "R6")
	v.turns("wide", "narrow", "wideTap", poolVectors, l)
	v.turns("four", "single", "tap", 1, l)
	v.single = true
	v.turns("one", "end", "oneTap", 1, l)
	v.op("ADD R8<<2, R9")
	v.op("ADD R8, R11")
	v.op("ADD R12<<2, R10")
	v.op("SUBS $1, R7")
	v.op("BNE pixel")
}

// turns repeats the kernel for some vectors while there are channels left: R6 counts them down.
func (v armPool) turns(name, after, tap string, vectors int, l poolLoop) {
	n := 4 * vectors
	if v.single {
		n = 1
	}
	v.op("SUBS $%d, R6", n)
	v.op("BLT %s", after)
	v.label(name)
	v.block(l, tap, vectors)
	v.op("ADD $%d, R0", 4*n)
	v.op("ADD $%d, R1", 4*n)
	v.op("ADD $%d, R3", n)
	v.op("SUBS $%d, R6", n)
	v.op("BGE %s", name)
	v.label(after)
	if n > 1 {
		v.op("ADD $%d, R6", n)
	}
}

// block is the kernel for some vectors of channels: R13 moves along the offsets, R14 counts them.
func (v armPool) block(l poolLoop, label string, vectors int) {
	each := func(body func(poolVec)) {
		for v.copy = range vectors {
			body(v)
		}
		v.copy = 0
	}
	l.block(v, each, func(body func()) {
		v.op("MOVD R4, R13")
		v.op("MOVD R5, R14")
		v.label(label)
		v.op("MOVD.P 8(R13), R15")
		v.op("ADD R15<<2, R1, R2 // tap")
		body()
		v.op("SUBS $1, R14")
		v.op(fmt.Sprintf("BNE %s", label))
	})
}
