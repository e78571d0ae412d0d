package tensor

import "unsafe"

// Align is the alignment of every buffer in bytes: a cache line, and the widest vector.
const Align = 64

// hugePage is the size of a huge page of the architectures that kernels are written for.
const hugePage = 2 << 20

// Floats is n zeroed floats that begin on an Align boundary, and where they fill huge pages and the system has such on one of those.
func Floats(n int) []float32 {
	align := Align
	if 4*n >= 2*hugePage {
		align = hugePage
	}
	buf := make([]float32, n+align/4)
	skip := int(-uintptr(unsafe.Pointer(&buf[0]))%uintptr(align)) / 4
	buf = buf[skip : skip+n : skip+n]
	if align == hugePage {
		huge(buf)
	}
	return buf
}
