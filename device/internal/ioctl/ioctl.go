// Package ioctl makes ioctl system calls on typed arguments.
package ioctl

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Request numbers carry a direction, the size of the argument, a type and a number
// (include/uapi/asm-generic/ioctl.h, which amd64 and arm64 share).
const (
	write     = 1
	read      = 2
	sizeShift = 16
	typeShift = 8
	dirShift  = 30
)

// R is the number of a request that fills a T.
func R[T any](kind, nr uint) uint { return number[T](read, kind, nr) }

// W is the number of a request that reads a T.
func W[T any](kind, nr uint) uint { return number[T](write, kind, nr) }

// WR is the number of a request that reads a T and changes it.
func WR[T any](kind, nr uint) uint { return number[T](read|write, kind, nr) }

func number[T any](dir, kind, nr uint) uint {
	var t T
	return dir<<dirShift | uint(unsafe.Sizeof(t))<<sizeShift | kind<<typeShift | nr
}

// Do makes a request and makes it again when a signal interrupts it. The address is taken inside
// the call's argument list, so that the kernel never sees memory that the runtime has moved
// (rule 4 of package unsafe). The error is a unix.Errno.
func Do[T any](fd uintptr, request uint, arg *T) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, uintptr(request), uintptr(unsafe.Pointer(arg)))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}
