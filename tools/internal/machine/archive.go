// Package machine boots a Linux kernel with nothing but our programs in its initial RAM file system
// and follows its console: what the emulators of tools/bochs and tools/vm have in common.
package machine

import (
	"fmt"
	"io"
)

// Archive is a cpio archive being written, for an initial RAM file system. Format: "initramfs buffer
// format" of the kernel's documentation.
type Archive struct {
	w   io.Writer
	ino int
	err error
}

// NewArchive writes to w.
func NewArchive(w io.Writer) *Archive { return &Archive{w: w} }

// Base adds folders, and the devices that the first process needs.
func (a *Archive) Base(dirs ...string) {
	for _, d := range dirs {
		a.add(d, 0o040755, 0, 0, nil)
	}
	a.add("dev/console", 0o020600, 5, 1, nil)
	a.add("dev/null", 0o020666, 1, 3, nil)
}

// File adds a file that can be run.
func (a *Archive) File(name string, data []byte) { a.add(name, 0o100755, 0, 0, data) }

// Close ends the archive. It returns the first error of all.
func (a *Archive) Close() error {
	a.add("TRAILER!!!", 0, 0, 0, nil)
	return a.err
}

// add writes one entry; major and minor are the number of a device.
func (a *Archive) add(name string, mode, major, minor int, data []byte) {
	a.ino++
	head := "070701"
	for _, v := range []int{a.ino, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name) + 1, 0} {
		head += fmt.Sprintf("%08x", v)
	}
	a.write([]byte(head + name + "\x00"))
	a.write(data)
}

// write pads what it writes to a multiple of four bytes.
func (a *Archive) write(data []byte) {
	if a.err == nil {
		_, a.err = a.w.Write(append(data, make([]byte, -len(data)&3)...))
	}
}
