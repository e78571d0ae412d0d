package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

func neonVector() file {
	f := file{op: "vector", about: "Element-wise kernels for NEON: several vectors of 4 floats a turn, then one, then single floats in\nthe lowest lane.", decls: wrappers("vector", "NEON")}
	for _, l := range loops {
		f.funcs = append(f.funcs, neonLoop(l))
		f.decls += l.wrapper("NEON")
	}
	for _, r := range reductions {
		f.funcs = append(f.funcs, neonReduction(r))
	}
	return f
}

// armPointer is the register of a pointer that moves along the row, armRow the one that keeps where
// the row begins. R6 to R8 count.
func armPointer(i int) string {
	return []string{"R0", "R1", "R2", "R3", "R4", "R5", "R15", "R16"}[i]
}

func armRow(i int) string {
	return []string{"R9", "R10", "R11", "R12", "R13", "R14", "R19", "R20"}[i]
}

// armVec writes a loop's body for one vector.
type armVec struct {
	arm
	ptrs    []string
	scalars []string
	consts  *[]float32 // in registers below the scalars
	temps   int
	copies  int
	copy    int
	single  bool
	bytes   func(ptr string) bool // moves on by a byte an element; nil if none does
}

func neonLoop(l loop) *fn {
	f := arm{l.fn("NEON")}
	v := armVec{arm: f, ptrs: l.pointers(), scalars: l.scalars(), consts: &[]float32{}, temps: l.registers(), copies: 1, bytes: l.bytes}
	v.constants(l.body)
	v.copies = min(4, (32-len(v.scalars)-len(*v.consts))/v.temps)
	for i, p := range v.ptrs {
		f.load(p, armPointer(i))
	}
	for i, s := range v.scalars {
		f.op("FMOVS %s, F%d // %s", f.arg(s), 31-i, s)
		f.op("VDUP V%d.S[0], V%d.S4", 31-i, 31-i)
	}
	if l.rows == "" {
		v.row(l)
	} else {
		v.rows(l)
	}
	f.op("RET")
	return f.fn
}

// rows repeats the loop over a row.
func (v armVec) rows(l loop) {
	v.arm.load("rows", "R7")
	v.loadBytes("stride", "R8")
	for i := range v.ptrs {
		v.op("MOVD %s, %s", armPointer(i), armRow(i))
	}
	v.label("row")
	v.row(l)
	for i, p := range v.ptrs {
		if slices.Contains(strings.Fields(l.rows), p) {
			v.op("ADD R8, %s", armRow(i))
		}
		v.op("MOVD %s, %s", armRow(i), armPointer(i))
	}
	v.op("SUBS $1, R7")
	v.op("BNE row")
}

// row is the loop over n floats: R6 counts down.
func (v armVec) row(l loop) {
	v.arm.load("n", "R6")
	if l.unroll > 1 {
		v.turns("wide", "narrow", 4*l.unroll, func() {
			for v.copy = range l.unroll {
				l.body(v)
			}
			v.copy = 0
		})
	}
	v.turns("four", "single", 4, func() { l.body(v) })
	v.single = true
	v.turns("one", "end", 1, func() { l.body(v) })
}

// turns repeats body while n floats are left.
func (v armVec) turns(name, after string, n int, body func()) {
	v.op("SUBS $%d, R6", n)
	v.op("BLT %s", after)
	v.label(name)
	body()
	for i, p := range v.ptrs {
		size := 4
		if v.bytes != nil && v.bytes(p) {
			size = 1
		}
		v.op("ADD $%d, %s", size*n, armPointer(i))
	}
	v.op("SUBS $%d, R6", n)
	v.op("BGE %s", name)
	v.label(after)
	if n > 1 {
		v.op("ADD $%d, R6", n)
	}
}

func (v armVec) reg(r int) int {
	if r < v.temps {
		r += v.copy % v.copies * v.temps
	}
	return r
}

// move is a load or store between a register and the place of this vector.
func (v armVec) mem(ptr string) (instruction, place string) {
	instruction, place = "FMOVQ", fmt.Sprintf("%d(%s)", 16*v.copy, armPointer(slices.Index(v.ptrs, ptr)))
	if v.single {
		instruction = "FMOVS"
	}
	return instruction, place
}

func (v armVec) load(d int, ptr string) {
	op, at := v.mem(ptr)
	v.op("%s %s, F%d", op, at, v.reg(d))
}

func (v armVec) store(s int, ptr string) {
	op, at := v.mem(ptr)
	v.op("%s F%d, %s", op, v.reg(s), at)
}

// constants finds out what values the body sets, and loads them.
func (v armVec) constants(body func(v vec)) {
	dry := v
	dry.arm = arm{&fn{params: v.params}}
	body(dry)
	for _, c := range *v.consts {
		v.op("MOVW $0x%08x, R17 // %v", math.Float32bits(c), c)
		v.op("VDUP R17, V%d.S4", v.constant(c))
	}
}

// constant is the register of a value.
func (v armVec) constant(value float32) int {
	same := func(c float32) bool { return math.Float32bits(c) == math.Float32bits(value) }
	i := slices.IndexFunc(*v.consts, same)
	if i < 0 {
		i = len(*v.consts)
		*v.consts = append(*v.consts, value)
	}
	return 31 - len(v.scalars) - i
}

func (v armVec) set(d int, value float32) {
	v.op("VMOV V%d.B16, V%d.B16", v.constant(value), v.reg(d))
}

func (v armVec) scalar(name string) int { return 31 - slices.Index(v.scalars, name) }

func (v armVec) three(name string, d, a, b int) { v.macro(name, v.reg(b), v.reg(a), v.reg(d)) }

func (v armVec) add(d, a, b int) { v.three("FADD4S", d, a, b) }
func (v armVec) sub(d, a, b int) { v.three("FSUB4S", d, a, b) }
func (v armVec) mul(d, a, b int) { v.three("FMUL4S", d, a, b) }
func (v armVec) div(d, a, b int) { v.three("FDIV4S", d, a, b) }

func (v armVec) fma(d, a, b int) {
	v.op("VFMLA V%d.S4, V%d.S4, V%d.S4", v.reg(b), v.reg(a), v.reg(d))
}

func (v armVec) fnma(d, a, b int) {
	v.op("VFMLS V%d.S4, V%d.S4, V%d.S4", v.reg(b), v.reg(a), v.reg(d))
}

// FMAX and FMIN, unlike FMAXNM and FMINNM, are NaN where either is.
func (v armVec) max(d, x, bound int) { v.three("FMAX4S", d, x, bound) }
func (v armVec) min(d, x, bound int) { v.three("FMIN4S", d, x, bound) }

func (v armVec) sqrt(d, a int)       { v.macro("FSQRT4S", v.reg(a), v.reg(d)) }
func (v armVec) atMost(d, a, b int)  { v.three("FCMGE4S", d, b, a) }
func (v armVec) without(d, a, m int) { v.three("BIC16B", d, a, m) }

func (v armVec) or(d, a, b int) {
	v.op("VORR V%d.B16, V%d.B16, V%d.B16", v.reg(b), v.reg(a), v.reg(d))
}

func (v armVec) and(d, a, b int) {
	v.op("VAND V%d.B16, V%d.B16, V%d.B16", v.reg(b), v.reg(a), v.reg(d))
}

func (v armVec) put(d, a, m int) {
	v.op("VBIT V%d.B16, V%d.B16, V%d.B16", v.reg(m), v.reg(a), v.reg(d))
}

func (v armVec) addInt(d, a, b int) {
	v.op("VADD V%d.S4, V%d.S4, V%d.S4", v.reg(b), v.reg(a), v.reg(d))
}

func (v armVec) equalInt(d, a, b int) {
	v.op("VCMEQ V%d.S4, V%d.S4, V%d.S4", v.reg(b), v.reg(a), v.reg(d))
}

func (v armVec) mulInt(d, a, b int) { v.three("MUL4S", d, a, b) }
func (v armVec) maxInt(d, a, b int) { v.three("SMAX4S", d, a, b) }
func (v armVec) minInt(d, a, b int) { v.three("SMIN4S", d, a, b) }

func (v armVec) shiftDown(d, a, bits int) {
	v.op("VUSHR $%d, V%d.S4, V%d.S4", bits, v.reg(a), v.reg(d))
}

// byteMem is the place of this vector's bytes.
func (v armVec) byteMem(ptr string) string {
	return fmt.Sprintf("%d(%s)", 4*v.copy, armPointer(slices.Index(v.ptrs, ptr)))
}

func (v armVec) widen(d int, ptr string) {
	d = v.reg(d)
	if v.single {
		v.op("MOVBU %s, R17", v.byteMem(ptr))
		v.op("FMOVS R17, F%d", d)
		return
	}
	v.op("FMOVS %s, F%d", v.byteMem(ptr), d)
	v.op("VUSHLL $0, V%d.B8, V%d.H8", d, d)
	v.op("VUSHLL $0, V%d.H4, V%d.S4", d, d)
}

// narrow narrows four integers to bytes: the even halves, twice.
func (v armVec) narrow(s, _ int, ptr string) {
	s = v.reg(s)
	if v.single {
		v.op("FMOVS F%d, R17", s)
		v.op("MOVB R17, %s", v.byteMem(ptr))
		return
	}
	v.op("VUZP1 V%d.H8, V%d.H8, V%d.H8", s, s, s)
	v.op("VUZP1 V%d.B16, V%d.B16, V%d.B16", s, s, s)
	v.op("FMOVS F%d, %s", s, v.byteMem(ptr))
}

func (v armVec) shiftUp(d, a, bits int) {
	v.op("VSHL $%d, V%d.S4, V%d.S4", bits, v.reg(a), v.reg(d))
}

// neonReduction adds four products a turn into two accumulators, V0 and V1, whose lanes it adds
// at the end; single floats go to the lower lane of V2.
func neonReduction(r reduction) *fn {
	f := arm{newFn(r.name+"F32NEONLoop", r.doc+"\nover n floats, in float64.", r.params+", n int")}
	f.result = true
	v := armVec{arm: f, ptrs: []string{"x"}}
	f.load("x", "R0")
	if strings.Contains(r.params, "y ") {
		f.load("y", "R1")
		v.ptrs = append(v.ptrs, "y")
	}
	f.load("n", "R6")
	for i := range 3 {
		f.zero(i)
	}
	v.turns("four", "single", 4, func() {
		r.neonStep(v, "FMOVQ", "FCVTL", 0)
		r.neonProduct(v, "FCVTL2", 1)
	})
	v.turns("one", "end", 1, func() { r.neonStep(v, "FMOVS", "FCVTL", 2) })
	f.macro("FADD2D", 1, 0, 0)
	f.macro("FADD2D", 2, 0, 0)
	f.macro("FADDP2D", 0, 0)
	f.op("FMOVD F0, %s", f.ret())
	f.op("RET")
	return f.fn
}

// neonStep loads V4 and V5 and adds their lower half.
func (r reduction) neonStep(v armVec, load, cvt string, sum int) {
	for i := range v.ptrs {
		v.op("%s (R%d), F%d", load, i, 4+i)
	}
	r.neonProduct(v, cvt, sum)
}

func (r reduction) neonProduct(v armVec, cvt string, sum int) {
	for i := range v.ptrs {
		v.macro(cvt, 4+i, 6+i)
	}
	if r.name == "sum" {
		v.macro("FADD2D", 6, sum, sum)
		return
	}
	v.op("VFMLA V6.D2, V%d.D2, V%d.D2", 5+len(v.ptrs), sum)
}
