// Package camera gives frames: from the kernel's video devices, from child processes, from folders,
// files and recordings, and from MJPEG over HTTP, all behind one interface. A frame is bytes with a
// format, a number and a time; Converter makes a picture of it.
package camera

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrMissing is a camera that is not there, or a program that would read it.
var ErrMissing = errors.New("no such camera")

// ErrDamaged is a frame whose bytes are fewer than its format says, or no picture.
var ErrDamaged = errors.New("damaged frame")

// Source gives frames in order. It is for one goroutine at a time.
type Source interface {
	// Next waits for a frame and fills f, reusing f's memory. It returns io.EOF when a source
	// that has an end is there, and ctx's error when that ends. A frame that the source knows to
	// be incomplete is no error: it has Damaged set.
	Next(ctx context.Context, f *Frame) error
	// Close gives the camera back.
	Close() error
}

// Frame is one picture as it came.
type Frame struct {
	Format
	Planes   []Plane       // as Pixel.Planes says; one of bytes for compressed pictures
	Sequence uint64        // counts the camera's frames
	Lost     uint64        // frames between the one before and this that nobody saw
	Time     time.Duration // since boot, CLOCK_MONOTONIC, at the end of the exposure or on arrival
	Damaged  bool          // the camera says that data is missing or wrong
	Reopened bool          // the source was lost before it: how many frames went with it is not known
}

// Plane is the lines of one component, or of several that lie together.
type Plane struct {
	Pix    []byte
	Stride int // bytes from line to line
}

// Format is how the pixels of a frame are stored.
type Format struct {
	Pixel         Pixel
	Width, Height int
	Full          bool // Y, Cb, Cr use 0 to 255, as in JPEG; otherwise 16 to 235 and 16 to 240
	BT709         bool // Y, Cb, Cr are those of BT.709; otherwise of BT.601
}

func (f Format) String() string { return fmt.Sprintf("%s %d×%d", f.Pixel, f.Width, f.Height) }

// maxSide and maxPixels bound what a source may claim to be.
const (
	maxSide   = 1 << 15
	maxPixels = 64 << 20
)

// check refuses formats that no picture can be made of.
func (f Format) check() error {
	if f.Width < 1 || f.Height < 1 || f.Width > maxSide || f.Height > maxSide || f.Width*f.Height > maxPixels {
		return fmt.Errorf("frame of %d×%d pixels, want 1 to %d in all", f.Width, f.Height, maxPixels)
	}
	if f.Pixel.Planes() == nil {
		return fmt.Errorf("frame of pixels %q, want one of %v", f.Pixel, Pixels())
	}
	return nil
}

// check refuses a frame whose planes do not hold its format.
func (f *Frame) check() error {
	if err := f.Format.check(); err != nil {
		return err
	}
	shapes := f.Pixel.Planes()
	if len(f.Planes) != len(shapes) {
		return fmt.Errorf("%w: %v in %d planes, want %d", ErrDamaged, f.Format, len(f.Planes), len(shapes))
	}
	for i, s := range shapes {
		p, row, lines := f.Planes[i], s.Row(f.Width), s.Lines(f.Height)
		if s.Compressed() {
			continue
		}
		if p.Stride < row || p.Stride > 1<<20 || len(p.Pix) < p.Stride*(lines-1)+row {
			return fmt.Errorf("%w: %v, plane %d has %d bytes, %d a line; want %d lines of %d", ErrDamaged, f.Format, i, len(p.Pix), p.Stride, lines, row)
		}
	}
	return nil
}

// setPlanes cuts buf, which holds all planes one after the other, into f.Planes. stride is that of
// the first plane, 0 where lines are not padded; the others follow it in proportion. What buf does
// not hold is missing from the last planes.
func (f *Frame) setPlanes(buf []byte, stride int) {
	f.Planes = f.Planes[:0]
	first := 0
	for i, s := range f.Pixel.Planes() {
		row := s.Row(f.Width)
		if i == 0 {
			first = max(row, 1)
		}
		step := row
		if stride > 0 && !s.Compressed() {
			step = stride * row / first
		}
		n := min(step*s.Lines(f.Height), len(buf))
		if s.Compressed() {
			n = len(buf)
		}
		f.Planes = append(f.Planes, Plane{buf[:n:n], step})
		buf = buf[n:]
	}
}

// bytes is how many bytes a frame has whose lines are padded to stride, 0 for compressed ones.
func (f Format) bytes(stride int) int {
	n, first := 0, 0
	for i, s := range f.Pixel.Planes() {
		row := s.Row(f.Width)
		if i == 0 {
			first = max(row, 1)
		}
		if stride > 0 {
			row = stride * row / first
		}
		n += row * s.Lines(f.Height)
	}
	return n
}
