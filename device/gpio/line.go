package gpio

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/gpio"
)

// Edge is a change of a line.
type Edge struct {
	Time    time.Duration `json:"time"` // since boot, CLOCK_MONOTONIC
	Stamped bool          `json:"stamped"`
	Rising  bool          `json:"rising"`
	Number  uint64        `json:"number"` // of all that the line had since it was requested, from 1
	Lost    uint64        `json:"lost"`   // edges before this one that nobody will see
}

// Edges is where edges come from. Next returns ctx's error when that ends.
type Edges interface {
	Next(ctx context.Context) (Edge, error)
}

// InputOptions are how a line is read.
type InputOptions struct {
	Pull      gpio.Pull
	Edge      gpio.Edge
	ActiveLow bool
	Debounce  time.Duration // by the kernel: edges nearer to each other are one
	Buffer    int           // edges that the kernel keeps for a late reader; 0 is 1024, its most for a line
	Consumer  string
}

const defaultBuffer = 1024

// stream is a requested line: a descriptor that events are read from.
type stream interface {
	io.ReadCloser
	SetReadDeadline(time.Time) error
}

// events are the edges of a stream, with those that the kernel dropped counted.
type events struct {
	from   stream
	buf    [32 * eventBytes]byte
	have   []byte
	number uint64 // of the newest edge given
}

// Next waits for an edge.
func (e *events) Next(ctx context.Context) (Edge, error) {
	if err := ctx.Err(); err != nil {
		return Edge{}, err
	}
	if len(e.have) < eventBytes {
		if err := e.read(ctx); err != nil {
			return Edge{}, err
		}
	}
	edge := e.decode(e.have[:eventBytes])
	e.have = e.have[eventBytes:]
	return edge, nil
}

func (e *events) read(ctx context.Context) error {
	if err := e.from.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("wait for an edge: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = e.from.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	n, err := e.from.Read(e.buf[:])
	switch {
	case ctx.Err() != nil && n == 0:
		return ctx.Err()
	case err != nil && n == 0:
		return fmt.Errorf("wait for an edge: %w", err)
	case n%eventBytes != 0:
		return fmt.Errorf("wait for an edge: the kernel gave %d bytes, want a multiple of %d", n, eventBytes)
	}
	e.have = e.buf[:n]
	return nil
}

// decode reads an event. The line's number has 32 bits: what came before is told by the newest.
func (e *events) decode(b []byte) Edge {
	le := binary.LittleEndian // as both architectures are
	step := le.Uint32(b[20:]) - uint32(e.number)
	e.number += uint64(step)
	return Edge{
		Time: time.Duration(le.Uint64(b)), Stamped: true, Rising: le.Uint32(b[8:]) == edgeRising,
		Number: e.number, Lost: uint64(step) - min(uint64(step), 1),
	}
}

// request asks for a line.
func request(l Line, config lineConfig, buffer int, consumer string) (*os.File, error) {
	chip, err := openChip(l.Path)
	if err != nil {
		return nil, err
	}
	defer chip.Close()
	r := lineRequest{config: config, numLines: 1, eventBufferSize: uint32(buffer)}
	r.offsets[0] = uint32(l.Offset)
	copy(r.consumer[:nameMax-1], consumer)
	if err := control(chip, "request "+l.String(), reqLine, &r); err != nil {
		if errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("%w: it is in use by %q", err, l.User)
		}
		return nil, err
	}
	if err := unix.SetNonblock(int(r.fd), true); err != nil {
		unix.Close(int(r.fd))
		return nil, fmt.Errorf("%v: %w", l, err)
	}
	return os.NewFile(uintptr(r.fd), l.String()), nil
}

// config is the kernel's form of the options.
func (o InputOptions) config() (lineConfig, error) {
	c := lineConfig{flags: flagInput}
	if o.ActiveLow {
		c.flags |= flagActiveLow
	}
	switch o.Pull {
	case gpio.PullUp:
		c.flags |= flagPullUp
	case gpio.PullDown:
		c.flags |= flagPullDown
	case gpio.Float:
		c.flags |= flagNoPull
	}
	switch o.Edge {
	case gpio.RisingEdge:
		c.flags |= flagRising
	case gpio.FallingEdge:
		c.flags |= flagFalling
	case gpio.BothEdges:
		c.flags |= flagRising | flagFalling
	}
	if o.Debounce < 0 || o.Debounce > time.Second {
		return c, fmt.Errorf("debounce of %v, want 0 to 1s", o.Debounce)
	}
	if us := o.Debounce.Microseconds(); us > 0 {
		c.numAttrs = 1
		c.attrs[0] = lineConfigAttribute{lineAttribute{id: attrDebounce, value: uint64(us)}, 1}
	}
	return c, nil
}
