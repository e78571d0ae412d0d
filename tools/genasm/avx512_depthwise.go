package main

import "fmt"

func avx512Depthwise() file {
	f := file{op: "depthwise", about: "Depthwise convolution for AVX-512, sixteen channels at a time: the weights of up to nine taps\nstay in registers while the pixels of a row pass by. Everything happens under the mask of the channels."}
	var rows, grads []*fn
	var tiles []tile
	for taps := 1; taps <= depthwiseTaps; taps++ {
		rows = append(rows, depthwise512{taps: taps}.row())
		grads = append(grads, depthwise512{taps: taps}.grad())
		tiles = append(tiles, tile{rows: taps})
	}
	f.funcs = append(rows, grads...)
	f.decls = dispatch("depthwiseF32AVX512Taps", "depthwiseF32AVX512Taps calls the kernel for that many taps.", "taps", tiles, rows) +
		dispatch("depthwiseGradF32AVX512Taps", "depthwiseGradF32AVX512Taps calls the kernel for that many taps.", "taps", tiles, grads)
	return f
}

// depthwise512 is a kernel for a number of taps. Tap t has its weight, or its sum, in Zt and its
// offset in bytes in its own register.
type depthwise512 struct {
	x86
	taps int
}

const depthwise512Params = "y *float32, ys int, x *float32, xs int, w *float32, ws int, off *int, n int, blocks int, mask int, acc bool"

// row computes two pixels a turn, SI and DI, and the odd one.
func (d depthwise512) row() *fn {
	d.x86 = newX86(fmt.Sprintf("depthwiseF32AVX512Taps%d", d.taps), "y[p*ys+j] = Σ_t x[p*xs+off[t]+j]·w[t*ws+j], added to y with acc, for n pixels and\n16·blocks channels, of every block those whose bit in mask is set.", depthwise512Params)
	d.begin()
	d.op("SHLQ $2, %s // xs, bytes", d.arg("xs"))
	d.label("block")
	d.load("w", "DI")
	d.load("ws", "BX")
	for t := range d.taps {
		d.op("VMOVUPS.Z (DI), K1, %s", zmm(t))
		d.op("LEAQ (DI)(BX*4), DI")
	}
	d.load("x", "SI")
	d.load("y", "BX")
	d.load("n", "CX")
	d.op("CMPB %s, $0", d.arg("acc"))
	d.op("JNE add")
	d.pixels("", func(z, at string) { d.clear(z) })
	d.op("JMP next")
	d.label("add")
	d.pixels("add", func(z, at string) { d.op("VMOVUPS.Z %s, K1, %s", at, z) })
	d.label("next")
	d.end("x", "y", "w")
	return d.fn
}

// begin loads what stays: offsets, mask, and the stride of y in DX.
func (d depthwise512) begin() {
	d.load("off", "BX")
	for t := range d.taps {
		d.op("MOVQ %d(BX), %s", 8*t, tapOffsets[t])
		d.op("SHLQ $2, %s", tapOffsets[t])
	}
	d.loadMask("mask", "DX")
	d.loadBytes("ys", "DX")
}

// end goes on with the next sixteen channels of pointers.
func (d depthwise512) end(pointers ...string) {
	for _, p := range pointers {
		d.op("ADDQ $64, %s", d.arg(p))
	}
	d.op("DECQ %s", d.arg("blocks"))
	d.op("JNZ block")
	d.ret()
}

// pixels is the loop over the pixels; begin gives an accumulator its first value.
func (d depthwise512) pixels(suffix string, begin func(z, at string)) {
	d.op("SUBQ $2, CX")
	d.op("JL odd%s", suffix)
	d.label("two" + suffix)
	d.op("MOVQ %s, DI", d.arg("xs"))
	d.op("ADDQ SI, DI")
	begin("Z9", "(BX)")
	begin("Z10", "(BX)(DX*1)")
	for t := range d.taps {
		d.op("VFMADD231PS (SI)(%s*1), %s, K1, Z9", tapOffsets[t], zmm(t))
		d.op("VFMADD231PS (DI)(%s*1), %s, K1, Z10", tapOffsets[t], zmm(t))
	}
	d.op("VMOVUPS Z9, K1, (BX)")
	d.op("VMOVUPS Z10, K1, (BX)(DX*1)")
	d.op("LEAQ (BX)(DX*2), BX")
	d.op("MOVQ %s, SI", d.arg("xs"))
	d.op("ADDQ DI, SI")
	d.op("SUBQ $2, CX")
	d.op("JGE two%s", suffix)
	d.label("odd" + suffix)
	d.op("ADDQ $2, CX")
	d.op("JZ next")
	begin("Z9", "(BX)")
	for t := range d.taps {
		d.op("VFMADD231PS (SI)(%s*1), %s, K1, Z9", tapOffsets[t], zmm(t))
	}
	d.op("VMOVUPS Z9, K1, (BX)")
}

// clear is a vector of zeros: the short form of the instruction clears the whole register, and every
// core knows that it waits for nothing.
func (d depthwise512) clear(z string) {
	x := "X" + z[1:]
	d.op("VXORPS %s, %s, %s", x, x, x)
}

const depthwiseGrad512Params = "dw *float32, ws int, dy *float32, ys int, x *float32, xs int, off *int, n int, blocks int, mask int"

// grad keeps one sum a tap; the sums over the pixels of the call are added to dw at the end.
func (d depthwise512) grad() *fn {
	d.x86 = newX86(fmt.Sprintf("depthwiseGradF32AVX512Taps%d", d.taps), "dw[t*ws+j] += Σ_p dy[p*ys+j]·x[p*xs+off[t]+j] over n pixels for 16·blocks channels,\nof every block those whose bit in mask is set.", depthwiseGrad512Params)
	d.begin()
	d.loadBytes("xs", "DI")
	d.label("block")
	d.load("x", "SI")
	d.load("dy", "BX")
	d.load("n", "CX")
	d.zero(d.taps)
	d.label("pixel")
	d.op("VMOVUPS.Z (BX), K1, Z9")
	for t := range d.taps {
		d.op("VFMADD231PS (SI)(%s*1), Z9, K1, %s", tapOffsets[t], zmm(t))
	}
	d.op("ADDQ DX, BX")
	d.op("ADDQ DI, SI")
	d.op("DECQ CX")
	d.op("JNZ pixel")
	d.load("dw", "BX")
	d.load("ws", "CX")
	for t := range d.taps {
		d.op("VADDPS (BX), %s, K1, %s", zmm(t), zmm(t))
		d.op("VMOVUPS %s, K1, (BX)", zmm(t))
		d.op("LEAQ (BX)(CX*4), BX")
	}
	d.end("x", "dy", "dw")
	return d.fn
}
