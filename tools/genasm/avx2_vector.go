package main

import (
	"fmt"
	"slices"
	"strings"
)

// avx2Vector is the file of element-wise kernels.
func avx2Vector() file {
	f := file{op: "vector", about: "Element-wise kernels for AVX2 and FMA: several vectors of 8 floats a turn, then one, then single floats\nin the lowest lane.", decls: wrappers("vector", "AVX2")}
	for _, l := range loops {
		f.funcs = append(f.funcs, avx2Loop(l))
		f.decls += l.wrapper("AVX2")
	}
	for _, r := range reductions {
		f.funcs = append(f.funcs, avx2Reduction(r))
	}
	return f
}

// x86Vec writes a loop's body for one vector.
type x86Vec struct {
	x86
	ptrs    map[string]string
	scalars []string
	temps   int  // registers below are the temporaries of a vector
	copies  int  // vectors with temporaries of their own
	copy    int  // which vector of the turn
	single  bool // one float, not eight
}

var x86Pointers = []string{"DI", "SI", "DX", "BX", "R8", "R9", "R10", "R13"}

func avx2Loop(l loop) *fn {
	f := x86{l.fn("AVX2")}
	v := x86Vec{x86: f, ptrs: map[string]string{}, scalars: l.scalars(), temps: l.registers(), copies: 2}
	for i, p := range l.pointers() {
		v.ptrs[p] = x86Pointers[i]
		f.load(p, v.ptrs[p])
	}
	for i, s := range v.scalars {
		f.op("VBROADCASTSS %s, Y%d // %s", f.arg(s), 15-i, s)
	}
	if l.rows != "" {
		f.load("rows", "R11")
		f.loadBytes("stride", "R12")
		f.label("row")
	}
	v.row(l)
	if l.rows != "" {
		for _, p := range l.pointers() {
			if slices.Contains(strings.Fields(l.rows), p) {
				f.op("ADDQ R12, %s", v.ptrs[p])
			}
		}
		f.op("DECQ R11")
		f.op("JNZ row")
	}
	f.ret()
	return f.fn
}

// row is the loop over n floats: AX counts up, CX down.
func (v x86Vec) row(l loop) {
	v.op("XORL AX, AX")
	v.fn.op("MOVQ %s, CX // n", v.arg("n"))
	if l.unroll > 1 {
		v.repeat("wide", "narrow", 8*l.unroll, func() {
			for v.copy = range l.unroll {
				l.body(v)
			}
			v.copy = 0
		})
	}
	v.repeat("eight", "single", 8, func() { l.body(v) })
	v.single = true
	v.repeat("one", "end", 1, func() { l.body(v) })
}

// reg is a register of the body: scalars stay where they are, each vector of a turn has its own
// temporaries.
func (v x86Vec) reg(r int) string {
	if r < v.temps {
		r += v.copy % v.copies * v.temps
	}
	return fmt.Sprintf("Y%d", r)
}

func (v x86Vec) mem(ptr string) string { return fmt.Sprintf("%d(%s)(AX*4)", v.copy*32, v.ptrs[ptr]) }

func (v x86Vec) load(d int, ptr string) {
	if v.single {
		v.fn.op("VMOVSS %s, X%d", v.mem(ptr), d)
		return
	}
	v.fn.op("VMOVUPS %s, %s", v.mem(ptr), v.reg(d))
}

func (v x86Vec) store(s int, ptr string) {
	if v.single {
		v.fn.op("VMOVSS X%d, %s", s, v.mem(ptr))
		return
	}
	v.fn.op("VMOVUPS %s, %s", v.reg(s), v.mem(ptr))
}

func (v x86Vec) scalar(name string) int { return 15 - slices.Index(v.scalars, name) }

// three writes an instruction d = a op b, whose operands Go writes from the last.
func (v x86Vec) three(op string, d, a, b int) {
	v.fn.op("%s %s, %s, %s", op, v.reg(b), v.reg(a), v.reg(d))
}

func (v x86Vec) add(d, a, b int)  { v.three("VADDPS", d, a, b) }
func (v x86Vec) sub(d, a, b int)  { v.three("VSUBPS", d, a, b) }
func (v x86Vec) mul(d, a, b int)  { v.three("VMULPS", d, a, b) }
func (v x86Vec) div(d, a, b int)  { v.three("VDIVPS", d, a, b) }
func (v x86Vec) fma(d, a, b int)  { v.three("VFMADD231PS", d, a, b) }
func (v x86Vec) fnma(d, a, b int) { v.three("VFNMADD231PS", d, a, b) }
func (v x86Vec) or(d, a, b int)   { v.three("VORPS", d, a, b) }

// VMAXPS and VMINPS return the second source where either is NaN.
func (v x86Vec) max(d, x, bound int) { v.three("VMAXPS", d, bound, x) }
func (v x86Vec) min(d, x, bound int) { v.three("VMINPS", d, bound, x) }

func (v x86Vec) sqrt(d, a int)       { v.fn.op("VSQRTPS %s, %s", v.reg(a), v.reg(d)) }
func (v x86Vec) atMost(d, a, b int)  { v.three("VCMPPS $0x12,", d, a, b) } // LE_OQ
func (v x86Vec) without(d, a, m int) { v.three("VANDNPS", d, m, a) }

func (v x86Vec) and(d, a, b int)      { v.three("VANDPS", d, a, b) }
func (v x86Vec) addInt(d, a, b int)   { v.three("VPADDD", d, a, b) }
func (v x86Vec) equalInt(d, a, b int) { v.three("VPCMPEQD", d, a, b) }

func (v x86Vec) put(d, a, m int) {
	v.fn.op("VBLENDVPS %s, %s, %s, %s", v.reg(m), v.reg(a), v.reg(d), v.reg(d))
}

func (v x86Vec) set(d int, value float32) {
	v.fn.op("VBROADCASTSS %s, %s", v.constant(value), v.reg(d))
}

func (v x86Vec) mulInt(d, a, b int) { v.three("VPMULLD", d, a, b) }
func (v x86Vec) maxInt(d, a, b int) { v.three("VPMAXSD", d, a, b) }
func (v x86Vec) minInt(d, a, b int) { v.three("VPMINSD", d, a, b) }

func (v x86Vec) shiftDown(d, a, bits int) { v.fn.op("VPSRLD $%d, %s, %s", bits, v.reg(a), v.reg(d)) }

// byteMem is the place of this vector's bytes.
func (v x86Vec) byteMem(ptr string) string { return fmt.Sprintf("%d(%s)(AX*1)", v.copy*8, v.ptrs[ptr]) }

func (v x86Vec) widen(d int, ptr string) {
	if v.single {
		v.fn.op("MOVBLZX %s, R14", v.byteMem(ptr))
		v.fn.op("VMOVD R14, X%d", d)
		return
	}
	v.fn.op("VPMOVZXBD %s, %s", v.byteMem(ptr), v.reg(d))
}

// narrow narrows eight integers to bytes: halves side by side, then in two steps.
func (v x86Vec) narrow(s, temp int, ptr string) {
	if v.single {
		v.fn.op("VMOVD X%d, R14", s)
		v.fn.op("MOVB R14, %s", v.byteMem(ptr))
		return
	}
	from, to := v.reg(s), "X"+v.reg(temp)[1:]
	v.fn.op("VEXTRACTI128 $1, %s, %s", from, to)
	v.fn.op("VPACKUSDW %s, X%s, %s", to, from[1:], to)
	v.fn.op("VPACKUSWB %s, %s, %s", to, to, to)
	v.fn.op("VMOVQ %s, %s", to, v.byteMem(ptr))
}

func (v x86Vec) shiftUp(d, a, bits int) { v.fn.op("VPSLLD $%d, %s, %s", bits, v.reg(a), v.reg(d)) }

// reduction is a sum over float32 values in float64.
type reduction struct{ name, doc, params string }

var reductions = []reduction{
	{"sum", "Σ x", "x *float32"},
	{"sumSq", "Σ x²", "x *float32"},
	{"dot", "Σ x·y", "x *float32, y *float32"},
}

// avx2Reduction adds 16 products a turn into four accumulators, whose lanes it adds at the end.
func avx2Reduction(r reduction) *fn {
	f := x86{newFn(r.name+"F32AVX2Loop", r.doc+"\nover n floats, in float64.", r.params+", n int")}
	f.result = true
	f.load("x", "SI")
	if strings.Contains(r.params, "y ") {
		f.load("y", "DI")
	}
	f.load("n", "CX")
	f.op("XORL AX, AX")
	for i := range 5 {
		f.op("VXORPD Y%d, Y%d, Y%d", i, i, i)
	}
	v := x86Vec{x86: f}
	v.repeat("wide", "single", 16, func() {
		for i := range 4 {
			r.step(f, "VCVTPS2PD", "PD", "Y", i)
		}
	})
	v.repeat("one", "end", 1, func() { r.step(f, "VCVTSS2SD", "SD", "X", 0) })
	return r.finish(f)
}

// step adds one conversion's worth of floats to accumulator i. A single float must leave the
// other lanes: the scalar sum goes to register 4.
func (r reduction) step(f x86, cvt, suffix, reg string, i int) {
	sum, x, y := fmt.Sprintf("%s%d", reg, i), fmt.Sprintf("%s%d", reg, 5+i), fmt.Sprintf("%s%d", reg, 9+i)
	load := func(ptr, d string) {
		at := fmt.Sprintf("%d(%s)(AX*4)", 16*i, ptr)
		if suffix == "SD" {
			f.op("%s %s, %s, %s", cvt, at, d, d)
			return
		}
		f.op("%s %s, %s", cvt, at, d)
	}
	if suffix == "SD" {
		sum = "X4"
	}
	load("SI", x)
	switch r.name {
	case "sum":
		f.op("VADD%s %s, %s, %s", suffix, x, sum, sum)
	case "sumSq":
		f.op("VFMADD231%s %s, %s, %s", suffix, x, x, sum)
	case "dot":
		load("DI", y)
		f.op("VFMADD231%s %s, %s, %s", suffix, x, y, sum)
	}
}

func (r reduction) finish(f x86) *fn {
	f.op("VADDPD Y1, Y0, Y0")
	f.op("VADDPD Y3, Y2, Y2")
	f.op("VADDPD Y2, Y0, Y0")
	f.op("VEXTRACTF128 $1, Y0, X1")
	f.op("VADDPD X1, X0, X0")
	f.op("VUNPCKHPD X0, X0, X1")
	f.op("VADDSD X1, X0, X0")
	f.op("VADDSD X4, X0, X0")
	f.op("VMOVSD X0, %s", f.fn.ret())
	f.ret()
	return f.fn
}
