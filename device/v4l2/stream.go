package v4l2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/secateur/secateur/device/internal/ioctl"
	"golang.org/x/sys/unix"
)

// buffersWanted is how many frames may wait. Four let a reader be late by three frames.
const buffersWanted = 4

// queue is the buffers of a stream.
type queue struct {
	maps [][][]byte // buffer, plane
	on   bool
}

// Frame is what a buffer held.
type Frame struct {
	Planes   [][]byte      // memory of the caller's, reused from call to call
	Sequence uint32        // counted by the driver: a gap is frames that were lost
	Time     time.Duration // since boot, CLOCK_MONOTONIC; 0 if the driver uses another clock
	Damaged  bool          // the driver says that data is missing or wrong
}

// Start maps buffers and starts the stream.
func (d *Device) Start() error {
	if d.queue.on {
		return nil
	}
	if len(d.format.Planes) == 0 {
		return fmt.Errorf("%s: the stream has no format yet", d.path)
	}
	r := requestBuffers{count: buffersWanted, kind: d.kind, memory: memoryMmap}
	if err := do(d, "request buffers", reqReqBufs, &r); err != nil {
		return err
	}
	if err := d.fill(int(r.count)); err != nil {
		d.release()
		return err
	}
	kind := int32(d.kind)
	if err := do(d, "start streaming", reqStreamOn, &kind); err != nil {
		d.release()
		return err
	}
	d.queue.on = true
	return nil
}

// fill maps n buffers and queues them.
func (d *Device) fill(n int) error {
	if n < 1 || n > 64 {
		return fmt.Errorf("%s: the driver gives %d buffers, want 1 to 64", d.path, n)
	}
	for i := range n {
		planes, err := d.query(i)
		if err != nil {
			return err
		}
		maps, err := d.mapPlanes(planes)
		d.queue.maps = append(d.queue.maps, maps)
		if err != nil {
			return err
		}
		if err := d.enqueue(i); err != nil {
			return err
		}
	}
	return nil
}

// query says where the planes of buffer i are.
func (d *Device) query(i int) ([]plane, error) {
	head := bufferHead{index: uint32(i), kind: d.kind, memory: memoryMmap}
	if !d.MultiPlanar() {
		b := buffer{bufferHead: head}
		err := do(d, "query a buffer", reqQueryBuf, &b)
		return []plane{{length: b.length, offset: b.offset}}, err
	}
	planes := new([maxPlanes]plane)
	b := bufferMPlane{bufferHead: head, planes: planes, length: maxPlanes}
	err := do(d, "query a buffer", reqQueryBuf, &b)
	return planes[:min(int(b.length), maxPlanes)], err
}

func (d *Device) mapPlanes(planes []plane) ([][]byte, error) {
	var maps [][]byte
	if len(planes) != len(d.format.Planes) {
		return nil, fmt.Errorf("%s: a buffer has %d planes, want %d as the format %v", d.path, len(planes), len(d.format.Planes), d.format.Pixel)
	}
	for i, p := range planes {
		if p.length < 1 || p.length > uint32(maxFrame) {
			return maps, fmt.Errorf("%s: plane %d of a buffer has %d bytes, want 1 to %d", d.path, i, p.length, maxFrame)
		}
		m, err := unix.Mmap(d.fd, int64(p.offset), int(p.length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return maps, d.fail("map a buffer", err)
		}
		maps = append(maps, m)
	}
	return maps, nil
}

// enqueue gives buffer i to the driver.
func (d *Device) enqueue(i int) error {
	head := bufferHead{index: uint32(i), kind: d.kind, memory: memoryMmap}
	if !d.MultiPlanar() {
		b := buffer{bufferHead: head}
		return do(d, "queue a buffer", reqQBuf, &b)
	}
	b := bufferMPlane{bufferHead: head, planes: new([maxPlanes]plane), length: uint32(len(d.format.Planes))}
	return do(d, "queue a buffer", reqQBuf, &b)
}

// Stop ends the stream and unmaps its buffers.
func (d *Device) Stop() {
	if d.queue.on {
		kind := int32(d.kind)
		_ = do(d, "stop streaming", reqStreamOff, &kind) // an unplugged device cannot
		d.queue.on = false
	}
	d.release()
}

func (d *Device) release() {
	for _, maps := range d.queue.maps {
		for _, m := range maps {
			_ = unix.Munmap(m)
		}
	}
	d.queue.maps = nil
	r := requestBuffers{kind: d.kind, memory: memoryMmap}
	_ = do(d, "free buffers", reqReqBufs, &r)
}

// Next waits for a frame and copies it into f. It returns os.ErrDeadlineExceeded when none came
// within the limit, ErrGone when the device was unplugged, and ctx's error when that ends.
func (d *Device) Next(ctx context.Context, f *Frame, limit time.Duration) error {
	if !d.queue.on {
		return fmt.Errorf("%s: wait for a frame before the stream is started", d.path)
	}
	stop := context.AfterFunc(ctx, func() { _, _ = unix.Write(d.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) })
	defer stop()
	var head bufferHead
	var used [maxPlanes]plane
	for end := time.Now().Add(limit); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := d.take(&head, &used)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EAGAIN) {
			return d.fail("take a frame", err)
		}
		left := time.Until(end)
		if left <= 0 {
			return fmt.Errorf("%s: no frame within %v: %w", d.path, limit, os.ErrDeadlineExceeded)
		}
		if err := d.poll(min(left, recheck)); err != nil {
			return d.fail("wait for a frame", err)
		}
	}
	if err := d.copyOut(f, &head, &used); err != nil {
		return err
	}
	return d.enqueue(int(head.index))
}

// recheck is how long Next trusts poll before it asks the driver itself.
const recheck = time.Second

// poll waits until the driver has a frame or an error, somebody writes to wake, or the time is over.
func (d *Device) poll(t time.Duration) error {
	fds := []unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLIN}, {Fd: int32(d.wake), Events: unix.POLLIN}}
	_, err := unix.Poll(fds, int(t.Milliseconds())+1)
	if fds[1].Revents != 0 {
		var count [8]byte
		_, _ = unix.Read(d.wake, count[:])
	}
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	return err
}

// take asks the driver for a filled buffer; EAGAIN is none yet.
func (d *Device) take(head *bufferHead, used *[maxPlanes]plane) error {
	want := bufferHead{kind: d.kind, memory: memoryMmap}
	if !d.MultiPlanar() {
		b := buffer{bufferHead: want}
		err := ioctl.Do(uintptr(d.fd), reqDQBuf, &b)
		*head, used[0] = b.bufferHead, plane{bytesUsed: b.bytesUsed}
		return err
	}
	planes := new([maxPlanes]plane)
	b := bufferMPlane{bufferHead: want, planes: planes, length: maxPlanes}
	err := ioctl.Do(uintptr(d.fd), reqDQBuf, &b)
	*head, *used = b.bufferHead, *planes
	return err
}

// copyOut fills f from the buffer that head describes. Sizes come from the driver: none is used
// that the mapping does not have.
func (d *Device) copyOut(f *Frame, head *bufferHead, used *[maxPlanes]plane) error {
	if int(head.index) >= len(d.queue.maps) {
		return fmt.Errorf("%s: the driver returns buffer %d of %d", d.path, head.index, len(d.queue.maps))
	}
	maps := d.queue.maps[head.index]
	for len(f.Planes) < len(maps) {
		f.Planes = append(f.Planes, nil)
	}
	f.Planes = f.Planes[:len(maps)]
	f.Damaged = head.flags&bufferError != 0
	for i, m := range maps {
		part, whole := inside(m, used[i])
		f.Planes[i] = append(f.Planes[i][:0], part...)
		f.Damaged = f.Damaged || !whole
	}
	f.Sequence, f.Time = head.sequence, 0
	if head.flags&timestampMask == timestampMonoton {
		f.Time = time.Duration(head.seconds)*time.Second + time.Duration(head.micros)*time.Microsecond
	}
	return nil
}

// inside is the part of a mapping that the driver says it has used, and whether it lies in it.
func inside(m []byte, p plane) (part []byte, whole bool) {
	from, to := uint64(p.dataOffset), uint64(p.bytesUsed)
	if from > to || to > uint64(len(m)) {
		return nil, false
	}
	return m[from:to], true
}
