package main

import (
	"fmt"
	"slices"
	"strings"
)

// avx512Vector is the file of element-wise kernels.
func avx512Vector() file {
	f := file{op: "vector", about: "Element-wise kernels for AVX-512: several vectors of 16 floats a turn, then one, then what is left\nunder a mask.", decls: wrappers("vector", "AVX512")}
	for _, l := range loops {
		f.funcs = append(f.funcs, avx512Loop(l))
		f.decls += l.wrapper("AVX512")
	}
	for _, r := range reductions {
		f.funcs = append(f.funcs, avx512Reduction(r))
	}
	return f
}

// vec512 writes a loop's body for one vector.
type vec512 struct {
	x86
	ptrs    map[string]string
	scalars []string
	temps   int  // registers below are the temporaries of a vector
	copy    int  // which vector of the turn
	masked  bool // the floats under K1, not all sixteen
}

func avx512Loop(l loop) *fn {
	f := x86{l.fn("AVX512")}
	v := vec512{x86: f, ptrs: map[string]string{}, scalars: l.scalars(), temps: l.registers()}
	for i, p := range l.pointers() {
		v.ptrs[p] = x86Pointers[i]
		f.load(p, v.ptrs[p])
	}
	for i, s := range v.scalars {
		f.op("VBROADCASTSS %s, Z%d // %s", f.arg(s), 31-i, s)
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
func (v vec512) row(l loop) {
	v.op("XORL AX, AX")
	v.op("MOVQ %s, CX // n", v.arg("n"))
	if l.unroll > 1 {
		v.repeat("wide", "narrow", 16*l.unroll, func() {
			for v.copy = range l.unroll {
				l.body(v)
			}
			v.copy = 0
		})
	}
	v.repeat("sixteen", "some", 16, func() { l.body(v) })
	v.masked = true
	v.rest(func() { l.body(v) })
}

// rest runs body under the mask of the floats that are left, if there are any.
func (f x86) rest(body func()) {
	f.op("JZ end")
	f.maskOf("R14")
	body()
	f.label("end")
}

// reg is a register of the body: scalars stay where they are, each vector of a turn has its own
// temporaries.
func (v vec512) reg(r int) string {
	if r < v.temps {
		r += v.copy * v.temps
	}
	return zmm(r)
}

func (v vec512) mem(ptr string) string {
	return fmt.Sprintf("%d(%s)(AX*4)", v.copy*64, v.ptrs[ptr])
}

func (v vec512) load(d int, ptr string) {
	if v.masked {
		v.op("VMOVUPS.Z %s, K1, %s", v.mem(ptr), v.reg(d))
		return
	}
	v.op("VMOVUPS %s, %s", v.mem(ptr), v.reg(d))
}

func (v vec512) store(s int, ptr string) {
	if v.masked {
		v.op("VMOVUPS %s, K1, %s", v.reg(s), v.mem(ptr))
		return
	}
	v.op("VMOVUPS %s, %s", v.reg(s), v.mem(ptr))
}

func (v vec512) scalar(name string) int { return 31 - slices.Index(v.scalars, name) }

// three writes an instruction d = a op b, whose operands Go writes from the last.
func (v vec512) three(op string, d, a, b int) {
	v.op("%s %s, %s, %s", op, v.reg(b), v.reg(a), v.reg(d))
}

func (v vec512) add(d, a, b int)  { v.three("VADDPS", d, a, b) }
func (v vec512) sub(d, a, b int)  { v.three("VSUBPS", d, a, b) }
func (v vec512) mul(d, a, b int)  { v.three("VMULPS", d, a, b) }
func (v vec512) div(d, a, b int)  { v.three("VDIVPS", d, a, b) }
func (v vec512) fma(d, a, b int)  { v.three("VFMADD231PS", d, a, b) }
func (v vec512) fnma(d, a, b int) { v.three("VFNMADD231PS", d, a, b) }
func (v vec512) or(d, a, b int)   { v.three("VORPS", d, a, b) }

// VMAXPS and VMINPS return the second source where either is NaN.
func (v vec512) max(d, x, bound int) { v.three("VMAXPS", d, bound, x) }
func (v vec512) min(d, x, bound int) { v.three("VMINPS", d, bound, x) }

func (v vec512) sqrt(d, a int)       { v.op("VSQRTPS %s, %s", v.reg(a), v.reg(d)) }
func (v vec512) without(d, a, m int) { v.three("VANDNPS", d, m, a) }

func (v vec512) and(d, a, b int)    { v.three("VANDPS", d, a, b) }
func (v vec512) addInt(d, a, b int) { v.three("VPADDD", d, a, b) }

func (v vec512) set(d int, value float32) {
	v.op("VBROADCASTSS %s, %s", v.constant(value), v.reg(d))
}

func (v vec512) shiftUp(d, a, bits int) { v.op("VPSLLD $%d, %s, %s", bits, v.reg(a), v.reg(d)) }

// put takes the sign bits of the lanes as the mask.
func (v vec512) put(d, a, m int) {
	v.op("VPMOVD2M %s, K2", v.reg(m))
	v.op("VMOVAPS %s, K2, %s", v.reg(a), v.reg(d))
}

func (v vec512) equalInt(d, a, b int) {
	v.op("VPCMPEQD %s, %s, K2", v.reg(b), v.reg(a))
	v.op("VPMOVM2D K2, %s", v.reg(d))
}

// atMost compares into a mask and spreads its bits over the lanes, as the other sets have them.
func (v vec512) atMost(d, a, b int) {
	v.op("VCMPPS $0x12, %s, %s, K2 // LE_OQ", v.reg(b), v.reg(a))
	v.op("VPMOVM2D K2, %s", v.reg(d))
}

func (v vec512) mulInt(d, a, b int) { v.three("VPMULLD", d, a, b) }
func (v vec512) maxInt(d, a, b int) { v.three("VPMAXSD", d, a, b) }
func (v vec512) minInt(d, a, b int) { v.three("VPMINSD", d, a, b) }

func (v vec512) shiftDown(d, a, bits int) { v.op("VPSRLD $%d, %s, %s", bits, v.reg(a), v.reg(d)) }

// byteMem is the place of this vector's bytes.
func (v vec512) byteMem(ptr string) string {
	return fmt.Sprintf("%d(%s)(AX*1)", v.copy*16, v.ptrs[ptr])
}

func (v vec512) widen(d int, ptr string) {
	if v.masked {
		v.op("VPMOVZXBD.Z %s, K1, %s", v.byteMem(ptr), v.reg(d))
		return
	}
	v.op("VPMOVZXBD %s, %s", v.byteMem(ptr), v.reg(d))
}

func (v vec512) narrow(s, _ int, ptr string) {
	if v.masked {
		v.op("VPMOVDB %s, K1, %s", v.reg(s), v.byteMem(ptr))
		return
	}
	v.op("VPMOVDB %s, %s", v.reg(s), v.byteMem(ptr))
}

// avx512Reduction adds 32 products a turn into four accumulators, whose lanes it adds at the end.
func avx512Reduction(r reduction) *fn {
	f := x86{newFn(r.name+"F32AVX512Loop", r.doc+"\nover n floats, in float64.", r.params+", n int")}
	f.result = true
	f.load("x", "SI")
	if strings.Contains(r.params, "y ") {
		f.load("y", "DI")
	}
	f.load("n", "CX")
	f.op("XORL AX, AX")
	f.zero(4)
	f.repeat("wide", "narrow", 32, func() {
		for i := range 4 {
			r.step512(f, i, false)
		}
	})
	f.repeat("eight", "some", 8, func() { r.step512(f, 0, false) })
	f.rest(func() { r.step512(f, 0, true) })
	for _, pair := range [][2]int{{1, 0}, {3, 2}, {2, 0}} {
		f.op("VADDPD Z%d, Z%d, Z%d", pair[0], pair[1], pair[1])
	}
	f.op("VEXTRACTF64X4 $1, Z0, Y1")
	f.op("VADDPD Y1, Y0, Y0")
	f.op("VEXTRACTF128 $1, Y0, X1")
	f.op("VADDPD X1, X0, X0")
	f.op("VUNPCKHPD X0, X0, X1")
	f.op("VADDSD X1, X0, X0")
	f.op("VMOVSD X0, %s", f.fn.ret())
	f.ret()
	return f.fn
}

// step512 adds eight floats to accumulator i.
func (r reduction) step512(f x86, i int, masked bool) {
	sum, x, y := zmm(i), zmm(4+i), zmm(8+i)
	load := func(ptr, d string) {
		z, mask := "", ""
		if masked {
			z, mask = ".Z", "K1, "
		}
		f.op("VCVTPS2PD%s %d(%s)(AX*4), %s%s", z, 32*i, ptr, mask, d)
	}
	load("SI", x)
	switch r.name {
	case "sum":
		f.op("VADDPD %s, %s, %s", x, sum, sum)
	case "sumSq":
		f.op("VFMADD231PD %s, %s, %s", x, x, sum)
	case "dot":
		load("DI", y)
		f.op("VFMADD231PD %s, %s, %s", x, y, sum)
	}
}
