package camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/secateur/secateur/device/clock"
)

// child is a program that writes frames to its standard output: raw ones of a fixed size, or a
// stream of ours. It is started without a shell, in a process group that ends with it.
type child struct {
	cmd    *exec.Cmd
	out    *os.File
	said   tail
	format Format // of raw frames
	stride int
	buf    []byte
	player *Player // of a stream
	count  uint64
	limit  time.Duration
}

// Command is a program with its arguments.
type Command []string

func startChild(s Spec, c Command) (*child, error) {
	path, err := exec.LookPath(c[0])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	ch := &child{cmd: exec.Command(path, c[1:]...), out: ours, limit: s.stallLimit()}
	ch.cmd.Stdout, ch.cmd.Stderr = theirs, &ch.said
	ch.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	ch.cmd.WaitDelay = 2 * time.Second
	if err := ch.cmd.Start(); err != nil {
		ours.Close()
		return nil, fmt.Errorf("start %s: %w", c[0], err)
	}
	if s.Raw {
		ch.format, ch.stride = Format{Pixel: s.Pixel, Width: s.Width, Height: s.Height, BT709: s.BT709, Full: s.Full}, s.Stride
		ch.buf = make([]byte, ch.format.bytes(s.Stride))
	} else {
		ch.player = NewPlayer(ours)
	}
	return ch, nil
}

func (c *child) Next(ctx context.Context, f *Frame) error {
	stop := context.AfterFunc(ctx, func() { _ = c.out.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := c.out.SetReadDeadline(time.Now().Add(c.limit)); err != nil {
		return c.fail(err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	err := c.read(ctx, f)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return c.fail(err)
}

func (c *child) read(ctx context.Context, f *Frame) error {
	if c.player != nil {
		return c.player.Next(ctx, f)
	}
	if _, err := io.ReadFull(c.out, c.buf); err != nil {
		return err
	}
	*f = Frame{Format: c.format, Planes: f.Planes, Sequence: c.count, Time: clock.Now()}
	f.setPlanes(c.buf, c.stride)
	c.count++
	return nil
}

// fail says how the child ended, and what it said last. An end is a failure: cameras have none.
func (c *child) fail(err error) error {
	if err == nil {
		return nil
	}
	name := c.cmd.Args[0]
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("%s: no frame within %v", name, c.limit)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("%s ended after %d frames", name, c.count)
	default:
		err = fmt.Errorf("%s: %w", name, err)
	}
	if s := c.said.String(); s != "" {
		err = fmt.Errorf("%w; it said: %s", err, s)
	}
	return err
}

// Close ends the child and all it started.
func (c *child) Close() error {
	c.out.Close()
	_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGTERM)
	hard := time.AfterFunc(time.Second, func() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) })
	defer hard.Stop()
	_ = c.cmd.Wait() // it was told to end: how it did says nothing
	return nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes = 512

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b[max(0, len(b)-tailBytes):]...)
	t.buf = append(t.buf[:0], t.buf[max(0, len(t.buf)-tailBytes):]...)
	return len(b), nil
}

// String is the end of the text as one line.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(bytes.TrimSpace(t.buf)), "?")), " ")
}
