package main

import "fmt"

func neonDepthwise() file {
	f := file{op: "depthwise", about: "Depthwise convolution for NEON, eight channels at a time: the weights of up to nine taps stay in\nregisters while the pixels of a row pass by."}
	var rows, grads []*fn
	var tiles []tile
	for taps := 1; taps <= depthwiseTaps; taps++ {
		rows = append(rows, neonTaps{taps: taps}.rowFn())
		grads = append(grads, neonTaps{taps: taps}.grad())
		tiles = append(tiles, tile{rows: taps})
	}
	windows, decls := neonWindows("NEON", false)
	f.funcs = append(append(rows, grads...), windows...)
	f.decls = dispatch("depthwiseF32NEONTaps", "depthwiseF32NEONTaps calls the kernel for that many taps.", "taps", tiles, rows) +
		dispatch("depthwiseGradF32NEONTaps", "depthwiseGradF32NEONTaps calls the kernel for that many taps.", "taps", tiles, grads) + decls
	return f
}

// neonDepthwiseInOrder is the windows alone: what is left of a row goes through the kernels of neon.
func neonDepthwiseInOrder() file {
	f := file{op: "depthwise", about: "Depthwise convolution for NEON on in-order cores, four pixels of four channels at a time."}
	f.funcs, f.decls = neonWindows("NEONInOrder", true)
	return f
}

// neonTaps is a kernel for a number of taps. Tap t has its weights, or its sums, in V(2t) and
// V(2t+1), and its offset in bytes in R(8+t) or, of the ninth, in R19. V18 and V19 are the pixel
// of y; V20 to V31 take the pixels of x in turn.
type neonTaps struct {
	arm
	taps int
}

func tapOffset(t int) string {
	if t == 8 {
		return "R19"
	}
	return fmt.Sprintf("R%d", 8+t)
}

// pixel is the first of the two registers that hold x at tap t.
func pixel(t int) int { return 20 + t%6*2 }

func (d neonTaps) offsets() {
	d.load("off", "R3")
	for t := range d.taps {
		d.op("MOVD %d(R3), %s", 8*t, tapOffset(t))
		d.op("LSL $2, %s", tapOffset(t))
	}
	d.loadBytes("xs", "R4")
	d.loadBytes("ys", "R5")
	d.load("blocks", "R6")
}

// loadX loads the pixel of tap t.
func (d neonTaps) loadX(t int) {
	d.op("ADD %s, R1, R17", tapOffset(t))
	d.op("FLDPQ (R17), (F%d, F%d)", pixel(t), pixel(t)+1)
}

func (d neonTaps) rowFn() *fn {
	d.arm = newARM(fmt.Sprintf("depthwiseF32NEONTaps%d", d.taps), "y[p*ys+j] = Σ_t x[p*xs+off[t]+j]·w[t*ws+j], added to y with acc, for n pixels and\n8·blocks channels.",
		"y *float32, ys int, x *float32, xs int, w *float32, ws int, off *int, n int, blocks int, acc bool")
	d.offsets()
	d.load("y", "R20")
	d.load("x", "R21")
	d.load("w", "R22")
	d.loadBytes("ws", "R23")
	d.op("MOVBU %s, R24 // acc", d.arg("acc"))
	d.label("block")
	d.op("MOVD R22, R2")
	for t := range d.taps {
		d.op("FLDPQ (R2), (F%d, F%d)", 2*t, 2*t+1)
		d.op("ADD R23, R2")
	}
	d.op("MOVD R20, R0")
	d.op("MOVD R21, R1")
	d.load("n", "R7")
	d.label("pixel")
	d.zero(18)
	d.zero(19)
	d.op("CBZ R24, taps")
	d.op("FLDPQ (R0), (F18, F19)")
	d.label("taps")
	for t := range min(d.taps, 6) {
		d.loadX(t)
	}
	for t := range d.taps {
		for h := range 2 {
			d.op("VFMLA V%d.S4, V%d.S4, V%d.S4", 2*t+h, pixel(t)+h, 18+h)
		}
		if t+6 < d.taps {
			d.loadX(t + 6)
		}
	}
	d.op("FSTPQ (F18, F19), (R0)")
	d.op("ADD R5, R0")
	d.next(func() {})
	return d.fn
}

// next closes the loop over pixels, runs end and closes the loop over blocks.
func (d neonTaps) next(end func()) {
	d.op("ADD R4, R1")
	d.op("SUBS $1, R7")
	d.op("BNE pixel")
	end()
	for _, p := range []string{"R20", "R21", "R22"} {
		d.op("ADD $32, %s", p)
	}
	d.op("SUBS $1, R6")
	d.op("BNE block")
	d.op("RET")
}

func (d neonTaps) grad() *fn {
	d.arm = newARM(fmt.Sprintf("depthwiseGradF32NEONTaps%d", d.taps), "dw[t*ws+j] += Σ_p dy[p*ys+j]·x[p*xs+off[t]+j] over n pixels for 8·blocks channels.",
		"dw *float32, ws int, dy *float32, ys int, x *float32, xs int, off *int, n int, blocks int")
	d.offsets()
	d.load("dy", "R20")
	d.load("x", "R21")
	d.load("dw", "R22")
	d.loadBytes("ws", "R23")
	d.label("block")
	for t := range 2 * d.taps {
		d.zero(t)
	}
	d.op("MOVD R20, R0")
	d.op("MOVD R21, R1")
	d.load("n", "R7")
	d.label("pixel")
	d.op("FLDPQ (R0), (F18, F19)")
	for t := range min(d.taps, 6) {
		d.loadX(t)
	}
	for t := range d.taps {
		for h := range 2 {
			d.op("VFMLA V%d.S4, V%d.S4, V%d.S4", 18+h, pixel(t)+h, 2*t+h)
		}
		if t+6 < d.taps {
			d.loadX(t + 6)
		}
	}
	d.op("ADD R5, R0")
	d.next(d.sums)
	return d.fn
}

// sums adds every tap's sums to dw.
func (d neonTaps) sums() {
	d.op("MOVD R22, R2")
	for t := range d.taps {
		d.op("FLDPQ (R2), (F18, F19)")
		d.macro("FADD4S", 18, 2*t, 2*t)
		d.macro("FADD4S", 19, 2*t+1, 2*t+1)
		d.op("FSTPQ (F%d, F%d), (R2)", 2*t, 2*t+1)
		d.op("ADD R23, R2")
	}
}
