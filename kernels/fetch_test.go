//go:build linux

package kernels

import (
	"slices"
	"syscall"
	"testing"
	"unsafe"
)

// TestFetch: it changes nothing and reads nothing behind the slice, where a page may not be read.
func TestFetch(t *testing.T) {
	const pages = 17 // of 4 KiB more than one call
	size := syscall.Getpagesize()
	memory, err := syscall.Mmap(-1, 0, (pages+1)*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(memory)
	if err := syscall.Mprotect(memory[pages*size:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	x := unsafe.Slice((*float32)(unsafe.Pointer(&memory[0])), pages*size/4)
	for i := range x {
		x[i] = float32(i)
	}
	before := slices.Clone(x)
	for _, s := range Available() {
		for _, n := range []int{0, 1, 15, 16, 17, 31, 32, 33, 16 << 10, 16<<10 + 1, len(x)} {
			s.Fetch(x[len(x)-n:])
		}
		if !slices.Equal(x, before) {
			t.Errorf("%s: Fetch changed what it fetched", s.Name)
		}
	}
}
