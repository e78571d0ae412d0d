package main

import "fmt"

// depthwiseTaps is how many taps one kernel keeps in registers: a 3×3 filter, whole.
const depthwiseTaps = 9

func avx2Depthwise() file {
	f := file{op: "depthwise", about: "Depthwise convolution for AVX2 and FMA, eight channels at a time: the weights of up to nine taps\nstay in registers while the pixels of a row pass by."}
	var rows, grads []*fn
	var tiles []tile
	for taps := 1; taps <= depthwiseTaps; taps++ {
		rows = append(rows, depthwise{taps: taps}.row())
		grads = append(grads, depthwise{taps: taps}.grad())
		tiles = append(tiles, tile{rows: taps})
	}
	windows, decls := avx2Windows()
	f.funcs = append(append(rows, grads...), windows...)
	f.decls = decls + dispatch("depthwiseF32AVX2Taps", "depthwiseF32AVX2Taps calls the kernel for that many taps.", "taps", tiles, rows) +
		dispatch("depthwiseGradF32AVX2Taps", "depthwiseGradF32AVX2Taps calls the kernel for that many taps.", "taps", tiles, grads)
	return f
}

// depthwise is a kernel for a number of taps. Tap t has its weight, or its sum, in Yt and its
// offset in bytes in its own register.
type depthwise struct {
	x86
	taps int
}

var tapOffsets = [depthwiseTaps]string{"R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "AX"}

const depthwiseParams = "y *float32, ys int, x *float32, xs int, w *float32, ws int, off *int, n int, blocks int, mask *[8]int32, acc bool"

// row computes two pixels a turn, SI and DI, and the odd one.
func (d depthwise) row() *fn {
	d.x86 = newX86(fmt.Sprintf("depthwiseF32AVX2Taps%d", d.taps), "y[p*ys+j] = Σ_t x[p*xs+off[t]+j]·w[t*ws+j], added to y with acc, for n pixels and\n8·blocks channels; with mask only for the channels of the one block whose mask is set.", depthwiseParams)
	d.offsets()
	d.op("SHLQ $2, %s // xs, bytes", d.arg("xs"))
	d.loadBytes("ys", "DX")
	d.op("MOVQ %s, CX", d.arg("mask"))
	d.op("TESTQ CX, CX")
	d.op("JNZ masked")
	d.label("block")
	d.load("w", "DI")
	d.load("ws", "BX")
	for t := range d.taps {
		d.op("VMOVUPS (DI), Y%d", t)
		d.op("LEAQ (DI)(BX*4), DI")
	}
	d.pointers()
	d.op("CMPB %s, $0", d.arg("acc"))
	d.op("JNE add")
	d.pixels("", func(y, at string) { d.op("VXORPS %s, %s, %s", y, y, y) })
	d.op("JMP next")
	d.label("add")
	d.pixels("add", func(y, at string) { d.op("VMOVUPS %s, %s", at, y) })
	d.label("next")
	for _, p := range []string{"x", "y", "w"} {
		d.op("ADDQ $32, %s", d.arg(p))
	}
	d.op("DECQ %s", d.arg("blocks"))
	d.op("JNZ block")
	d.ret()
	d.maskedRow()
	return d.fn
}

// offsets puts the offsets of the taps into their registers.
func (d depthwise) offsets() {
	d.load("off", "BX")
	for t := range d.taps {
		d.op("MOVQ %d(BX), %s", 8*t, tapOffsets[t])
		d.op("SHLQ $2, %s", tapOffsets[t])
	}
}

// pointers begins a row of pixels.
func (d depthwise) pointers() {
	d.load("x", "SI")
	d.load("y", "BX")
	d.load("n", "CX")
}

// pixels is the loop over the pixels; begin gives an accumulator its first value.
func (d depthwise) pixels(suffix string, begin func(y, at string)) {
	d.op("SUBQ $2, CX")
	d.op("JL odd%s", suffix)
	d.label("two" + suffix)
	d.op("MOVQ SI, DI")
	d.op("ADDQ %s, DI", d.arg("xs"))
	begin("Y9", "(BX)")
	begin("Y10", "(BX)(DX*1)")
	for t := range d.taps {
		d.op("VFMADD231PS (SI)(%s*1), Y%d, Y9", tapOffsets[t], t)
		d.op("VFMADD231PS (DI)(%s*1), Y%d, Y10", tapOffsets[t], t)
	}
	d.op("VMOVUPS Y9, (BX)")
	d.op("VMOVUPS Y10, (BX)(DX*1)")
	d.op("LEAQ (BX)(DX*2), BX")
	d.op("MOVQ DI, SI")
	d.op("ADDQ %s, SI", d.arg("xs"))
	d.op("SUBQ $2, CX")
	d.op("JGE two%s", suffix)
	d.label("odd" + suffix)
	d.op("ADDQ $2, CX")
	d.op("JZ next")
	begin("Y9", "(BX)")
	for t := range d.taps {
		d.op("VFMADD231PS (SI)(%s*1), Y%d, Y9", tapOffsets[t], t)
	}
	d.op("VMOVUPS Y9, (BX)")
}

// maskedRow is the row for the channels under the mask.
func (d depthwise) maskedRow() {
	d.label("masked")
	d.op("VMOVUPS (CX), Y15")
	d.load("w", "DI")
	d.load("ws", "BX")
	for t := range d.taps {
		d.op("VMASKMOVPS (DI), Y15, Y%d", t)
		d.op("LEAQ (DI)(BX*4), DI")
	}
	d.pointers()
	d.op("MOVBLZX %s, DI", d.arg("acc"))
	d.label("pixel")
	d.op("VXORPS Y9, Y9, Y9")
	d.op("TESTQ DI, DI")
	d.op("JZ zero")
	d.op("VMASKMOVPS (BX), Y15, Y9")
	d.label("zero")
	for t := range d.taps {
		d.op("VMASKMOVPS (SI)(%s*1), Y15, Y10", tapOffsets[t])
		d.op("VFMADD231PS Y10, Y%d, Y9", t)
	}
	d.op("VMASKMOVPS Y9, Y15, (BX)")
	d.op("ADDQ DX, BX")
	d.op("ADDQ %s, SI", d.arg("xs"))
	d.op("DECQ CX")
	d.op("JNZ pixel")
	d.ret()
}

const depthwiseGradParams = "dw *float32, ws int, dy *float32, ys int, x *float32, xs int, off *int, n int, blocks int, mask *[8]int32"

// grad keeps one sum a tap; the sums over the pixels of the call are added to dw at the end.
func (d depthwise) grad() *fn {
	d.x86 = newX86(fmt.Sprintf("depthwiseGradF32AVX2Taps%d", d.taps), "dw[t*ws+j] += Σ_p dy[p*ys+j]·x[p*xs+off[t]+j] over n pixels for 8·blocks channels;\nwith mask only for the channels of the one block whose mask is set.", depthwiseGradParams)
	d.offsets()
	d.loadBytes("xs", "DI")
	d.loadBytes("ys", "DX")
	d.op("MOVQ %s, CX", d.arg("mask"))
	d.op("TESTQ CX, CX")
	d.op("JNZ masked")
	d.label("block")
	d.gradPixels("", "VMOVUPS (BX), Y9", func(t int) { d.op("VFMADD231PS (SI)(%s*1), Y9, Y%d", tapOffsets[t], t) })
	d.gradSums(func(t int) {
		d.op("VADDPS (BX), Y%d, Y%d", t, t)
		d.op("VMOVUPS Y%d, (BX)", t)
	})
	for _, p := range []string{"x", "dy", "dw"} {
		d.op("ADDQ $32, %s", d.arg(p))
	}
	d.op("DECQ %s", d.arg("blocks"))
	d.op("JNZ block")
	d.ret()
	d.label("masked")
	d.op("VMOVUPS (CX), Y15")
	d.gradPixels("masked", "VMASKMOVPS (BX), Y15, Y9", func(t int) {
		d.op("VMASKMOVPS (SI)(%s*1), Y15, Y10", tapOffsets[t])
		d.op("VFMADD231PS Y10, Y9, Y%d", t)
	})
	d.gradSums(func(t int) {
		d.op("VMASKMOVPS (BX), Y15, Y10")
		d.op("VADDPS Y10, Y%d, Y%d", t, t)
		d.op("VMASKMOVPS Y%d, Y15, (BX)", t)
	})
	d.ret()
	return d.fn
}

// gradPixels is the loop over the pixels, dy in Y9.
func (d depthwise) gradPixels(suffix, loadDY string, tap func(t int)) {
	d.load("x", "SI")
	d.load("dy", "BX")
	d.load("n", "CX")
	for t := range d.taps {
		d.op("VXORPS Y%d, Y%d, Y%d", t, t, t)
	}
	d.label("pixel" + suffix)
	d.op("%s", loadDY)
	for t := range d.taps {
		tap(t)
	}
	d.op("ADDQ DX, BX")
	d.op("ADDQ DI, SI")
	d.op("DECQ CX")
	d.op("JNZ pixel%s", suffix)
}

// gradSums adds every tap's sum to dw.
func (d depthwise) gradSums(tap func(t int)) {
	d.load("dw", "BX")
	d.load("ws", "CX")
	for t := range d.taps {
		tap(t)
		d.op("LEAQ (BX)(CX*4), BX")
	}
}
