package main

import (
	"fmt"
	"strings"
)

// norm is a kernel over rows × channels: a loop whose first pointers may be sums down the columns.
type norm struct {
	loop
	sums int // pointers that are sums
}

// norms are the kernels of batch normalization and of the activation behind it. Each of them works
// out z = (x-mean)·scale + beta anew rather than reading it.
var norms = []norm{
	{loop: loop{name: "normalize", doc: "y = min(max((x-mean)·scale + beta, lo), hi)",
		params: "y *float32, x *float32, mean *float32, scale *float32, beta *float32, lo float32, hi float32", unroll: 2, rows: "y x",
		body: func(v vec) {
			normalized(v)
			v.max(1, 1, v.scalar("lo"))
			v.min(1, 1, v.scalar("hi"))
			v.store(1, "y")
		}}},
	{loop: loop{name: "normalizeAdd", doc: "y = min(max((x-mean)·scale + beta + r, lo), hi)",
		params: "y *float32, x *float32, r *float32, mean *float32, scale *float32, beta *float32, lo float32, hi float32", unroll: 2, rows: "y x r",
		body: func(v vec) {
			normalized(v)
			v.load(2, "r")
			v.add(1, 1, 2)
			v.max(1, 1, v.scalar("lo"))
			v.min(1, 1, v.scalar("hi"))
			v.store(1, "y")
		}}},
	{loop: loop{name: "normalizeGrad", doc: "dz = dy where lo < z < hi, else 0; dx = dz·scale + (x-mean)·slope + shift",
		params: "dx *float32, dy *float32, x *float32, mean *float32, scale *float32, beta *float32, slope *float32, shift *float32, lo float32, hi float32",
		unroll: 2, rows: "dx dy x", body: func(v vec) {
			masked(v)
			v.load(2, "scale")
			v.load(3, "shift")
			v.fma(3, 1, 2)
			v.load(2, "slope")
			v.fma(3, 0, 2)
			v.store(3, "dx")
		}}},
	{sums: 2, loop: loop{name: "normalizeSums", doc: "dz = dy where lo < z < hi, else 0; dbeta += dz; dgamma += dz·(x-mean)",
		params: "dbeta *float32, dgamma *float32, dy *float32, x *float32, mean *float32, scale *float32, beta *float32, lo float32, hi float32",
		unroll: 2, rows: "dy x", body: func(v vec) {
			masked(v)
			v.load(2, "dgamma")
			v.fma(2, 0, 1)
			v.store(2, "dgamma")
			v.load(3, "dbeta")
			v.add(3, 3, 1)
			v.store(3, "dbeta")
		}}},
	{sums: 2, loop: loop{name: "colMoments", doc: "sum += x-about; sq += (x-about)²",
		params: "sum *float32, sq *float32, x *float32, about *float32", unroll: 2, rows: "x", body: func(v vec) {
			v.load(0, "x")
			v.load(1, "about")
			v.sub(0, 0, 1)
			v.load(1, "sum")
			v.add(1, 1, 0)
			v.store(1, "sum")
			v.load(2, "sq")
			v.fma(2, 0, 0)
			v.store(2, "sq")
		}}},
}

// normalized leaves x-mean in register 0 and z in register 1.
func normalized(v vec) {
	v.load(0, "x")
	v.load(2, "mean")
	v.sub(0, 0, 2)
	v.load(1, "beta")
	v.load(2, "scale")
	v.fma(1, 0, 2)
}

// masked leaves x-mean in register 0 and dz in register 1.
func masked(v vec) {
	normalized(v)
	v.atMost(2, 1, v.scalar("lo"))
	v.atMost(1, v.scalar("hi"), 1)
	v.or(1, 1, 2)
	v.load(2, "dy")
	v.without(1, 2, 1)
}

// normFile is the file of these kernels for one instruction set.
func normFile(isa, about string, emit func(loop) *fn) file {
	f := file{op: "norm", about: about}
	for _, n := range norms {
		f.funcs = append(f.funcs, emit(n.loop))
		f.decls += n.wrapper(isa)
	}
	return f
}

// wrapper is the Go function around the kernel: slices, and calls of bounded length. Sums are
// made of blocks of rows, and of columns as many as fit on the stack.
func (n norm) wrapper(isa string) string {
	var list, each []string
	for _, p := range params(n.params) {
		if p.typ == "float32" {
			list = append(list, p.name+" float32")
			continue
		}
		list = append(list, p.name+" []float32")
		if !n.moves(p.name) {
			each = append(each, p.name)
		}
	}
	doc := strings.ReplaceAll(n.doc, "\n", "\n// ")
	s := fmt.Sprintf("\n// %s%s is %s,\n// over rows of as many channels as %s has.\nfunc %s%s(%s) {\n\tc := len(%s)\n\tif c == 0 {\n\t\treturn\n\t}\n",
		n.name, isa, doc, each[0], n.name, isa, strings.Join(list, ", "), each[0])
	for _, p := range n.pointers() {
		switch {
		case n.moves(p) && p != "x":
			s += fmt.Sprintf("\t%s = %s[:len(x)]\n", p, p)
		case !n.moves(p) && p != each[0]:
			s += fmt.Sprintf("\t%s = %s[:c]\n", p, p)
		}
	}
	if n.sums > 0 {
		return s + n.sumCalls(isa)
	}
	return s + fmt.Sprintf("\tfor rows, i := len(x)/c, 0; i < rows; i += callRows(c) {\n\t\t%s(%s, c, min(callRows(c), rows-i), c)\n\t}\n}\n",
		n.fn(isa).name, strings.Join(n.arguments("i*c", "0"), ", "))
}

// sumCalls is the loop over blocks of rows and columns, whose sums are added to the totals.
func (n norm) sumCalls(isa string) string {
	args := n.arguments("i*c+j", "j")
	s := "\tvar part [" + fmt.Sprint(n.sums) + "][sumCols]float32\n" +
		"\tblock := min(sumRows, callRows(min(c, sumCols)))\n" +
		"\tfor rows, i := len(x)/c, 0; i < rows; i += block {\n\t\tfor j := 0; j < c; j += sumCols {\n\t\t\tw := min(sumCols, c-j)\n"
	for k := range n.sums {
		s += fmt.Sprintf("\t\t\tclear(part[%d][:w])\n", k)
		args[k] = fmt.Sprintf("&part[%d][0]", k)
	}
	s += fmt.Sprintf("\t\t\t%s(%s, w, min(block, rows-i), c)\n", n.fn(isa).name, strings.Join(args, ", "))
	for k := range n.sums {
		p := n.pointers()[k]
		s += fmt.Sprintf("\t\t\tadd%s(%s[j:][:w], %s[j:], part[%d][:w])\n", isa, p, p, k)
	}
	return s + "\t\t}\n\t}\n}\n"
}

// arguments are the kernel's, pointers at the given places of matrices and of vectors.
func (n norm) arguments(matrix, vector string) (args []string) {
	for _, p := range params(n.params) {
		switch {
		case p.typ == "float32":
			args = append(args, p.name)
		case n.moves(p.name):
			args = append(args, fmt.Sprintf("&%s[%s]", p.name, matrix))
		default:
			args = append(args, fmt.Sprintf("&%s[%s]", p.name, vector))
		}
	}
	return args
}

// moves reports whether a pointer moves from row to row.
func (n norm) moves(pointer string) bool {
	for _, p := range strings.Fields(n.rows) {
		if p == pointer {
			return true
		}
	}
	return false
}
