package camera

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/secateur/secateur/device/clock"
)

// A stream of frames is what a recording holds and what a helper program of any language writes to
// its standard output. Each frame is a head of 64 bytes, numbers little-endian, and its bytes:
//
//	 0  "scf1"
//	 4  flags  u32: 1 damaged, 2 reopened before it, 4 full range, 8 BT.709
//	 8  pixel format, four characters
//	12  width, height, stride  u32 each; stride is of the first plane, 0 if lines are not padded
//	24  length of what follows  u32
//	28  unused  u32
//	32  sequence  u64
//	40  lost  u64
//	48  time since boot  i64 nanoseconds
//	56  unused  u64
const (
	streamMagic = "scf1"
	headBytes   = 64
	maxBytes    = 256 << 20
)

const (
	flagDamaged = 1 << iota
	flagReopened
	flagFull
	flagBT709
)

// Recorder writes frames to a stream.
type Recorder struct{ w io.Writer }

// NewRecorder writes to w.
func NewRecorder(w io.Writer) *Recorder { return &Recorder{w} }

// Write appends a frame.
func (r *Recorder) Write(f *Frame) error {
	if err := f.Format.check(); err != nil {
		return err
	}
	var head [headBytes]byte
	le := binary.LittleEndian
	n := 0
	for _, p := range f.Planes {
		n += len(p.Pix)
	}
	if n > maxBytes {
		return fmt.Errorf("record a frame of %d bytes, want at most %d", n, maxBytes)
	}
	copy(head[0:], streamMagic)
	le.PutUint32(head[4:], f.flags())
	copy(head[8:12], f.Pixel)
	le.PutUint32(head[12:], uint32(f.Width))
	le.PutUint32(head[16:], uint32(f.Height))
	if len(f.Planes) > 0 {
		le.PutUint32(head[20:], uint32(f.Planes[0].Stride))
	}
	le.PutUint32(head[24:], uint32(n))
	le.PutUint64(head[32:], f.Sequence)
	le.PutUint64(head[40:], f.Lost)
	le.PutUint64(head[48:], uint64(f.Time))
	if _, err := r.w.Write(head[:]); err != nil {
		return fmt.Errorf("record a frame: %w", err)
	}
	for _, p := range f.Planes {
		if _, err := r.w.Write(p.Pix); err != nil {
			return fmt.Errorf("record a frame: %w", err)
		}
	}
	return nil
}

func (f *Frame) flags() (flags uint32) {
	for bit, set := range map[uint32]bool{flagDamaged: f.Damaged, flagReopened: f.Reopened, flagFull: f.Full, flagBT709: f.BT709} {
		if set {
			flags |= bit
		}
	}
	return flags
}

// Player reads a stream of frames, as a Source.
type Player struct {
	r    *bufio.Reader
	from io.Closer
	buf  bytes.Buffer
	pace bool // give frames at the pace of their times
	zero time.Duration
}

// NewPlayer reads from r and closes it in the end.
func NewPlayer(r io.ReadCloser) *Player { return &Player{r: bufio.NewReaderSize(r, 1<<16), from: r} }

// Close closes the stream.
func (p *Player) Close() error { return p.from.Close() }

// Next reads a frame. A stream that ends inside one, or is none, is an error that is not io.EOF.
func (p *Player) Next(ctx context.Context, f *Frame) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var head [headBytes]byte
	if _, err := io.ReadFull(p.r, head[:]); err == io.EOF {
		return io.EOF
	} else if err != nil {
		return fmt.Errorf("read a frame's head: %w", err)
	}
	n, stride, err := f.parse(head[:])
	if err != nil {
		return err
	}
	p.buf.Reset()
	// Memory grows with what arrives, not with what the head promises.
	if _, err := io.CopyN(&p.buf, p.r, int64(n)); err != nil {
		return fmt.Errorf("read a frame of %d bytes: %w", n, noEOF(err))
	}
	f.setPlanes(p.buf.Bytes(), stride)
	if f.Pixel != MJPEG && f.check() != nil {
		f.Damaged = true
	}
	return p.wait(ctx, f.Time)
}

// wait keeps the pace of a recording.
func (p *Player) wait(ctx context.Context, t time.Duration) error {
	if !p.pace {
		return nil
	}
	now := clock.Now()
	if p.zero == 0 {
		p.zero = now - t
	}
	return clock.Sleep(ctx, t+p.zero-now)
}

// parse fills f from a head.
func (f *Frame) parse(head []byte) (length, stride int, err error) {
	le := binary.LittleEndian
	if string(head[:4]) != streamMagic {
		return 0, 0, fmt.Errorf("not a stream of frames: begins with %q, want %q", head[:4], streamMagic)
	}
	flags := le.Uint32(head[4:])
	f.Format = Format{
		Pixel: Pixel(head[8:12]), Width: int(le.Uint32(head[12:])), Height: int(le.Uint32(head[16:])),
		Full: flags&flagFull != 0, BT709: flags&flagBT709 != 0,
	}
	f.Damaged, f.Reopened = flags&flagDamaged != 0, flags&flagReopened != 0
	f.Sequence, f.Lost, f.Time = le.Uint64(head[32:]), le.Uint64(head[40:]), time.Duration(le.Uint64(head[48:]))
	if err := f.Format.check(); err != nil {
		return 0, 0, fmt.Errorf("stream of frames: %w", err)
	}
	length, stride = int(le.Uint32(head[24:])), int(le.Uint32(head[20:]))
	if length < 1 || length > maxBytes || stride > 1<<20 {
		return 0, 0, fmt.Errorf("stream of frames: %v of %d bytes, %d a line, want 1 to %d", f.Format, length, stride, maxBytes)
	}
	return length, stride, nil
}

// noEOF tells an end inside something from an end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
