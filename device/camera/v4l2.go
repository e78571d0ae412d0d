package camera

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/secateur/secateur/device/v4l2"
)

// codes are the kernel's names of formats where a frame lies in several buffers.
var codes = map[v4l2.FourCC]Pixel{v4l2.MakeFourCC("NM12"): NV12, v4l2.MakeFourCC("YM12"): I420}

// pixelOf is the pixel format of a kernel's code, empty for one that no picture can be made of.
func pixelOf(f v4l2.FourCC) Pixel {
	if p, ok := codes[f]; ok {
		return p
	}
	if p := Pixel(f.String()); p.Planes() != nil {
		return p
	}
	return ""
}

// preference is which format is asked for first: what becomes a network's input with the least work.
var preference = []Pixel{NV12, I420, YUYV, UYVY, MJPEG, Grey, RGB, RGGB8, GRBG8, GBRG8, BGGR8, RGGB10, GRBG10, GBRG10, BGGR10, RGGB12, GRBG12, GBRG12, BGGR12}

// usbRaw is how many pixels USB 2 carries 30 times a second as YUYV.
const usbRaw = 640 * 480

// video is a device of the kernel.
type video struct {
	dev    *v4l2.Device
	frame  v4l2.Frame
	format Format
	stride []int
	number number
	limit  time.Duration
	lock   *Lock
}

// openVideo opens a device, sets format and rate, and starts it.
func openVideo(s Spec) (*video, error) {
	d, err := openDevice(s.Path)
	if err != nil {
		return nil, err
	}
	v := &video{dev: d, limit: s.stallLimit()}
	if err := v.start(s); err != nil {
		d.Close()
		return nil, err
	}
	return v, nil
}

func openDevice(path string) (*v4l2.Device, error) {
	d, err := v4l2.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, v4l2.ErrGone) {
		err = fmt.Errorf("%w: %w", ErrMissing, err)
	}
	return d, err
}

func (v *video) start(s Spec) error {
	offered, err := v.dev.Formats()
	if err != nil {
		return err
	}
	code, err := choose(offered, s, strings.HasPrefix(v.dev.Bus, "usb"))
	if err != nil {
		return fmt.Errorf("%s (%s): %w", s.Path, v.dev.Card, err)
	}
	granted, err := v.dev.SetFormat(code, s.Width, s.Height)
	if err != nil {
		return err
	}
	if v.format, v.stride, err = formatOf(granted); err != nil {
		return fmt.Errorf("%s (%s): %w", s.Path, v.dev.Card, err)
	}
	if s.FPS > 0 {
		if _, err := v.dev.SetInterval(time.Duration(float64(time.Second) / s.FPS)); err != nil {
			return err
		}
	}
	return v.dev.Start()
}

// choose is the code to ask for.
func choose(offered []v4l2.FourCC, s Spec, usb bool) (v4l2.FourCC, error) {
	order := preference
	switch {
	case s.Pixel != "":
		order = []Pixel{s.Pixel}
	case usb && s.Width*s.Height > usbRaw:
		order = append([]Pixel{MJPEG}, preference...)
	}
	for _, p := range order {
		if i := slices.IndexFunc(offered, func(f v4l2.FourCC) bool { return pixelOf(f) == p }); i >= 0 {
			return offered[i], nil
		}
	}
	return 0, fmt.Errorf("it offers the formats %v, want one of %v", offered, order)
}

// formatOf is what a device grants, as ours.
func formatOf(g v4l2.Format) (Format, []int, error) {
	f := Format{Pixel: pixelOf(g.Pixel), Width: g.Width, Height: g.Height}
	f.BT709 = g.Encoding == v4l2.Encoding709 || g.Encoding == 0 && g.ColorSpace == v4l2.ColorSpace709
	f.Full = g.Quantization == v4l2.QuantizationFull || g.Quantization == 0 && g.ColorSpace == v4l2.ColorSpaceJPEG
	if err := f.check(); err != nil {
		return f, nil, err
	}
	if n := len(f.Pixel.Planes()); len(g.Planes) != 1 && len(g.Planes) != n {
		return f, nil, fmt.Errorf("%v in %d buffers, want 1 or %d", f, len(g.Planes), n)
	}
	var stride []int
	for _, p := range g.Planes {
		stride = append(stride, p.Stride)
	}
	return f, stride, nil
}

func (v *video) Next(ctx context.Context, f *Frame) error {
	if err := v.dev.Next(ctx, &v.frame, v.limit); err != nil {
		return err
	}
	f.Format, f.Damaged, f.Time, f.Reopened = v.format, v.frame.Damaged, v.frame.Time, false
	f.Sequence, f.Lost = v.number.next(v.frame.Sequence)
	v.planes(f)
	if f.Pixel != MJPEG && f.check() != nil {
		f.Damaged = true
	}
	return nil
}

// planes lends f the memory of v, which the next call fills again.
func (v *video) planes(f *Frame) {
	if len(v.frame.Planes) == 1 {
		f.setPlanes(v.frame.Planes[0], v.stride[0])
		return
	}
	f.Planes = f.Planes[:0]
	for i, p := range v.frame.Planes {
		f.Planes = append(f.Planes, Plane{p, v.stride[i]})
	}
}

func (v *video) Close() error { return v.dev.Close() }

// number turns a driver's 32-bit numbers into a count without end.
type number struct {
	seen bool
	last uint32
	sum  uint64
}

// next is the count of a frame and how many are missing before it. A number that goes back is a
// driver that began again.
func (n *number) next(v uint32) (count, lost uint64) {
	step := v - n.last
	if !n.seen || step == 0 || step > 1<<31 {
		step = 1
		if !n.seen {
			step = 0
		}
	}
	n.seen, n.last = true, v
	n.sum += uint64(step)
	return n.sum, uint64(step) - min(uint64(step), 1)
}

// settle is how many frames the automatics get to find their values before they are held.
const settle = 15

// hold locks the camera, at the values of an earlier lock when it has come back. What it returns is
// for the next time.
func (v *video) hold(ctx context.Context, before, asked Wish) (Wish, error) {
	if before == nil {
		var f Frame
		for range settle {
			if err := v.Next(ctx, &f); err != nil {
				return nil, err
			}
		}
	}
	want := before
	if before == nil {
		want = asked
	}
	l, err := lockControls(v.dev.Card, v.dev, want)
	if err != nil {
		return before, err
	}
	v.lock = l
	return l.wish(), nil
}

// Locked is the lock of a source that Open has locked, nil for another.
func Locked(src Source) *Lock {
	if v := videoOf(src); v != nil {
		return v.lock
	}
	return nil
}

// Verify reads the settings of a locked source back.
func Verify(src Source) error {
	if v := videoOf(src); v != nil && v.lock != nil {
		return v.lock.Verify(v.dev)
	}
	return nil
}

func videoOf(src Source) *video {
	if s, ok := src.(*Supervised); ok {
		src = s.Source()
	}
	v, _ := src.(*video)
	return v
}
