package main

import (
	"fmt"
	"strings"
)

const neonHeader = "neon_arm64.h"

func neon() isa {
	return isa{name: "neon", goarch: "arm64", header: neonHeader, files: []file{
		neonGEMM(neonSchedule{isa: "NEON", cores: "out-of-order", rows: 8, rowsTN: 8}),
		neonWinograd(),
		neonDepthwise(),
		neonVector(),
		finishFile("NEON", "The end of a product for NEON: the loops of vector_neon_arm64.s.", neonLoop),
		normFile("NEON", "Batch normalization for NEON: the loops of vector_neon_arm64.s.", neonLoop),
		neonPeak(),
		neonPooling(),
		activationFile("Activations for NEON.", "NEON", neonLoop),
		bytesFile("NEON", neonLoop, neonAcross()),
	}}
}

// macro is an instruction that the assembler of Go does not know, as a macro that writes its
// word. Arm Architecture Reference Manual, DDI 0487, C7.2.
type macro struct {
	name   string
	base   uint32
	fields []field
	text   string // how a disassembler writes it, {f} is field f
}

// field puts the bits from..from+width-1 of an argument at shift.
type field struct {
	arg                string
	from, width, shift int
}

// String is the field as an expression; a register number, five bits wide, needs no mask.
func (f field) String() string {
	if f.width == 5 {
		return fmt.Sprintf("(%s)<<%d", f.arg, f.shift)
	}
	return fmt.Sprintf("(((%s)>>%d)&%d)<<%d", f.arg, f.from, 1<<f.width-1, f.shift)
}

var (
	fieldsMND  = []field{{"m", 0, 5, 16}, {"n", 0, 5, 5}, {"d", 0, 5, 0}}
	fieldsND   = []field{{"n", 0, 5, 5}, {"d", 0, 5, 0}}
	fieldsIMND = []field{{"i", 0, 1, 21}, {"m", 0, 5, 16}, {"i", 1, 1, 11}, {"n", 0, 5, 5}, {"d", 0, 5, 0}}
)

// macros take their sources first and their destination last, as Go does.
var macros = []macro{
	{"FMLAE4S", 0x4F801000, fieldsIMND, "fmla v{d}.4s, v{n}.4s, v{m}.s[{i}]"},
	{"LDRQ", 0x3CE06800, fieldsMND, "ldr q{d}, [x{n}, x{m}]"},
	{"FADD4S", 0x4E20D400, fieldsMND, "fadd v{d}.4s, v{n}.4s, v{m}.4s"},
	{"FSUB4S", 0x4EA0D400, fieldsMND, "fsub v{d}.4s, v{n}.4s, v{m}.4s"},
	{"FMUL4S", 0x6E20DC00, fieldsMND, "fmul v{d}.4s, v{n}.4s, v{m}.4s"},
	{"FDIV4S", 0x6E20FC00, fieldsMND, "fdiv v{d}.4s, v{n}.4s, v{m}.4s"},
	{"FMAX4S", 0x4E20F400, fieldsMND, "fmax v{d}.4s, v{n}.4s, v{m}.4s"},
	{"FMIN4S", 0x4EA0F400, fieldsMND, "fmin v{d}.4s, v{n}.4s, v{m}.4s"},
	{"FCMGE4S", 0x6E20E400, fieldsMND, "fcmge v{d}.4s, v{n}.4s, v{m}.4s"},
	{"BIC16B", 0x4E601C00, fieldsMND, "bic v{d}.16b, v{n}.16b, v{m}.16b"},
	{"FSQRT4S", 0x6EA1F800, fieldsND, "fsqrt v{d}.4s, v{n}.4s"},
	{"FADD2D", 0x4E60D400, fieldsMND, "fadd v{d}.2d, v{n}.2d, v{m}.2d"},
	{"FADDP2D", 0x7E70D800, fieldsND, "faddp d{d}, v{n}.2d"},
	{"MUL4S", 0x4EA09C00, fieldsMND, "mul v{d}.4s, v{n}.4s, v{m}.4s"},
	{"MLA4S", 0x4EA09400, fieldsMND, "mla v{d}.4s, v{n}.4s, v{m}.4s"},
	{"SMAX4S", 0x4EA06400, fieldsMND, "smax v{d}.4s, v{n}.4s, v{m}.4s"},
	{"SMIN4S", 0x4EA06C00, fieldsMND, "smin v{d}.4s, v{n}.4s, v{m}.4s"},
	{"FCVTL", 0x0E617800, fieldsND, "fcvtl v{d}.2d, v{n}.2s"},
	{"FCVTL2", 0x4E617800, fieldsND, "fcvtl2 v{d}.2d, v{n}.4s"},
}

// args are the names of the arguments in order.
func (m macro) args() (names []string) {
	for _, f := range m.fields {
		if f.from == 0 {
			names = append(names, f.arg)
		}
	}
	return names
}

// header is the text of the macros.
func header(list []macro) string {
	s := strings.SplitAfter(generated, "\n\n")[0] + "// Instructions that the assembler of Go lacks: sources first, destination last, registers by number.\n\n"
	for _, m := range list {
		s += fmt.Sprintf("// %s\n#define %s(%s) WORD $(0x%08X", m.text, m.name, strings.Join(m.args(), ", "), m.base)
		for _, f := range m.fields {
			s += " | " + f.String()
		}
		s += ")\n"
	}
	return s
}

// arm is a function for NEON with what the kernels have in common. Registers R18 and R27 to R30
// belong to the platform, the assembler and Go; the others are free.
type arm struct{ *fn }

func newARM(name, doc, list string) arm { return arm{newFn(name, doc, list)} }

func (f arm) load(name, reg string) { f.op("MOVD %s, %s // %s", f.arg(name), reg, name) }

// loadBytes puts a length in floats into a register, in bytes.
func (f arm) loadBytes(name, reg string) {
	f.op("MOVD %s, %s", f.arg(name), reg)
	f.op("LSL $2, %s // %s, bytes", reg, name)
}

// macro writes one of the macros.
func (f arm) macro(name string, args ...int) {
	f.op("%s(%s)", name, strings.Join(strings.Fields(strings.Trim(fmt.Sprint(args), "[]")), ", "))
}

// zero clears a register.
func (f arm) zero(v int) { f.op("VEOR V%d.B16, V%d.B16, V%d.B16", v, v, v) }
