package main

import "strings"

// ports is what a core that looks ahead can start in a cycle beside multiply-adds.
type ports struct{ issue, loads, stores float64 }

// work is what a loop asks of a core: instructions, loads and stores of vectors, and arithmetic on
// vectors but for moves and bits, which may go elsewhere.
type work struct{ instructions, loads, stores, arithmetic float64 }

// bound is a number of cycles that no order of the instructions of a turn goes below: a loop that loads
// much cannot reach the peak of multiply-adds.
func (c cpu) bound(goarch string, r row) float64 {
	if c.model != nil {
		return c.model.bound(r.loop)
	}
	w := workARM(r.loop)
	if goarch == "amd64" {
		w = workX86(r.loop)
	}
	arithmetic, loads := c.peak, c.ports.loads
	if r.wide {
		arithmetic, loads = c.wide, loads*c.wide/c.peak
	}
	return max(w.instructions/c.ports.issue, w.loads/loads, w.stores/c.ports.stores, w.arithmetic/arithmetic)
}

// workARM counts vectors of 128 bits, of which one instruction may load several.
func workARM(loop []instruction) (w work) {
	for _, i := range loop {
		w.instructions++
		op, args, _ := strings.Cut(i.text, " ")
		data, _, _ := strings.Cut(args, "[x")
		vectors := 0
		for _, r := range registers(data) {
			if r[0] == 'v' {
				vectors++
			}
		}
		switch {
		case strings.HasPrefix(op, "ld"):
			w.loads += float64(vectors)
		case strings.HasPrefix(op, "st"):
			w.stores += float64(vectors)
		case op[0] == 'f' && op != "fmov":
			w.arithmetic++
		}
	}
	return w
}

// workX86 reads operands as llvm-objdump writes them, the destination last.
func workX86(loop []instruction) (w work) {
	for _, i := range loop {
		w.instructions++
		op, args, _ := strings.Cut(i.text, " ")
		memory := strings.Contains(args, "(") && !strings.HasPrefix(op, "lea")
		switch {
		case memory && strings.HasSuffix(strings.TrimSpace(strings.Split(args, "{")[0]), ")") && strings.HasPrefix(op, "vmov"):
			w.stores++
		case memory:
			w.loads++
		}
		for _, p := range []string{"vfm", "vfnm", "vadd", "vsub", "vmul", "vmax", "vmin", "vdiv", "vsqrt", "vcmp"} {
			if strings.HasPrefix(op, p) {
				w.arithmetic++
				break
			}
		}
	}
	return w
}

// bound counts the cycles that arithmetic and loads of vectors take, which pass together only on cores
// that pair them, and half a cycle for each instruction. A load of 64 bits and an insertion do pair.
func (m inOrder) bound(loop []instruction) float64 {
	var sums, wide, load, insertion, memory float64
	for _, i := range loop {
		o, err := decode(i)
		if err != nil {
			panic(err) // cycles has seen it
		}
		switch o.kind {
		case arithmetic:
			sums += float64(o.busy)
		case loadWide:
			wide += float64(o.busy)
		case loadVector:
			load++
		case insert:
			insertion++
		}
		if o.kind == access || o.kind == loadVector {
			memory++
		}
	}
	busy := sums + wide
	if !m.pairsWithArithmetic {
		busy += max(load, insertion)
	}
	return max(busy, memory+wide, float64(len(loop))/2)
}
