package main

import "fmt"

// avx512 is AVX-512 with F, VL, BW and DQ: vectors of sixteen floats, thirty-two of them, and
// masks. What is left of a row goes through the same loop under a mask, always K1.
func avx512() isa {
	return isa{name: "avx512", goarch: "amd64", files: []file{
		avx512GEMM(),
		avx512Winograd(),
		avx512Depthwise(),
		avx512Vector(),
		normFile("AVX512", "Batch normalization for AVX-512: the loops of vector_avx512_amd64.s.", avx512Loop),
		finishFile("AVX512", "The end of a product for AVX-512: the loops of vector_avx512_amd64.s.", avx512Loop),
		avx512Pooling(),
		activationFile("Activations for AVX-512.", "AVX512", avx512Loop),
		bytesFile("AVX512", avx512Loop),
	}}
}

// loadMask puts a mask, given as an integer, into K1.
func (f x86) loadMask(name, scratch string) {
	f.op("MOVQ %s, %s", f.arg(name), scratch)
	f.op("KMOVW %s, K1 // %s", scratch, name)
}

// zero clears the first n vectors of sixteen floats.
func (f x86) zero(n int) {
	for i := range n {
		f.op("VPXORD Z%d, Z%d, Z%d", i, i, i)
	}
}

// avx512Peak and avx512Loads are the yardsticks of the benchmarks.
func avx512Peak() *fn {
	f := newX86("peakF32AVX512", "n turns of 24 independent fused multiply-adds of sixteen floats: the most that the CPU does.", "n int")
	f.load("n", "CX")
	f.zero(26)
	f.label("turn")
	for i := range 24 {
		f.op("VFMADD231PS Z24, Z25, Z%d", i)
	}
	f.op("DECQ CX")
	f.op("JNZ turn")
	f.ret()
	return f.fn
}

func avx512Loads() *fn {
	f := newX86("loadsF32AVX512", "Like peakF32AVX512, with an operand of each from the cache: x has 384 floats behind the next multiple of 64 bytes.", "n int, x *float32")
	f.loads(24, func(i int) string { return fmt.Sprintf("VFMADD231PS %d(SI), Z24, Z%d", 64*i, i) }, func() { f.zero(25) })
	return f.fn
}

// maskOf makes K1 let as many floats through as CX says, 1 to 15.
func (f x86) maskOf(scratch string) {
	f.op("MOVL $1, %s", scratch)
	f.op("SHLL CX, %s", scratch)
	f.op("DECL %s", scratch)
	f.op("KMOVW %s, K1", scratch)
}

func zmm(i int) string { return fmt.Sprintf("Z%d", i) }
