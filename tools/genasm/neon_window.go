package main

import "fmt"

// windowPixels is the number of pixels of a turn.
const windowPixels = 4

// neonWindow is a depthwise kernel for taps in rows beside each other: a turn makes four pixels of four
// channels, or adds up the weight gradients of four, and loads once what the windows of the pixels share.
// Weights or sums are in registers from V0 on, one a tap; behind them lie the sums of the pixels, or their
// gradients, and then the pixels of x. A column of x has its pointer, a row its offset from the first.
type neonWindow struct {
	arm
	isa              string
	inOrder          bool
	rows, kw, stride int
	add              bool // to what y has
	grad             bool // of the weights
}

// windowShapes are rows, taps a row and stride of the kernels for y; those for more than ten taps do
// not fit the registers.
var windowShapes = [][3]int{{2, 2, 1}, {1, 3, 1}, {2, 3, 1}, {3, 3, 1}, {1, 3, 2}, {2, 3, 2}, {3, 3, 2}, {1, 5, 1}, {2, 5, 1}, {1, 5, 2}, {2, 5, 2}}

// neonWindows is the kernels of one schedule with their dispatch. Only five taps a row are so many that
// they are added in two goes.
func neonWindows(isa string, inOrder bool) (fns []*fn, decls string) {
	var forward, add, grads []*fn
	var tiles, addTiles, gradTiles []string
	for _, s := range windowShapes {
		w := neonWindow{isa: isa, inOrder: inOrder, rows: s[0], kw: s[1], stride: s[2]}
		forward, tiles = append(forward, w.kernel()), append(tiles, w.key())
		if w.kw == 5 {
			w.add = true
			add, addTiles = append(add, w.kernel()), append(addTiles, w.key())
		}
		if w.kw > 2 {
			w.add, w.grad = false, true
			grads, gradTiles = append(grads, w.kernel()), append(gradTiles, w.key())
		}
	}
	for _, g := range []struct {
		what  string
		fns   []*fn
		tiles []string
	}{{"", forward, tiles}, {"Add", add, addTiles}, {"Grad", grads, gradTiles}} {
		name := "depthwise" + g.what + "F32" + isa + "Window"
		decls += dispatch(name, name+" calls the kernel of rows<<8 | taps a row<<4 | stride.", "key", g.tiles, g.fns)
		fns = append(fns, g.fns...)
	}
	return fns, decls
}

// key is that of dispatch.
func (w neonWindow) key() string { return fmt.Sprintf("%d<<8 | %d<<4 | %d", w.rows, w.kw, w.stride) }

func (w neonWindow) taps() int { return w.rows * w.kw }

// cols is the number of columns of x that the pixels of a turn see.
func (w neonWindow) cols() int { return (windowPixels-1)*w.stride + w.kw }

// col is the pointer of a column of x, row the offset of a row, of its upper halves with upper.
func (neonWindow) col(k int) string {
	return []string{"R1", "R2", "R3", "R4", "R6", "R7", "R8", "R9", "R10", "R11", "R12"}[k]
}

func (neonWindow) row(r int, upper bool) int {
	if upper {
		return []int{0, 15, 19}[r]
	}
	return []int{0, 13, 14}[r]
}

// Other registers of a window: y, its strides, and where sums are stored a turn later.
const (
	windowY, windowYs        = "R0", "R5"
	windowRead               = "R14" // y ahead of the turn, with add; there are two rows at most then
	windowStep               = "R23" // what a column moves on by
	windowLast, windowLastYs = "R17", "R24"
	windowCol                = "R26" // from column to column
)

func (w neonWindow) kernel() *fn {
	what, doc, list := "", "y[p*ys+j] = Σ_t x[p*xs+off[t]+j]·w[t*ws+j]", "y *float32, ys int, x *float32, w *float32, ws int, off *int, n int, blocks int"
	switch {
	case w.add:
		what, doc = "Add", "y[p*ys+j] += Σ_t x[p*xs+off[t]+j]·w[t*ws+j]"
	case w.grad:
		what, doc = "Grad", "w[t*ws+j] += Σ_p y[p*ys+j]·x[p*xs+off[t]+j]"
	}
	doc += fmt.Sprintf(" for n pixels, a multiple of 4, and 4·blocks channels,\nwhere the taps are %d rows of %d, as far from each other as %s.", w.rows, w.kw, []string{"", "the pixels of x", "half the pixels of x"}[w.stride])
	w.arm = newARM(fmt.Sprintf("depthwise%sF32%sWindow%dx%dS%d", what, w.isa, w.rows, w.kw, w.stride), doc, list)
	if w.inOrder { // where the multiply-adds are enough to hide loads behind, and the registers for that
		_, w.inOrder = w.pairs()
	}
	if w.inOrder && !w.grad {
		w.frame = 24
	}
	w.offsets()
	w.label("block")
	w.block()
	if w.inOrder {
		w.paired()
	} else {
		w.label("many")
		w.turn()
		w.op("SUBS $%d, R16", windowPixels)
		w.op("BNE many")
	}
	if w.grad {
		w.sums()
	}
	for _, p := range []string{"y", "x", "w"} {
		w.op("MOVD %s, R20", w.arg(p))
		w.op("ADD $16, R20")
		w.op("MOVD R20, %s", w.arg(p))
	}
	w.op("SUBS $1, R25")
	w.op("BNE block")
	w.op("RET")
	return w.fn
}

// offsets makes of off the distances of rows and columns, and puts x at the first tap.
func (w neonWindow) offsets() {
	w.load("off", "R20")
	w.op("MOVD (R20), R21")
	for r := 1; r < w.rows; r++ {
		w.op("MOVD %d(R20), R%d", 8*w.kw*r, w.row(r, false))
		w.op("SUB R21, R%d", w.row(r, false))
		w.op("LSL $2, R%d // row %d, bytes", w.row(r, false), r)
		if w.inOrder {
			w.op("ADD $8, R%d, R%d", w.row(r, false), w.row(r, true))
		}
	}
	w.op("MOVD 8(R20), %s", windowCol)
	w.op("SUB R21, %s", windowCol)
	w.op("LSL $2, %s // from tap to tap, bytes", windowCol)
	w.op("LSL $%d, %s, %s", 1+w.stride, windowCol, windowStep)
	w.load("x", "R20")
	w.op("ADD R21<<2, R20")
	w.op("MOVD R20, %s", w.arg("x"))
	w.loadBytes("ys", windowYs)
	w.load("blocks", "R25")
}

// block sets pointers, and loads the weights or clears the sums.
func (w neonWindow) block() {
	w.load("x", w.col(0))
	for k := 1; k < w.cols(); k++ {
		w.op("ADD %s, %s, %s", windowCol, w.col(k-1), w.col(k))
	}
	w.load("y", windowY)
	w.load("n", "R16")
	if w.grad {
		for t := range w.taps() {
			w.zero(t)
		}
		return
	}
	w.load("w", "R20")
	w.loadBytes("ws", "R21")
	for t := range w.taps() {
		w.op("VLD1.P (R20)(R21), [V%d.S4]", t)
	}
	if w.add {
		w.op("MOVD %s, %s", windowY, windowRead)
	}
	if w.inOrder {
		w.op("MOVD $tmp-16(SP), %s // for what the first turn stores", windowLast)
		w.op("MOVD $0, %s", windowLastYs)
	}
}

// fmas is what a turn does: operand r·cols+k is column k of row r of x, and those behind are the
// pixels of y, where they are read. Sums of y follow each other tap by tap, so that a pixel's are four
// apart; gradients pixel by pixel, in order over all taps, so that those of a tap are far apart.
func (w neonWindow) fmas() (list []fma) {
	add := func(t, p int) {
		f := fma{acc: w.taps() + p, a: t/w.kw*w.cols() + p*w.stride + t%w.kw, b: -1, lane: t}
		if w.grad {
			f.acc = t
		}
		if w.grad || w.add && t == 0 {
			f.b = w.rows*w.cols() + p
		}
		list = append(list, f)
	}
	per := w.kw // taps that go together
	if w.inOrder {
		per = w.taps()
	}
	for first := 0; first < w.taps(); first += per {
		for i := range per * windowPixels {
			if w.grad {
				add(first+i%per, i/per)
			} else {
				add(first+i/windowPixels, i%windowPixels)
			}
		}
	}
	return list
}

// do is one of them; for y, lane is the tap.
func (w neonWindow) do(f fma, a, b int) {
	switch {
	case w.grad:
		w.op("VFMLA V%d.S4, V%d.S4, V%d.S4", a, b, f.acc)
		return
	case f.lane == 0 && w.add:
		if b != f.acc {
			w.op("VMOV V%d.B16, V%d.B16", b, f.acc)
		}
	case f.lane == 0 && !w.inOrder:
		w.fresh(f.acc)
	}
	w.op("VFMLA V%d.S4, V%d.S4, V%d.S4", f.lane, a, f.acc)
}

// fresh clears a sum by an instruction that waits for nothing, so that turns overlap.
func (w neonWindow) fresh(v int) { w.op("VMOVI $0, V%d.B16", v) }

// turn is a turn for cores that look ahead: the loads of a row before its multiply-adds.
func (w neonWindow) turn() {
	const all = 32
	first := w.taps() + windowPixels
	x := func(operand int) int { return first + operand%(all-first) }
	if w.grad || w.add {
		from := windowY
		if w.add {
			from = windowRead
		}
		for p := range windowPixels {
			w.op("VLD1.P (%s)(%s), [V%d.S4]", from, windowYs, w.pixel(p))
		}
	}
	for n, f := range w.fmas() {
		if per := w.kw * windowPixels; n%per == 0 {
			w.loadRow(n/per, x)
		}
		w.do(f, x(f.a), w.pixel(f.b-w.rows*w.cols()))
	}
	for p := range windowPixels {
		if !w.grad {
			w.op("VST1.P [V%d.S4], (%s)(%s)", w.taps()+p, windowY, windowYs)
		}
	}
}

// pixel is where a pixel of y is.
func (w neonWindow) pixel(p int) int { return w.taps() + p }

// loadRow loads a row of x; the last one moves the columns on.
func (w neonWindow) loadRow(r int, x func(operand int) int) {
	for k := range w.cols() {
		v := x(r*w.cols() + k)
		switch {
		case r == w.rows-1 && r > 0:
			w.macro("LDRQ", w.row(r, false), w.colNumber(k), v)
			w.op("ADD %s, %s", windowStep, w.col(k))
		case r == 0 && w.rows == 1:
			w.op("VLD1.P (%s)(%s), [V%d.S4]", w.col(k), windowStep, v)
		case r == 0:
			w.op("FMOVQ (%s), F%d", w.col(k), v)
		default:
			w.macro("LDRQ", w.row(r, false), w.colNumber(k), v)
		}
	}
}

func (w neonWindow) colNumber(k int) (n int) {
	fmt.Sscanf(w.col(k), "R%d", &n)
	return n
}

// pairs is the turn for cores that issue in order, and whether there can be one. A turn stores what the
// one before has made, which is there by then; the first one stores nothing of worth to the frame.
func (w neonWindow) pairs() (pairs, bool) {
	t := kTurn{steps: windowPixels, fmas: w.fmas(), base: w.taps() + windowPixels}
	for r := range w.rows {
		for k := range w.cols() {
			t.operands = append(t.operands, w.xQuad(r, k))
		}
	}
	switch {
	case w.grad:
		t.base = w.taps()
		t.operands = append(t.operands, w.yQuads(windowY)...)
	case w.add:
		t.operands = append(t.operands, w.yQuads(windowRead)...)
	}
	t.do = func(n int, f fma, a, b int) {
		switch {
		case w.add && n < windowPixels:
			w.storeLast(n)
		case !w.grad && n == 0: // all at once: a multiply-add waits for what clears its sum
			for p := range windowPixels {
				w.storeLast(p)
				w.fresh(w.taps() + p)
			}
		}
		w.do(f, a, b)
		if !w.grad && n == windowPixels {
			w.op("MOVD %s, %s", windowY, windowLast)
			w.op("MOVD %s, %s", windowYs, windowLastYs)
			w.op("ADD %s<<2, %s", windowYs, windowY)
		}
	}
	return newPairs(w.arm, t)
}

// paired is the loop of these turns.
func (w neonWindow) paired() {
	s, _ := w.pairs()
	s.prologue()
	w.op("SUBS $%d, R16", 2*windowPixels)
	w.op("BLT last")
	w.label("many")
	s.write(false)
	w.op("BGE many")
	w.label("last")
	s.write(true)
	for p := range windowPixels {
		if !w.grad {
			w.storeLast(p)
		}
	}
}

func (w neonWindow) storeLast(p int) {
	w.op("VST1.P [V%d.S4], (%s)(%s)", w.taps()+p, windowLast, windowLastYs)
}

// xQuad is column k of row r of x.
func (w neonWindow) xQuad(r, k int) operand {
	at, upper := fmt.Sprintf("(%s)(R%d)", w.col(k), w.row(r, false)), fmt.Sprintf("(%s)(R%d)", w.col(k), w.row(r, true))
	if r == 0 {
		at, upper = fmt.Sprintf("(%s)", w.col(k)), fmt.Sprintf("8(%s)", w.col(k))
	}
	o := operand{
		low:    func(v int) { w.op("FMOVD %s, F%d", at, v) },
		high:   func(x string) { w.op("MOVD %s, %s", upper, x) },
		insert: w.upperHalf,
	}
	if r == w.rows-1 {
		o.after = func() { w.op("ADD %s, %s", windowStep, w.col(k)) }
	}
	return o
}

// yQuads is the pixels of y from a pointer on, which moves on with each.
func (w neonWindow) yQuads(from string) (list []operand) {
	for range windowPixels {
		list = append(list, operand{
			low: func(v int) {
				w.op("FMOVD (%s), F%d", from, v)
				w.op("ADD %s, %s", windowYs, from)
			},
			high:   func(x string) { w.op("MOVD 8(%s), %s", from, x) },
			insert: w.upperHalf,
		})
	}
	return list
}

// sums adds every tap's sum to the weights'.
func (w neonWindow) sums() {
	w.load("w", "R20")
	w.loadBytes("ws", "R21")
	for t := range w.taps() {
		w.op("FMOVQ (R20), F%d", w.taps())
		w.macro("FADD4S", w.taps(), t, t)
		w.op("VST1.P [V%d.S4], (R20)(R21)", t)
	}
}
