package main

// The scale of numbers is 2^23 where the last bit of a float is 1: an integer from 0 to 255 put into its low bits
// makes it 2^23 more than itself.
const byteMagic = 1 << 23

// byteVec is a vec with integers.
type byteVec interface {
	vec
	shiftDown(d, a, bits int) // d = a/2^bits, as 32-bit integers without sign
	mulInt(d, a, b int)       // d = a·b, as 32-bit integers
	maxInt(d, a, b int)       // of 32-bit integers with sign
	minInt(d, a, b int)
	widen(d int, ptr string)        // bytes become 32-bit integers
	narrow(s, temp int, ptr string) // integers from 0 to 255 become bytes; s and temp are overwritten
}

// onBytes is a body that needs integers.
func onBytes(body func(v byteVec)) func(v vec) { return func(v vec) { body(v.(byteVec)) } }

// byteLoops are the kernels between bytes and numbers.
var byteLoops = []loop{
	{name: "colMaxAbs", doc: "top = max(top, |x|), NaN where either is, in every row", params: "top *float32, x *float32", unroll: 4, rows: "x", body: func(v vec) {
		v.load(0, "top")
		v.load(1, "x")
		v.set(2, intLane(1<<31-1))
		v.and(1, 1, 2)
		v.atMost(2, 1, 0)
		v.atMost(3, 0, 0)
		v.without(2, 3, 2)
		v.put(0, 1, 2)
		v.store(0, "top")
	}},
	{name: "quantize", doc: "q = x/scale to the nearest integer, ties to even", params: "q *int8, x *float32, scale float32", unroll: 4, body: onBytes(func(v byteVec) {
		v.load(0, "x")
		v.div(0, 0, v.scalar("scale"))
		v.set(1, roundMagic)
		v.add(0, 0, 1)
		v.set(1, intLane(255))
		v.and(0, 0, 1)
		v.narrow(0, 1, "q")
	})},
	{name: "dequantize", doc: "x = q·scale", params: "x *float32, q *int8, scale float32", unroll: 4, body: onBytes(func(v byteVec) {
		v.widen(0, "q")
		v.set(1, intLane(128)) // from -128..127 to 0..255
		v.addInt(0, 0, 1)
		v.set(1, intLane(255))
		v.and(0, 0, 1)
		number(v, byteMagic+128)
		v.mul(0, 0, v.scalar("scale"))
		v.store(0, "x")
	})},
	{name: "floats", doc: "y = x·scale + shift", params: "y *float32, x *uint8, scale *float32, shift *float32", unroll: 4, body: onBytes(func(v byteVec) {
		v.widen(0, "x")
		number(v, byteMagic)
		v.load(1, "scale")
		v.load(2, "shift")
		v.fma(2, 0, 1)
		v.store(2, "y")
	})},
	{name: "addScaled", doc: "sum += w·x", params: "sum *int32, x *uint8, w int32", unroll: 4, body: onBytes(func(v byteVec) {
		v.widen(0, "x")
		v.mulInt(0, 0, v.scalar("w"))
		v.load(1, "sum")
		v.addInt(0, 0, 1)
		v.store(0, "sum")
	})},
	{name: "rounded", doc: "y = sum/2^22", params: "y *uint8, sum *int32", unroll: 4, body: onBytes(func(v byteVec) {
		v.load(0, "sum")
		v.shiftDown(0, 0, 22)
		v.narrow(0, 1, "y")
	})},
	{name: "jfif", doc: "rgbx = red, green, blue and 0 of luma and two colour differences (JFIF 1.02, p. 3), in 16-bit fixed point",
		params: "rgbx *[4]uint8, y *uint8, cb *uint8, cr *uint8", unroll: 2, temps: 6, body: onBytes(jfif)},
}

// number makes a float of the integer from 0 to 255 in register 0, less what zero is beyond byteMagic.
func number(v byteVec, zero float32) {
	v.set(1, byteMagic)
	v.or(0, 0, 1)
	v.set(1, zero)
	v.sub(0, 0, 1)
}

// jfif keeps luma, with its rounding and 2^24 so that no sum is negative, in register 0, blue's and red's differences in 1 and 2
// and the pixel in 3.
func jfif(v byteVec) {
	v.widen(0, "y")
	v.shiftUp(0, 0, 16)
	v.set(3, intLane(1<<24+1<<15))
	v.addInt(0, 0, 3)
	minus := -128
	v.set(3, intLane(uint32(minus)))
	v.widen(1, "cb")
	v.addInt(1, 1, 3)
	v.widen(2, "cr")
	v.addInt(2, 2, 3)
	jfifChannel(v, 3, 0, 91881)
	jfifChannel(v, 4, -22554, -46802)
	v.shiftUp(4, 4, 8)
	v.or(3, 3, 4)
	jfifChannel(v, 4, 116130, 0)
	v.shiftUp(4, 4, 16)
	v.or(3, 3, 4)
	v.store(3, "rgbx")
}

// jfifChannel is one colour, from 0 to 255, in register d; it uses 5.
func jfifChannel(v byteVec, d int, blue, red int32) {
	sum := 0
	for i, w := range []int32{blue, red} {
		if w == 0 {
			continue
		}
		v.set(5, intLane(uint32(w)))
		v.mulInt(5, 5, 1+i)
		v.addInt(d, sum, 5)
		sum = d
	}
	v.shiftDown(d, d, 16)
	minus := -256
	v.set(5, intLane(uint32(minus)))
	v.addInt(d, d, 5)
	v.set(5, 0)
	v.maxInt(d, d, 5)
	v.set(5, intLane(255))
	v.minInt(d, d, 5)
}

// bytesFile is the file of these kernels for one instruction set, with that of Across if it has its own.
func bytesFile(isa string, emit func(loop) *fn, across ...*fn) file {
	f := file{op: "bytes", about: "Kernels between bytes and numbers for " + isa + ".", decls: wrappers("bytes", isa), funcs: across}
	if len(across) > 0 {
		f.decls += wrappers("across", isa)
	}
	for _, l := range byteLoops {
		f.funcs = append(f.funcs, emit(l))
		f.decls += l.wrapper(isa)
	}
	return f
}

// across declares the kernel that scales a row of pixels.
func across(isa string) *fn {
	return newFn("acrossU8"+isa+"Loop", "dst = Σ of that many taps of weight·src from pixel first on, in fixed point of 22 bits,\nfor n pixels of four bytes.",
		"dst *[4]uint8, src *[4]uint8, first *int32, weight *int32, taps int, n int")
}

// fixedHalf is half a unit of the fixed point.
var fixedHalf = intLane(1 << 21)

// avx2Across has the four sums of a pixel in X0.
func avx2Across() *fn {
	f := x86{across("AVX2")}
	for _, p := range [][2]string{{"dst", "DI"}, {"src", "SI"}, {"first", "R8"}, {"weight", "R9"}, {"taps", "R10"}, {"n", "BX"}} {
		f.load(p[0], p[1])
	}
	f.op("VBROADCASTSS %s, X3", f.constant(fixedHalf))
	f.label("pixel")
	f.op("MOVLQSX (R8), AX")
	f.op("LEAQ (SI)(AX*4), DX")
	f.op("MOVQ R10, CX")
	f.op("VMOVDQA X3, X0")
	f.label("tap")
	f.op("VPMOVZXBD (DX), X1")
	f.op("VPBROADCASTD (R9), X2")
	f.op("VPMULLD X2, X1, X1")
	f.op("VPADDD X1, X0, X0")
	f.op("ADDQ $4, DX")
	f.op("ADDQ $4, R9")
	f.op("DECQ CX")
	f.op("JNZ tap")
	f.op("VPSRLD $22, X0, X0")
	f.op("VPACKUSDW X0, X0, X0")
	f.op("VPACKUSWB X0, X0, X0")
	f.op("VMOVD X0, (DI)")
	f.op("ADDQ $4, R8")
	f.op("ADDQ $4, DI")
	f.op("DECQ BX")
	f.op("JNZ pixel")
	f.ret()
	return f.fn
}

// neonAcross has the four sums of a pixel in V0.
func neonAcross() *fn {
	f := arm{across("NEON")}
	for _, p := range [][2]string{{"dst", "R0"}, {"src", "R1"}, {"first", "R2"}, {"weight", "R3"}, {"taps", "R4"}, {"n", "R5"}} {
		f.load(p[0], p[1])
	}
	f.op("MOVW $0x%08x, R6", 1<<21)
	f.op("VDUP R6, V3.S4")
	f.label("pixel")
	f.op("MOVW.P 4(R2), R6")
	f.op("ADD R6<<2, R1, R7")
	f.op("MOVD R4, R8")
	f.op("VMOV V3.B16, V0.B16")
	f.label("tap")
	f.op("FMOVS.P 4(R7), F1")
	f.op("VLD1R.P 4(R3), [V2.S4]")
	f.op("VUSHLL $0, V1.B8, V1.H8")
	f.op("VUSHLL $0, V1.H4, V1.S4")
	f.macro("MLA4S", 2, 1, 0)
	f.op("SUBS $1, R8")
	f.op("BNE tap")
	f.op("VUSHR $22, V0.S4, V0.S4")
	f.op("VUZP1 V0.H8, V0.H8, V0.H8")
	f.op("VUZP1 V0.B16, V0.B16, V0.B16")
	f.op("FMOVS.P F0, 4(R0)")
	f.op("SUBS $1, R5")
	f.op("BNE pixel")
	f.op("RET")
	return f.fn
}
