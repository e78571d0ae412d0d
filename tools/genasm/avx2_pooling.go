package main

import "fmt"

// avx2Pooling and avx512Pooling are the files of pooling kernels.
func avx2Pooling() file {
	return x86Pooling("AVX2", "Pooling for AVX2: four vectors of 8 channels at a time, then one, then single channels, each over all\ntaps of a window.",
		func(f x86, ptrs map[string]string, scalars []string) x86Pool {
			return x86Pool{x86: f, lanes: 8, register: "Y", scale: 15,
				vec: func(copy int, rest bool) byteVec {
					return x86Vec{x86: f, ptrs: ptrs, scalars: scalars, copy: copy, single: rest}
				},
				rest: func(body func()) { f.repeat("one", "end", 1, body) }}
		})
}

func avx512Pooling() file {
	return x86Pooling("AVX512", "Pooling for AVX-512: four vectors of 16 channels at a time, then one, then what is left under a mask, each\nover all taps of a window.",
		func(f x86, ptrs map[string]string, scalars []string) x86Pool {
			return x86Pool{x86: f, lanes: 16, register: "Z", scale: 31,
				vec: func(copy int, rest bool) byteVec {
					return vec512{x86: f, ptrs: ptrs, scalars: scalars, copy: copy, masked: rest}
				},
				rest: f.rest}
		})
}

// x86Pool is what is around the vectors of a kernel. The pixel's pointers are in DI and SI, the
// bytes in DX, the place of the tap in R10.
type x86Pool struct {
	x86
	lanes    int    // channels of a vector
	register string // Y or Z
	scale    int    // the register of scale
	vec      func(copy int, rest bool) byteVec
	rest     func(body func()) // around the kernel for the last channels, fewer than lanes
}

// x86PoolVec is one vector.
type x86PoolVec struct {
	byteVec
	copy int
}

func (v x86PoolVec) kept(i int) int { return poolKept(v.copy, i) }
func (v x86PoolVec) temp(i int) int { return poolTemp(v.copy, i) }

func (v x86PoolVec) loadIndex(d int)  { v.widen(d, "index") }
func (v x86PoolVec) storeIndex(s int) { v.narrow(s, v.temp(0), "index") }

func x86Pooling(isa, about string, around func(f x86, ptrs map[string]string, scalars []string) x86Pool) file {
	f := file{op: "pooling", about: about, decls: wrappers("pooling", isa)}
	for _, l := range poolLoops {
		ptrs := map[string]string{l.pixel: "DI", l.window: "SI", "tap": "R10", "index": "DX"}
		f.funcs = append(f.funcs, around(x86{l.fn(isa)}, ptrs, []string{"scale"}).kernel(l))
	}
	return f
}

func (p x86Pool) kernel(l poolLoop) *fn {
	if l.pixel != "" {
		p.load(l.pixel, "DI")
	}
	if l.index {
		p.load("index", "DX")
		p.vec(0, false).set(poolOne, intLane(1))
	}
	for _, r := range [][2]string{{l.window, "SI"}, {"off", "R8"}, {"taps", "R9"}, {"n", "BX"}, {"pixelStride", "R12"}, {"windowStride", "R13"}} {
		p.load(r[0], r[1])
	}
	if l.first {
		p.op("MOVQ %s, R10 // first", p.arg("first"))
		p.op("VMOVQ R10, X%d", poolFirst)
		p.op("VPBROADCASTD X%d, %s%d", poolFirst, p.register, poolFirst)
	}
	if l.scale {
		p.op("VBROADCASTSS %s, %s%d // scale", p.arg("scale"), p.register, p.scale)
	}
	p.pixels(l)
	p.ret()
	return p.fn
}

// pixels is the loop over BX pixels.
func (p x86Pool) pixels(l poolLoop) {
	p.label("pixel")
	p.op("XORL AX, AX")
	p.op("MOVQ %s, CX // c", p.arg("c"))
	p.repeat("wide", "narrow", p.lanes*poolVectors, func() { p.block(l, "wideTap", poolVectors, false) })
	p.repeat("vector", "some", p.lanes, func() { p.block(l, "tap", 1, false) })
	p.rest(func() { p.block(l, "restTap", 1, true) })
	if l.pixel != "" {
		p.op("LEAQ (DI)(R12*4), DI")
	}
	if l.index {
		p.op("ADDQ R12, DX")
	}
	p.op("LEAQ (SI)(R13*4), SI")
	p.op("DECQ BX")
	p.op("JNZ pixel")
}

// block is the kernel for some vectors of channels: R11 counts the taps.
func (p x86Pool) block(l poolLoop, label string, vectors int, rest bool) {
	each := func(body func(poolVec)) {
		for i := range vectors {
			body(x86PoolVec{p.vec(i, rest), i})
		}
	}
	l.block(x86PoolVec{p.vec(0, rest), 0}, each, func(body func()) {
		p.op("XORL R11, R11")
		p.label(label)
		p.op("MOVQ (R8)(R11*8), R10")
		p.op("LEAQ (SI)(R10*4), R10 // tap")
		body()
		p.op("INCQ R11")
		p.op("CMPQ R11, R9")
		p.op(fmt.Sprintf("JLT %s", label))
	})
}
