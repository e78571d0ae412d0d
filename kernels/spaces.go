//go:build !noasm && (amd64 || arm64)

package kernels

import (
	"sync"
	"unsafe"
)

// spaces are what calls of a kernel need beside their arguments, kept from call to call. A T, which has no pointers, begins with a
// line of the cache, so that no vector of it lies on two, and holds what it held: memory on the stack does neither.
type spaces[T any] struct{ free sync.Pool }

// take is one that nobody else has until it is given back.
func (s *spaces[T]) take() *T {
	if t, ok := s.free.Get().(*T); ok {
		return t
	}
	const line = 64
	var t T
	memory := make([]byte, unsafe.Sizeof(t)+line-1)
	skip := -uintptr(unsafe.Pointer(&memory[0])) % line
	return (*T)(unsafe.Pointer(&memory[skip]))
}

func (s *spaces[T]) give(t *T) { s.free.Put(t) }
