package main

import "fmt"

// fnLow is a micro-kernel of rows × 8·panels: row i has its sums from V(2·panels·i) on. V16 to V18 hold four
// values of each row of A; the rows of the panels are in V24 to V31 and, in turns, V8 to V15 or the
// other half of those.
func (t neonTile) fnLow() *fn {
	cols := 8 * t.panels
	t.arm = newARM(fmt.Sprintf("gemmLowF32%sTile%dx%d", t.isa, t.rows, cols), fmt.Sprintf(
		"C = A·B or, with acc, C += A·B for a tile of %d×%d. A is read where it lies, b is %d panels of k rows\n"+
			"of 8 floats after each other.", t.rows, cols, t.panels),
		"c *float32, ldc int, a *float32, lda int, b *float32, k int, acc bool")
	t.load("c", "R0")
	t.loadBytes("ldc", "R1")
	t.load("a", "R2")
	t.loadBytes("lda", "R26")
	t.load("k", "R16")
	t.load("b", "R3")
	t.op("LSL $5, R16, R17 // bytes of a panel")
	for p := 1; p < t.panels; p++ {
		t.op("ADD R17, %s, %s", t.panel(p-1), t.panel(p))
	}
	for i := range 2 * t.panels * t.rows {
		t.zero(i)
	}
	for i := range t.rows {
		t.op("MOVD R2, %s // row %d of a", t.row(i), i)
		t.op("ADD R26, R2")
	}
	t.product(4, t.innerLow)
	t.op("MOVBU %s, R25 // acc", t.arg("acc"))
	t.outputLow()
	t.op("RET")
	return t.fn
}

// panel is the pointer into panel p of B.
func (t neonTile) panel(p int) string { return []string{"R3", "R8", "R9", "R10"}[p] }

// quad is the register of half h of panel p in a step.
func (t neonTile) quad(step, p, h int) int {
	n := step%2*2*t.panels + 2*p + h
	if n >= 8 {
		return n // V8 to V15
	}
	return neonB + n
}

// loadLow loads the rows of the panels of a step.
func (t neonTile) loadLow(step int) {
	for p := range t.panels {
		t.op("FLDPQ.P 32(%s), (F%d, F%d)", t.panel(p), t.quad(step, p, 0), t.quad(step, p, 1))
	}
}

// innerLow is four steps of k, or one. The next rows of B are loaded before the products of these.
func (t neonTile) innerLow(n int) {
	t.loadLow(0)
	for i := range t.rows {
		load := "FMOVQ.P 16"
		if n == 1 {
			load = "FMOVS.P 4"
		}
		t.op("%s(%s), F%d", load, t.row(i), neonA+i)
	}
	for step := range n {
		if step+1 < n {
			t.loadLow(step + 1)
		}
		for i := range t.rows {
			for q := range 2 * t.panels {
				t.macro("FMLAE4S", step, neonA+i, t.quad(step, q/2, q%2), 2*t.panels*i+q)
			}
		}
	}
}

// outputLow adds C if it must and stores the tile.
func (t neonTile) outputLow() {
	t.op("CBZ R25, store")
	t.op("MOVD R0, R16")
	for i := range t.rows {
		for p := range t.panels {
			v := 2 * (t.panels*i + p)
			t.op("FLDPQ %d(R16), (F%d, F%d)", 32*p, neonB, neonB+1)
			t.macro("FADD4S", neonB, v, v)
			t.macro("FADD4S", neonB+1, v+1, v+1)
		}
		t.op("ADD R1, R16")
	}
	t.label("store")
	for i := range t.rows {
		for p := range t.panels {
			v := 2 * (t.panels*i + p)
			t.op("FSTPQ (F%d, F%d), %d(R0)", v, v+1, 32*p)
		}
		t.op("ADD R1, R0")
	}
}
