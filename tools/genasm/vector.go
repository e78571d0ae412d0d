package main

import (
	"fmt"
	"slices"
	"strings"
)

// loop is an element-wise kernel, the same for both instruction sets: what it does to one
// vector. Over rows, the pointers named in rows move on by stride after each row and the others
// start again.
type loop struct {
	name, doc string
	params    string // pointers and scalars as Go declares them, without the length
	unroll    int    // vectors a turn
	rows      string // pointers that move from row to row, if the kernel has rows
	temps     int    // registers of the body, 0 is 4
	body      func(v vec)
}

// vec is one vector's worth of instructions. Registers count from 0; where d is not an input it
// may be any of the inputs.
type vec interface {
	load(d int, ptr string)
	store(s int, ptr string)
	scalar(name string) int // the register that holds a scalar parameter in every lane
	add(d, a, b int)
	sub(d, a, b int)
	mul(d, a, b int)
	div(d, a, b int)
	fma(d, a, b int)     // d += a·b
	fnma(d, a, b int)    // d -= a·b
	max(d, x, bound int) // NaN where x is
	min(d, x, bound int) // NaN where x is
	sqrt(d, a int)
	atMost(d, a, b int) // all bits of d where a <= b, none where either is NaN
	or(d, a, b int)
	without(d, a, m int) // d = a where no bit of m is set, else 0
	and(d, a, b int)
	put(d, a, m int)          // d = a where all bits of m are set; where none is d stays
	set(d int, value float32) // d = value in every lane
	addInt(d, a, b int)       // d = a + b, as 32-bit integers
	equalInt(d, a, b int)     // all bits of d where a = b as integers, else none
	shiftUp(d, a, bits int)   // d = a·2^bits, as 32-bit integers
}

// binary is y = a op b.
func binary(op func(v vec, d, a, b int)) func(v vec) {
	return func(v vec) {
		v.load(0, "a")
		v.load(1, "b")
		op(v, 0, 0, 1)
		v.store(0, "y")
	}
}

// withClipped is y = a op x, x between bounds.
func withClipped(op func(v vec, d, a, b int)) func(v vec) {
	return func(v vec) {
		v.load(0, "x")
		v.load(1, "a")
		v.max(0, 0, v.scalar("lo"))
		v.min(0, 0, v.scalar("hi"))
		op(v, 0, 1, 0)
		v.store(0, "y")
	}
}

// loops is every element-wise kernel.
var loops = []loop{
	{name: "fill", doc: "y = v", params: "y *float32, v float32", unroll: 4, body: func(v vec) { v.store(v.scalar("v"), "y") }},
	{name: "add", doc: "y = a + b", params: "y *float32, a *float32, b *float32", unroll: 4, body: binary(vec.add)},
	{name: "sub", doc: "y = a - b", params: "y *float32, a *float32, b *float32", unroll: 4, body: binary(vec.sub)},
	{name: "mul", doc: "y = a·b", params: "y *float32, a *float32, b *float32", unroll: 4, body: binary(vec.mul)},
	{name: "div", doc: "y = a / b", params: "y *float32, a *float32, b *float32", unroll: 4, body: binary(vec.div)},
	{name: "axpy", doc: "y += s·x", params: "y *float32, s float32, x *float32", unroll: 4, body: func(v vec) {
		v.load(0, "y")
		v.load(1, "x")
		v.fma(0, 1, v.scalar("s"))
		v.store(0, "y")
	}},
	{name: "scale", doc: "y = s·x", params: "y *float32, s float32, x *float32", unroll: 4, body: func(v vec) {
		v.load(0, "x")
		v.mul(0, 0, v.scalar("s"))
		v.store(0, "y")
	}},
	{name: "mulAdd", doc: "y += a·b", params: "y *float32, a *float32, b *float32", unroll: 4, body: func(v vec) {
		v.load(0, "y")
		v.load(1, "a")
		v.load(2, "b")
		v.fma(0, 1, 2)
		v.store(0, "y")
	}},
	{name: "clip", doc: "y = min(max(x, lo), hi), NaN where x is NaN", params: "y *float32, x *float32, lo float32, hi float32", unroll: 4, body: func(v vec) {
		v.load(0, "x")
		v.max(0, 0, v.scalar("lo"))
		v.min(0, 0, v.scalar("hi"))
		v.store(0, "y")
	}},
	{name: "clipGrad", doc: "dx = 0 where x <= lo or x >= hi, else dy", params: "dx *float32, dy *float32, x *float32, lo float32, hi float32", unroll: 4, body: func(v vec) {
		v.load(0, "x")
		v.load(1, "dy")
		v.atMost(2, 0, v.scalar("lo"))
		v.atMost(0, v.scalar("hi"), 0)
		v.or(0, 0, 2)
		v.without(0, 1, 0)
		v.store(0, "dx")
	}},
	{name: "mulClip", doc: "y = a·min(max(x, lo), hi), NaN where x is NaN", params: "y *float32, a *float32, x *float32, lo float32, hi float32", unroll: 4, body: withClipped(vec.mul)},
	{name: "divClip", doc: "y = a/min(max(x, lo), hi), NaN where x is NaN", params: "y *float32, a *float32, x *float32, lo float32, hi float32", unroll: 4, body: withClipped(vec.div)},
	{name: "abs", doc: "y = |x|", params: "y *float32, x *float32", unroll: 4, body: func(v vec) {
		v.load(0, "x")
		v.set(1, 0)
		v.sub(1, 1, 0)
		v.max(0, 0, 1)
		v.store(0, "y")
	}},
	{name: "mulSigned", doc: "y = a·max(x, 0) + b·min(x, 0)", params: "y *float32, a *float32, b *float32, x *float32", unroll: 4, body: func(v vec) {
		v.load(0, "x")
		v.set(1, 0)
		v.max(2, 0, 1)
		v.min(0, 0, 1)
		v.load(1, "a")
		v.mul(2, 2, 1)
		v.load(1, "b")
		v.fma(2, 0, 1)
		v.store(2, "y")
	}},
	{name: "sgd", doc: "m = momentum·m + scale·dw + decay·w; w -= lr·m", params: "w *float32, dw *float32, m *float32, lr float32, momentum float32, decay float32, scale float32", unroll: 2, body: func(v vec) {
		v.load(0, "w")
		v.load(1, "dw")
		v.load(2, "m")
		v.mul(1, 1, v.scalar("scale"))
		v.fma(1, 0, v.scalar("decay"))
		v.fma(1, 2, v.scalar("momentum"))
		v.store(1, "m")
		v.fnma(0, 1, v.scalar("lr"))
		v.store(0, "w")
	}},
	{name: "adamW", doc: "m = beta1·m + mix1·scale·dw; v = beta2·v + mix2·(scale·dw)²;\nw -= lr·(m·unbias1/(√(v·unbias2)+eps) + decay·w)",
		params: "w *float32, dw *float32, m *float32, v *float32, lr float32, beta1 float32, mix1 float32, beta2 float32, mix2 float32, " +
			"eps float32, decay float32, unbias1 float32, unbias2 float32, scale float32", unroll: 1, body: adamW},
	{name: "scaleShift", doc: "y = x·scale + shift in every row", params: "y *float32, x *float32, scale *float32, shift *float32", unroll: 4, rows: "y x", body: func(v vec) {
		v.load(0, "shift")
		v.load(1, "x")
		v.load(2, "scale")
		v.fma(0, 1, 2)
		v.store(0, "y")
	}},
	{name: "addRow", doc: "y = x + b in every row", params: "y *float32, x *float32, b *float32", unroll: 4, rows: "y x", body: func(v vec) {
		v.load(0, "x")
		v.load(1, "b")
		v.add(0, 0, 1)
		v.store(0, "y")
	}},
	{name: "mulRow", doc: "y = x·b in every row", params: "y *float32, x *float32, b *float32", unroll: 4, rows: "y x", body: func(v vec) {
		v.load(0, "x")
		v.load(1, "b")
		v.mul(0, 0, 1)
		v.store(0, "y")
	}},
	{name: "shareRow", doc: "s = r/max(s + y + shift, share·s + least) in every row", params: "s *float32, y *float32, r *float32, shift *float32, least *float32, share float32",
		unroll: 4, rows: "s y r", body: func(v vec) {
			v.load(0, "y")
			v.load(1, "shift")
			v.add(0, 0, 1)
			v.load(1, "s")
			v.add(0, 0, 1)
			v.load(2, "least")
			v.fma(2, 1, v.scalar("share"))
			v.max(0, 0, 2)
			v.load(1, "r")
			v.div(0, 1, 0)
			v.store(0, "s")
		}},
	{name: "colSum4", doc: "sum += (x0 + x1) + (x2 + x3) in every row", params: "sum *float32, x0 *float32, x1 *float32, x2 *float32, x3 *float32", unroll: 2, rows: "x0 x1 x2 x3", body: func(v vec) {
		v.load(0, "x0")
		v.load(1, "x1")
		v.load(2, "x2")
		v.load(3, "x3")
		v.add(0, 0, 1)
		v.add(2, 2, 3)
		v.load(1, "sum")
		v.add(0, 0, 2)
		v.add(0, 0, 1)
		v.store(0, "sum")
	}},
	{name: "colDot2", doc: "sum += x0·y0 + x1·y1 in every row", params: "sum *float32, x0 *float32, x1 *float32, y0 *float32, y1 *float32", unroll: 2, rows: "x0 x1 y0 y1", body: func(v vec) {
		v.load(0, "x0")
		v.load(1, "y0")
		v.load(2, "x1")
		v.load(3, "y1")
		v.mul(0, 0, 1)
		v.fma(0, 2, 3)
		v.load(1, "sum")
		v.add(0, 0, 1)
		v.store(0, "sum")
	}},
}

func adamW(v vec) {
	const g, m, u, w = 0, 1, 2, 3
	v.load(g, "dw")
	v.load(m, "m")
	v.load(u, "v")
	v.load(w, "w")
	v.mul(g, g, v.scalar("scale"))
	v.mul(m, m, v.scalar("beta1"))
	v.fma(m, g, v.scalar("mix1"))
	v.store(m, "m")
	v.mul(g, g, g)
	v.mul(u, u, v.scalar("beta2"))
	v.fma(u, g, v.scalar("mix2"))
	v.store(u, "v")
	v.mul(u, u, v.scalar("unbias2"))
	v.sqrt(u, u)
	v.add(u, u, v.scalar("eps"))
	v.mul(m, m, v.scalar("unbias1"))
	v.div(m, m, u)
	v.fma(m, w, v.scalar("decay"))
	v.fnma(w, m, v.scalar("lr"))
	v.store(w, "w")
}

// defaultTemps is the number of registers that most bodies use beside the scalars.
const defaultTemps = 4

// registers is the number of registers that the body uses beside the scalars.
func (l loop) registers() int {
	if l.temps == 0 {
		return defaultTemps
	}
	return l.temps
}

// fn declares the assembly function of a loop.
func (l loop) fn(isa string) *fn {
	doc, list := l.doc+"\nfor n floats.", l.params+", n int"
	if l.rows != "" {
		doc = l.doc + ",\nn floats a row, stride floats from row to row of " + strings.ReplaceAll(l.rows, " ", ", ") + "."
		list += ", rows int, stride int"
	}
	return newFn(l.name+"F32"+isa+"Loop", doc, list)
}

// bytes reports that a pointer moves on by a byte an element, not by four.
func (l loop) bytes(ptr string) bool {
	return slices.ContainsFunc(params(l.params), func(p param) bool { return p.name == ptr && (p.typ == "*uint8" || p.typ == "*int8") })
}

// pointers and scalars are the parameters by their kind.
func (l loop) pointers() []string { return l.of(true) }
func (l loop) scalars() []string  { return l.of(false) }

func (l loop) of(pointers bool) (names []string) {
	for _, p := range params(l.params) {
		if strings.HasPrefix(p.typ, "*") == pointers {
			names = append(names, p.name)
		}
	}
	return names
}

// wrapper is the Go function around a loop without rows: slices, and calls of bounded length.
func (l loop) wrapper(isa string) string {
	if l.rows != "" {
		return ""
	}
	var list, args, others []string
	first := l.pointers()[0]
	for _, p := range params(l.params) {
		if !strings.HasPrefix(p.typ, "*") {
			list, args = append(list, p.name+" "+p.typ), append(args, p.name)
			continue
		}
		list, args = append(list, p.name+" []"+p.typ[1:]), append(args, "&"+p.name+"[i]")
		if p.name != first {
			others = append(others, p.name)
		}
	}
	s := fmt.Sprintf("\n// %s%s is %s.\nfunc %s%s(%s) {\n", l.name, isa, strings.ReplaceAll(l.doc, "\n", "\n// "), l.name, isa, strings.Join(list, ", "))
	for _, o := range others {
		s += fmt.Sprintf("\t%s = %s[:len(%s)]\n", o, o, first)
	}
	return s + fmt.Sprintf("\tfor i := 0; i < len(%s); i += loopFloats {\n\t\t%s(%s, min(loopFloats, len(%s)-i))\n\t}\n}\n",
		first, l.fn(isa).name, strings.Join(args, ", "), first)
}
