package v4l2

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// FourCC is a pixel format, four characters from the lowest byte on.
type FourCC uint32

// MakeFourCC is the code of four characters; shorter names are filled with spaces.
func MakeFourCC(s string) FourCC {
	var f FourCC
	for i := range 4 {
		c := byte(' ')
		if i < len(s) {
			c = s[i]
		}
		f |= FourCC(c) << (8 * i)
	}
	return f
}

func (f FourCC) String() string {
	b := []byte{byte(f), byte(f >> 8), byte(f >> 16), byte(f >> 24)}
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}

// How the values of Y, Cb, Cr are to be read, as the kernel says it; 0 is the default of the
// colour space.
const (
	Encoding601       = 1
	Encoding709       = 2
	QuantizationFull  = 1
	QuantizationLimit = 2
	ColorSpace709     = 3
	ColorSpaceJPEG    = 7
)

// Format is how a device delivers pictures.
type Format struct {
	Pixel         FourCC
	Width, Height int
	Planes        []Plane // buffers of one frame
	ColorSpace    int
	Encoding      int
	Quantization  int
}

// Plane is one of a frame's buffers.
type Plane struct {
	Stride int // bytes from line to line of the first colour component in it
	Bytes  int
}

// Formats are the pixel formats that the device offers.
func (d *Device) Formats() ([]FourCC, error) {
	var all []FourCC
	for i := range uint32(1024) {
		f := fmtDesc{index: i, kind: d.kind}
		err := do(d, "list formats", reqEnumFmt, &f)
		if errors.Is(err, unix.EINVAL) {
			break
		}
		if err != nil {
			return nil, err
		}
		all = append(all, FourCC(f.pixelFormat))
	}
	return all, nil
}

// Sizes are the picture sizes of a pixel format; a range is given by its ends.
func (d *Device) Sizes(p FourCC) ([][2]int, error) {
	var all [][2]int
	for i := range uint32(1024) {
		f := frameSizeEnum{index: i, pixelFormat: uint32(p)}
		err := do(d, "list sizes", reqFrameSizes, &f)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY) {
			break
		}
		if err != nil {
			return nil, err
		}
		if f.kind != 1 {
			return append(all, [2]int{int(f.size[0]), int(f.size[3])}, [2]int{int(f.size[1]), int(f.size[4])}), nil
		}
		all = append(all, [2]int{int(f.size[0]), int(f.size[1])})
	}
	return all, nil
}

// SetFormat asks for a format. What is granted may differ; it is returned, and is what frames have.
func (d *Device) SetFormat(p FourCC, width, height int) (Format, error) {
	what := fmt.Sprintf("set format %v %d×%d", p, width, height)
	var granted Format
	var err error
	if d.MultiPlanar() {
		f := formatMPlane{kind: d.kind, pix: pixFormatMPlane{width: uint32(width), height: uint32(height), pixelFormat: uint32(p), field: fieldNone}}
		err = do(d, what, reqSetFmt, &f)
		granted = f.pix.format()
	} else {
		f := format{kind: d.kind, pix: pixFormat{width: uint32(width), height: uint32(height), pixelFormat: uint32(p), field: fieldNone}}
		err = do(d, what, reqSetFmt, &f)
		granted = f.pix.format()
	}
	if err != nil {
		return Format{}, err
	}
	if err := granted.check(); err != nil {
		return Format{}, fmt.Errorf("%s: %s: %w", d.path, what, err)
	}
	d.format = granted
	return granted, nil
}

func (p *pixFormat) format() Format {
	return Format{
		Pixel: FourCC(p.pixelFormat), Width: int(p.width), Height: int(p.height),
		Planes:     []Plane{{int(p.bytesPerLine), int(p.sizeImage)}},
		ColorSpace: int(p.colorSpace), Encoding: int(p.encoding), Quantization: int(p.quantization),
	}
}

func (p *pixFormatMPlane) format() Format {
	f := Format{
		Pixel: FourCC(p.pixelFormat), Width: int(p.width), Height: int(p.height),
		ColorSpace: int(p.colorSpace), Encoding: int(p.encoding), Quantization: int(p.quantization),
	}
	for _, q := range p.planes[:min(int(p.numPlanes), maxPlanes)] {
		f.Planes = append(f.Planes, Plane{int(q.bytesPerLine), int(q.sizeImage)})
	}
	return f
}

// check refuses sizes that no camera has: they are a driver's mistake, and memory would go by them.
func (f Format) check() error {
	if f.Width < 1 || f.Height < 1 || f.Width > 1<<15 || f.Height > 1<<15 {
		return fmt.Errorf("the driver grants %d×%d pixels, want 1 to 32768 each", f.Width, f.Height)
	}
	if len(f.Planes) == 0 {
		return errors.New("the driver grants a format without planes")
	}
	for i, p := range f.Planes {
		if p.Bytes < 1 || p.Bytes > maxFrame || p.Stride < 0 || p.Stride > maxFrame {
			return fmt.Errorf("the driver grants plane %d of %d bytes, %d a line, want 1 to %d", i, p.Bytes, p.Stride, maxFrame)
		}
	}
	return nil
}

// SetInterval asks for a pause between frames and returns the one that is granted, 0 where the
// driver has no say.
func (d *Device) SetInterval(t time.Duration) (time.Duration, error) {
	p := streamParm{kind: d.kind, timePerFrame: [2]uint32{uint32(t / time.Microsecond), 1e6}}
	err := do(d, "set frame interval", reqSetParm, &p)
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) {
		return 0, nil
	}
	if err != nil || p.capability&capTimePerFrame == 0 || p.timePerFrame[1] == 0 {
		return 0, err
	}
	return time.Duration(p.timePerFrame[0]) * time.Second / time.Duration(p.timePerFrame[1]), nil
}
