package main

import "fmt"

// avx2Window is a depthwise kernel for taps in rows of three beside each other, which pixels beside each
// other share: a pixel of x is loaded once for all of them.
type avx2Window struct {
	x86
	rows, stride, pixels int
}

const (
	avx2WindowTaps   = 3 // of a row
	avx2WindowPixels = 6 // of a strip of y: as many sums as leave registers for what they read
	avx2GradPixels   = 4 // of a turn of a gradient, whose sums stay in registers
)

// avx2Windows is the kernels with their dispatch. Two rows are what windows at the border of an image have.
func avx2Windows() (fns []*fn, decls string) {
	var rows, grads []*fn
	var keys, gradKeys []string
	for _, r := range []int{2, 3} {
		for _, s := range []int{1, 2} {
			key := fmt.Sprintf("%d<<8 | %d<<4 | %d", r, avx2WindowTaps, s)
			for p := 1; p <= avx2WindowPixels; p++ {
				rows = append(rows, avx2Window{rows: r, stride: s, pixels: p}.row())
				keys = append(keys, fmt.Sprintf("%d<<12 | %s", p, key))
			}
			grads = append(grads, avx2Window{rows: r, stride: s, pixels: avx2GradPixels}.grad())
			gradKeys = append(gradKeys, key)
		}
	}
	const row, grad = "depthwiseF32AVX2Window", "depthwiseGradF32AVX2Window"
	decls = dispatch(row, row+" calls the kernel of pixels<<12 | rows<<8 | taps a row<<4 | stride.", "key", keys, rows)
	return append(rows, grads...), decls + dispatch(grad, grad+" calls the kernel of rows<<8 | taps a row<<4 | stride.", "key", gradKeys, grads)
}

// doc ends what a kernel does.
func (w avx2Window) doc() string {
	return fmt.Sprintf("\nwhere the taps are %d rows of %d, as far from each other as %s.", w.rows, avx2WindowTaps,
		[]string{"", "the pixels of x", "half the pixels of x"}[w.stride])
}

// cols is the number of columns of x that the pixels of a turn see.
func (w avx2Window) cols() int { return (w.pixels-1)*w.stride + avx2WindowTaps }

// row makes a strip of pixels, eight channels after the other, so that it passes over x and y in order. The
// sums are in registers from Y0 on, behind them the columns of a row of x that a tap shares with another,
// and a weight.
func (w avx2Window) row() *fn {
	w.x86 = newX86(fmt.Sprintf("depthwiseF32AVX2Window%dx%dS%dP%d", w.rows, avx2WindowTaps, w.stride, w.pixels),
		fmt.Sprintf("y[p*ys+j] = Σ_t x[p*xs+off[t]+j]·w[t*ws+j] for %d pixels and 8·blocks channels,", w.pixels)+w.doc(),
		"y *float32, ys int, x *float32, w *float32, ws int, off *int, blocks int")
	x := windowColumns{x86: w.x86, first: "SI", next: "DI", step: "R8", step3: "R9", step5: "R10"}
	rows := []string{"", "R11", "R12"}[:w.rows] // from row to row
	x.offsets(rows)
	for r := w.rows - 1; r > 1; r-- {
		w.op("SUBQ %s, %s", rows[r-1], rows[r])
	}
	w.load("y", "AX")
	w.loadBytes("ys", "R13")
	w.op("LEAQ (R13)(R13*2), R14")
	w.loadBytes("ws", "DX")
	w.load("blocks", "CX")
	w.label("block")
	w.load("w", "BX")
	for p := range w.pixels {
		w.op("VXORPS Y%[1]d, Y%[1]d, Y%[1]d", p)
	}
	for r := range rows {
		if r > 0 {
			w.op("ADDQ %s, SI // row %d", rows[r], r)
			w.op("LEAQ (BX)(DX*2), BX")
			w.op("ADDQ DX, BX")
		}
		w.taps(&x)
	}
	for _, r := range rows[1:] {
		w.op("SUBQ %s, SI", r)
	}
	w.store()
	w.op("ADDQ $32, %s", w.arg("w"))
	w.op("ADDQ $32, SI")
	w.op("ADDQ $32, AX")
	w.op("DECQ CX")
	w.op("JNZ block")
	w.ret()
	return w.fn
}

// taps adds the taps of a row, one after the other. The columns between pixels are seen once.
func (w avx2Window) taps(x *windowColumns) {
	weight := w.pixels + (w.cols()+w.stride-1)/w.stride
	for t := range avx2WindowTaps {
		w.op("VMOVUPS %s, Y%d", []string{"(BX)", "(BX)(DX*1)", "(BX)(DX*2)"}[t], weight)
		x.done = 0
		for p := range w.pixels {
			k := p*w.stride + t
			if k%w.stride > 0 {
				w.op("VFMADD231PS %s, Y%d, Y%d", x.at(k), weight, p)
				continue
			}
			v := w.pixels + k/w.stride
			if t == 0 || p+1 == w.pixels {
				w.op("VMOVUPS %s, Y%d", x.at(k), v)
			}
			w.op("VFMADD231PS Y%d, Y%d, Y%d", v, weight, p)
		}
	}
}

// store writes the strip.
func (w avx2Window) store() {
	at := []string{"(AX)", "(AX)(R13*1)", "(AX)(R13*2)", "(AX)(R14*1)", "(AX)(R13*4)", "(R15)(R13*1)"}
	if w.pixels == 6 {
		w.op("LEAQ (AX)(R13*4), R15")
	}
	for p := range w.pixels {
		w.op("VMOVUPS Y%d, %s", p, at[p])
	}
}

// grad passes over the pixels with the sums in registers from Y0 on, behind them the gradients of four
// pixels, and a column of x in Y15. Each row of x has its pointer.
func (w avx2Window) grad() *fn {
	w.x86 = newX86(fmt.Sprintf("depthwiseGradF32AVX2Window%dx%dS%d", w.rows, avx2WindowTaps, w.stride),
		"w[t*ws+j] += Σ_p y[p*ys+j]·x[p*xs+off[t]+j] for n pixels and 8·blocks channels,"+w.doc(),
		"y *float32, ys int, x *float32, w *float32, ws int, off *int, n int, blocks int")
	x := windowColumns{x86: w.x86, first: "SI", step: "R8", step3: "R9", step5: "R10"}
	rows := []string{"", "R13", "R14"}[:w.rows]
	x.offsets(rows)
	w.op("MOVQ SI, %s", w.arg("x"))
	w.op("LEAQ (R9)(R8*4), R11 // seven columns")
	w.loadBytes("ys", "DX")
	w.op("LEAQ (DX)(DX*2), R12")
	w.label("block")
	w.load("x", "SI")
	for r := 1; r < w.rows; r++ {
		w.op("LEAQ (SI)(%s*1), %s", rows[r], gradRows[r])
	}
	w.load("y", "AX")
	w.load("n", "CX")
	for t := range w.rows * avx2WindowTaps {
		w.op("VXORPS Y%[1]d, Y%[1]d, Y%[1]d", t)
	}
	w.op("SUBQ $%d, CX", w.pixels)
	w.op("JL rest")
	w.label("turn")
	w.turn(w.pixels)
	w.op("SUBQ $%d, CX", w.pixels)
	w.op("JGE turn")
	w.label("rest")
	w.op("ADDQ $%d, CX", w.pixels)
	w.op("JZ sums")
	w.label("pixel")
	w.turn(1)
	w.op("DECQ CX")
	w.op("JNZ pixel")
	w.label("sums")
	w.sums()
	for _, p := range []string{"x", "y", "w"} {
		w.op("ADDQ $32, %s", w.arg(p))
	}
	w.op("DECQ %s", w.arg("blocks"))
	w.op("JNZ block")
	w.ret()
	return w.fn
}

// gradRows are the pointers of the rows of x.
var gradRows = []string{"SI", "DI", "BX"}

// turn adds what n pixels give, column by column, since those of a row add to the same sums.
func (w avx2Window) turn(n int) {
	sums := w.rows * avx2WindowTaps
	for p := range n {
		w.op("VMOVUPS %s, Y%d", []string{"(AX)", "(AX)(DX*1)", "(AX)(DX*2)", "(AX)(R12*1)"}[p], sums+p)
	}
	w.pixels = n
	for k := range w.cols() {
		for r := range w.rows {
			w.column(k, r)
		}
	}
	for _, reg := range append([]string{"AX"}, gradRows[:w.rows]...) {
		step, n := "R8", n*w.stride
		if reg == "AX" {
			step, n = "DX", n/w.stride
		}
		w.op("LEAQ (%[1]s)(%s*%d), %[1]s", reg, step, n)
	}
}

// column adds what column k of row r of x gives: one product for each pixel that sees it.
func (w avx2Window) column(k, r int) {
	at := fmt.Sprintf([]string{"(%s)", "(%s)(R8*1)", "(%s)(R8*2)", "(%s)(R9*1)", "(%s)(R8*4)", "(%s)(R10*1)", "(%s)(R9*2)", "(%s)(R11*1)", "(%s)(R8*8)"}[k], gradRows[r])
	var products []string
	for p := range w.pixels {
		if t := k - p*w.stride; t >= 0 && t < avx2WindowTaps {
			products = append(products, fmt.Sprintf("Y%d, Y%d", w.rows*avx2WindowTaps+p, r*avx2WindowTaps+t))
		}
	}
	if len(products) > 1 {
		w.op("VMOVUPS %s, Y15", at)
		at = "Y15"
	}
	for _, p := range products {
		w.op("VFMADD231PS %s, %s", at, p)
	}
}

// sums adds the sums to those of w.
func (w avx2Window) sums() {
	w.load("w", "SI")
	w.load("ws", "CX")
	for t := range w.rows * avx2WindowTaps {
		w.op("VADDPS (SI), Y%[1]d, Y%[1]d", t)
		w.op("VMOVUPS Y%d, (SI)", t)
		w.op("LEAQ (SI)(CX*4), SI")
	}
}

// windowColumns finds the columns of a row of x: up to the fifth from a register, those after it from another
// one that walks.
type windowColumns struct {
	x86
	first, next, step, step3, step5 string
	done                            int // columns before next
}

// offsets makes of off the distances of columns, and of rows from the first.
func (x *windowColumns) offsets(rows []string) {
	x.load("off", "CX")
	x.op("MOVQ (CX), AX")
	x.load("x", x.first)
	x.op("LEAQ (%[1]s)(AX*4), %[1]s", x.first)
	x.op("MOVQ 8(CX), %s", x.step)
	x.op("SUBQ AX, %s", x.step)
	x.op("SHLQ $2, %s // from column to column, bytes", x.step)
	x.op("LEAQ (%[1]s)(%[1]s*2), %s", x.step, x.step3)
	x.op("LEAQ (%[1]s)(%[1]s*4), %s", x.step, x.step5)
	for r := 1; r < len(rows); r++ {
		x.op("MOVQ %d(CX), %s", 8*avx2WindowTaps*r, rows[r])
		x.op("SUBQ AX, %s", rows[r])
		x.op("SHLQ $2, %s // to row %d, bytes", rows[r], r)
	}
}

// at is column k, which does not come before that of the last call but where done is 0 again.
func (x *windowColumns) at(k int) string {
	base := x.next
	if x.done == 0 {
		base = x.first
	}
	for k-x.done >= 5 {
		x.op("LEAQ (%s)(%s*1), %s", base, x.step5, x.next)
		x.done, base = x.done+5, x.next
	}
	return []string{"(" + base + ")", "(" + base + ")(" + x.step + "*1)", "(" + base + ")(" + x.step + "*2)",
		"(" + base + ")(" + x.step3 + "*1)", "(" + base + ")(" + x.step + "*4)"}[k-x.done]
}
