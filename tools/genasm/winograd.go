package main

import (
	"fmt"
	"strings"
)

// transform is y = L·x·Lᵀ for a small matrix L: a transform of Winograd's minimal filtering, the
// same for both instruction sets. It runs down the columns of x and then, from the stack, along
// the rows.
type transform struct {
	name, doc  string
	rows, cols int       // of L
	consts     []float64 // numbers that stay in registers
	// apply is L on registers 0..cols-1; k are the registers of consts. It may use registers up
	// to 9 and returns those of the results.
	apply func(v arithmetic, k []int) []int
}

// arithmetic is the part of vec that a linear map needs.
type arithmetic interface {
	add(d, a, b int)
	sub(d, a, b int)
	mul(d, a, b int)
	fma(d, a, b int)  // d += a·b
	fnma(d, a, b int) // d -= a·b
}

const transformParams = "y *float32, yr int, yc int, x *float32, xr int, xc int, blocks int"

// transforms are those of F(4×4, 3×3) with the points 0, 1, -1, ½, -2 and ∞: matrices and
// notation as in package kernels. What two rows of a matrix have in common is computed once.
var transforms = []transform{
	{name: "winogradData", doc: "y = Bᵀ·x·B", rows: 6, cols: 6, consts: []float64{1.5, 0.5}, apply: func(v arithmetic, k []int) []int {
		v.sub(6, 3, 1)
		v.sub(7, 4, 2)
		v.add(8, 2, 3)
		v.sub(9, 3, 2)
		v.add(0, 0, 7) // x0 + x4 - 2·x2 + 1.5·(x3-x1)
		v.sub(0, 0, 2)
		v.fma(0, 6, k[0])
		v.sub(5, 5, 6) // x1 + x5 - 2·x3 + 1.5·(x4-x2)
		v.sub(5, 5, 3)
		v.fma(5, 7, k[0])
		v.add(1, 7, 6) // x4 + x3 - x2 - x1 + 1.5·(x2+x3)
		v.fma(1, 8, k[0])
		v.sub(2, 7, 6) // x4 - x3 - x2 + x1 + 1.5·(x3-x2)
		v.fma(2, 9, k[0])
		v.add(3, 6, 6) // x4 - x2 + 2·(x3-x1)
		v.add(3, 3, 7)
		v.fnma(7, 6, k[1]) // x4 - x2 - ½·(x3-x1)
		return []int{0, 1, 2, 3, 7, 5}
	}},
	{name: "winogradFilter", doc: "y = G·x·Gᵀ", rows: 6, cols: 3, consts: []float64{1. / 3, -16. / 15, -8. / 15, -4. / 15, 1. / 15, -2. / 15}, apply: func(v arithmetic, k []int) []int {
		v.add(3, 0, 2)
		v.mul(4, 1, k[0])
		v.mul(6, 3, k[0])
		v.add(5, 4, 6)    // (x0 + x1 + x2)/3
		v.sub(6, 4, 6)    // (x1 - x0 - x2)/3
		v.mul(7, 0, k[1]) // -16/15·(x0 + x1/2 + x2/4)
		v.fma(7, 1, k[2])
		v.fma(7, 2, k[3])
		v.mul(8, 0, k[4]) // (x0 - 2·x1 + 4·x2)/15
		v.fma(8, 1, k[5])
		v.fnma(8, 2, k[3])
		return []int{0, 5, 6, 7, 8, 2}
	}},
	{name: "winogradInverse", doc: "y = Aᵀ·x·A", rows: 4, cols: 6, consts: []float64{0.5, 2, 0.25, 4, 0.125, 8}, apply: func(v arithmetic, k []int) []int {
		v.add(6, 1, 2)
		v.sub(1, 1, 2)
		v.add(2, 3, 4)
		v.add(0, 0, 6) // x0 + x1 + x2 + x3 + x4
		v.add(0, 0, 2)
		v.add(5, 5, 1) // x1 - x2 + x3/8 - 8·x4 + x5
		v.fma(5, 3, k[4])
		v.fnma(5, 4, k[5])
		v.fma(1, 3, k[0]) // x1 - x2 + x3/2 - 2·x4
		v.fnma(1, 4, k[1])
		v.fma(6, 3, k[2]) // x1 + x2 + x3/4 + 4·x4
		v.fma(6, 4, k[3])
		return []int{0, 1, 6, 5}
	}},
	{name: "winogradInverseT", doc: "y = A·x·Aᵀ", rows: 6, cols: 4, consts: []float64{0.5, 0.25, 0.125, 4, 8}, apply: func(v arithmetic, k []int) []int {
		v.add(4, 0, 2)
		v.add(5, 1, 3)
		v.add(6, 4, 5)
		v.sub(7, 4, 5)
		v.mul(8, 1, k[0]) // x0 + x1/2 + x2/4 + x3/8
		v.add(8, 8, 0)
		v.fma(8, 2, k[1])
		v.fma(8, 3, k[2])
		v.add(9, 1, 1) // x0 - 2·x1 + 4·x2 - 8·x3
		v.sub(9, 0, 9)
		v.fma(9, 2, k[3])
		v.fnma(9, 3, k[4])
		return []int{0, 6, 7, 8, 9, 3}
	}},
	{name: "winogradFilterT", doc: "y = Gᵀ·x·G", rows: 3, cols: 6, consts: []float64{1. / 3, -16. / 15, -8. / 15, -4. / 15, 1. / 15, -2. / 15}, apply: func(v arithmetic, k []int) []int {
		v.sub(6, 1, 2)
		v.add(1, 1, 2)
		v.fma(0, 6, k[0]) // x0 + (x1-x2)/3 - 16/15·x3 + x4/15
		v.fma(0, 3, k[1])
		v.fma(0, 4, k[4])
		v.mul(1, 1, k[0]) // (x1+x2)/3 - 8/15·x3 - 2/15·x4
		v.fma(1, 3, k[2])
		v.fma(1, 4, k[5])
		v.fma(5, 6, k[0]) // (x1-x2)/3 - 4/15·x3 + 4/15·x4 + x5
		v.fma(5, 3, k[3])
		v.fnma(5, 4, k[3])
		return []int{0, 1, 5}
	}},
}

func (t transform) fn(isa string, lanes int) *fn {
	return newFn(t.name+"F32"+isa, fmt.Sprintf("%s for %d·blocks channels: element (i, j) of x begins at i*xr + j*xc, of y at i*yr + j*yc.", t.doc, lanes), transformParams)
}

// wrapper is the Go function that cuts the channels into calls. The last ones, where they do not
// fill a vector, are done again together with some of those before them. Less than a vector goes to the
// function of the set less, "" for the plain one.
func (t transform) wrapper(isa, less string, lanes int) string {
	return fmt.Sprintf(`
func %[1]s%[2]s(y []float32, yr, yc int, x []float32, xr, xc, c int) {
	if c < %[3]d {
		%[1]s%[6]s(y, yr, yc, x, xr, xc, c)
		return
	}
	checkTile(y, yr, yc, %[4]d, c)
	checkTile(x, xr, xc, %[5]d, c)
	for j := 0; j < c; {
		j = min(j, c-%[3]d)
		blocks := min((c-j)/%[3]d, tileBlocks)
		%[1]sF32%[2]s(&y[j], yr, yc, &x[j], xr, xc, blocks)
		j += %[3]d * blocks
	}
}
`, t.name, isa, lanes, t.rows, t.cols, less)
}

// transformGroup is the group of an instruction set.
func transformGroup(isa string) string {
	var list []string
	for _, t := range transforms {
		list = append(list, strings.ToUpper(t.name[:1])+t.name[1:]+": "+t.name+isa)
	}
	return fmt.Sprintf("\n// winograd%s is the group.\nfunc winograd%s() Winograd {\n\treturn Winograd{%s}\n}\n", isa, isa, strings.Join(list, ", "))
}
