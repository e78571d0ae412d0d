// Package v4l2 captures from the kernel's video devices: queries, formats, controls, and streaming
// over mapped buffers, single- and multi-planar. It knows the kernel's interface and bytes; package
// camera makes pictures of them. Source: https://docs.kernel.org/userspace-api/media/v4l/v4l2.html
package v4l2

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/secateur/secateur/device/internal/ioctl"
	"golang.org/x/sys/unix"
)

// ErrGone is a device that was unplugged while it was open.
var ErrGone = errors.New("the device is gone")

// Device is an open video device. It is for one goroutine at a time; a wait for a frame is ended by
// its context.
//
// Its descriptor is kept from the runtime's poller: asking a driver that knows read() whether there is
// something to read makes it take buffers for that, and refuse all formats from then on.
type Device struct {
	fd     int
	wake   int // an eventfd that ends a wait
	open   bool
	path   string
	kind   uint32 // of its buffers
	Driver string
	Card   string
	Bus    string // tells two cameras of one make apart
	queue  queue
	format Format
}

// Open opens the capture device at path. A file that is no capture device is an error.
func Open(path string) (*Device, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	d := &Device{fd: fd, wake: -1, open: true, path: path}
	if d.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err == nil {
		err = d.identify()
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Device) identify() error {
	var c capability
	if err := do(d, "query capabilities", reqQueryCap, &c); err != nil {
		return fmt.Errorf("%w: no video device", err)
	}
	caps := c.capabilities
	if caps&capDeviceCaps != 0 {
		caps = c.deviceCaps // of this node, not of all that the driver has
	}
	d.Driver, d.Card, d.Bus = text(c.driver[:]), text(c.card[:]), text(c.busInfo[:])
	switch {
	case caps&capStreaming == 0:
		return fmt.Errorf("%s (%s): it does not stream, capabilities %#x", d.path, d.Card, caps)
	case caps&capCapture != 0:
		d.kind = typeCapture
	case caps&capCaptureMPlane != 0:
		d.kind = typeCaptureMPlane
	default:
		return fmt.Errorf("%s (%s): it does not capture pictures, capabilities %#x", d.path, d.Card, caps)
	}
	return nil
}

// MultiPlanar says whether a frame may lie in several buffers.
func (d *Device) MultiPlanar() bool { return d.kind == typeCaptureMPlane }

// Close ends a stream and gives the device back. It may be called twice.
func (d *Device) Close() error {
	if !d.open {
		return nil
	}
	d.Stop()
	d.open = false
	err := unix.Close(d.fd)
	if d.wake >= 0 {
		err = errors.Join(err, unix.Close(d.wake))
	}
	return d.fail("close", err)
}

// do makes a request of the device. Errors name the device and what was asked.
func do[T any](d *Device, what string, request uint, arg *T) error {
	if !d.open {
		return d.fail(what, os.ErrClosed)
	}
	return d.fail(what, ioctl.Do(uintptr(d.fd), request, arg))
}

// fail names the device and what was asked of it; an unplugged device is ErrGone.
func (d *Device) fail(what string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("%s: %s: %w", d.path, what, ErrGone)
	}
	return fmt.Errorf("%s: %s: %w", d.path, what, err)
}

// text is a C string of at most len(b) bytes.
func text(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return strings.ToValidUTF8(s, "?")
}
