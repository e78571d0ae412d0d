package tensor

import "unsafe"

// Align is the alignment of every buffer in bytes: a cache line, and the widest vector.
const Align = 64

// Floats is n zeroed floats that begin on an Align boundary, on huge pages where there are any.
func Floats(n int) []float32 {
	const lane = Align / 4
	buf := make([]float32, n+lane)
	huge(buf)
	skip := 0
	if r := uintptr(unsafe.Pointer(&buf[0])) % Align; r != 0 {
		skip = int(Align-r) / 4
	}
	return buf[skip : skip+n : skip+n]
}
