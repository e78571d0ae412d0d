package main

import "fmt"

// avx2Pooling is the file of pooling kernels.
func avx2Pooling() file {
	f := file{op: "pooling", about: "Pooling for AVX2: four vectors of 8 channels at a time, then one, then single channels, each over all\ntaps of a window.", decls: wrappers("pooling", "AVX2")}
	for _, l := range poolLoops {
		f.funcs = append(f.funcs, avx2Pool(l))
	}
	return f
}

// x86Pool has the pixel's pointers in DI and SI, the bytes in DX, the place of the tap in R10.
type x86Pool struct{ x86Vec }

func (v x86Pool) kept(i int) int { return poolKept(v.copy, i) }
func (v x86Pool) temp(i int) int { return poolTemp(v.copy, i) }

func (v x86Pool) loadIndex(d int)  { v.widen(d, "index") }
func (v x86Pool) storeIndex(s int) { v.narrow(s, v.temp(0), "index") }

func avx2Pool(l poolLoop) *fn {
	f := x86{l.fn("AVX2")}
	v := x86Pool{x86Vec{x86: f, ptrs: map[string]string{l.pixel: "DI", l.window: "SI", "tap": "R10", "index": "DX"}}}
	if l.pixel != "" {
		f.load(l.pixel, "DI")
	}
	if l.index {
		f.load("index", "DX")
		v.set(poolOne, intLane(1))
	}
	for _, p := range [][2]string{{l.window, "SI"}, {"off", "R8"}, {"taps", "R9"}, {"n", "BX"}, {"pixelStride", "R12"}, {"windowStride", "R13"}} {
		f.load(p[0], p[1])
	}
	if l.first {
		f.op("MOVQ %s, R10 // first", f.arg("first"))
		f.op("VMOVQ R10, X%d", poolFirst)
		f.op("VPBROADCASTD X%d, Y%d", poolFirst, poolFirst)
	}
	if l.scale {
		v.scalars = []string{"scale"}
		f.op("VBROADCASTSS %s, Y%d // scale", f.arg("scale"), v.scalar("scale"))
	}
	v.pixels(l)
	f.ret()
	return f.fn
}

// pixels is the loop over BX pixels.
func (v x86Pool) pixels(l poolLoop) {
	v.fn.label("pixel")
	v.op("XORL AX, AX")
	v.fn.op("MOVQ %s, CX // c", v.arg("c"))
	v.turns("wide", "narrow", 8*poolVectors, func() { v.block(l, "wideTap", poolVectors) })
	v.turns("eight", "single", 8, func() { v.block(l, "tap", 1) })
	v.single = true
	v.turns("one", "end", 1, func() { v.block(l, "oneTap", 1) })
	if l.pixel != "" {
		v.op("LEAQ (DI)(R12*4), DI")
	}
	if l.index {
		v.op("ADDQ R12, DX")
	}
	v.op("LEAQ (SI)(R13*4), SI")
	v.op("DECQ BX")
	v.op("JNZ pixel")
}

// block is the kernel for some vectors of channels: R11 counts the taps.
func (v x86Pool) block(l poolLoop, label string, vectors int) {
	each := func(body func(poolVec)) {
		for v.copy = range vectors {
			body(v)
		}
		v.copy = 0
	}
	l.block(v, each, func(body func()) {
		v.op("XORL R11, R11")
		v.fn.label(label)
		v.op("MOVQ (R8)(R11*8), R10")
		v.op("LEAQ (SI)(R10*4), R10 // tap")
		body()
		v.op("INCQ R11")
		v.op("CMPQ R11, R9")
		v.op(fmt.Sprintf("JLT %s", label))
	})
}
