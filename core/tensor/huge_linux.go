package tensor

import (
	"syscall"
	"unsafe"
)

// huge asks for huge pages behind a buffer that begins with one: a step uses all of it, and on small pages
// prefetching ends at each of them. A copy of 32 MB on a Zen 3 with one thread moves 22 GB/s instead
// of 16. Where the system does not have them the buffer stays as it is.
func huge(buf []float32) {
	b := unsafe.Slice((*byte)(unsafe.Pointer(&buf[0])), 4*len(buf))
	_ = syscall.Madvise(b[:len(b)&^(hugePage-1)], syscall.MADV_HUGEPAGE)
}
