package main

import "fmt"

func avx2() isa {
	return isa{name: "avx2", goarch: "amd64", files: []file{
		avx2GEMM(),
		avx2GEMM64(),
		avx2Winograd(),
		avx2Depthwise(),
		avx2Fetch(),
		avx2Vector(),
		finishFile("AVX2", "The end of a product for AVX2: the loops of vector_avx2_amd64.s.", avx2Loop),
		normFile("AVX2", "Batch normalization for AVX2 and FMA: the loops of vector_avx2_amd64.s.", avx2Loop),
		avx2Pooling(),
		activationFile("Activations for AVX2 and FMA.", "AVX2", avx2Loop),
		bytesFile("AVX2", avx2Loop, avx2Across()),
	}}
}

// x86 is a function for AVX2 with what the kernels have in common.
type x86 struct{ *fn }

func newX86(name, doc, list string) x86 { return x86{newFn(name, doc, list)} }

// load puts a parameter into a register.
func (f x86) load(name, reg string) { f.op("MOVQ %s, %s // %s", f.arg(name), reg, name) }

// loadBytes puts a length in floats into a register, in bytes.
func (f x86) loadBytes(name, reg string) {
	f.op("MOVQ %s, %s", f.arg(name), reg)
	f.op("SHLQ $2, %s // %s, bytes", reg, name)
}

// repeat runs body while n floats are left.
func (f x86) repeat(name, after string, n int, body func()) {
	f.op("SUBQ $%d, CX", n)
	f.op("JL %s", after)
	f.label(name)
	body()
	f.op("ADDQ $%d, AX", n)
	f.op("SUBQ $%d, CX", n)
	f.op("JGE %s", name)
	f.label(after)
	if n > 1 {
		f.op("ADDQ $%d, CX", n)
	}
}

func (f x86) ret() { f.op("VZEROUPPER"); f.op("RET") }

// lines are up to eight lines of a matrix: base, base+3·ld, ld and 3·ld in bytes.
type lines struct{ base, third, ld, ld3 string }

// set computes the registers from base and ld.
func (l lines) set(f x86, n int) {
	if n > 3 {
		f.op("LEAQ (%s)(%s*2), %s", l.ld, l.ld, l.ld3)
	}
	if n > 5 {
		f.op("LEAQ (%s)(%s*1), %s", l.base, l.ld3, l.third)
	}
}

// at is the address of line i, off bytes in.
func (l lines) at(i, off int) string {
	base := fmt.Sprintf("%d(%s)", off, l.base)
	third := fmt.Sprintf("%d(%s)", off, l.third)
	return []string{
		base,
		fmt.Sprintf("%s(%s*1)", base, l.ld),
		fmt.Sprintf("%s(%s*2)", base, l.ld),
		fmt.Sprintf("%s(%s*1)", base, l.ld3),
		fmt.Sprintf("%s(%s*4)", base, l.ld),
		fmt.Sprintf("%s(%s*2)", third, l.ld),
		fmt.Sprintf("%s(%s*2)", base, l.ld3),
		fmt.Sprintf("%s(%s*4)", third, l.ld),
	}[i]
}
