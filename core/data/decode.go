package data

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"os"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
)

// What an image may ask for. The pixels are counted from the header, before any is decoded.
const (
	MaxFileBytes = 256 << 20
	MaxPixels    = 64 << 20
)

// limits are the two constants, smaller in a fuzzing run.
type limits struct {
	bytes  int64
	pixels int64
}

var defaultLimits = limits{MaxFileBytes, MaxPixels}

// format is a kind of image file, known by its first bytes and not by its name.
type format struct {
	name    string
	magic   string // ? stands for any byte
	config  func(io.Reader) (image.Config, error)
	decode  func(io.Reader) (image.Image, error)
	convert func(*RGB, image.Image)
	orient  func([]byte) int
}

var formats = []format{
	{"JPEG", "\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode, convertJPEG, exifOrientation},
	{"PNG", "\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode, convertPlain, upright},
	{"BMP", "BM????\x00\x00\x00\x00", bmp.DecodeConfig, bmp.Decode, convertPlain, upright},
	{"WebP", "RIFF????WEBPVP8", webp.DecodeConfig, webp.Decode, convertWebP, upright},
}

func upright([]byte) int { return 1 }

// Decode reads the JPEG, PNG, BMP or WebP file at path as packed 8-bit RGB, turned upright as
// its EXIF orientation says. 16-bit samples keep their high byte, grey is repeated, and alpha is
// dropped, as Pillow's convert("RGB") does. Errors match ErrUnusable and name the file.
func Decode(path string) (*RGB, error) {
	d := decoder{lim: defaultLimits}
	if err := d.file(path); err != nil {
		return nil, unusable("%s: %w", path, err)
	}
	return &d.img, nil
}

// DecodeBytes is Decode of a file already in memory; name is what errors call it.
func DecodeBytes(name string, b []byte) (*RGB, error) {
	d := decoder{lim: defaultLimits}
	if err := d.bytes(b); err != nil {
		return nil, unusable("%s: %w", name, err)
	}
	return &d.img, nil
}

// decoder keeps its memory from file to file. Its errors do not name the file.
type decoder struct {
	lim    limits
	buf    []byte
	img    RGB
	planes planes
}

func (d *decoder) file(path string) error {
	if err := d.read(path); err != nil {
		return err
	}
	return d.bytes(d.buf)
}

// read fills buf with the file at path. It asks what path is first: opening a pipe would wait.
func (d *decoder) read(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return bare(err)
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	if info.Size() > d.lim.bytes {
		return fmt.Errorf("%d bytes, want at most %d", info.Size(), d.lim.bytes)
	}
	f, err := os.Open(path)
	if err != nil {
		return bare(err)
	}
	defer f.Close()
	d.buf = grow(d.buf, int(info.Size()))
	_, err = io.ReadFull(f, d.buf)
	return bare(err)
}

// bare is err without the path that package os put before it.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Size is the size of the upright picture in a file, read from its header; errors match ErrUnusable.
func Size(path string) (image.Point, error) {
	d := decoder{lim: defaultLimits}
	size, err := d.size(path)
	if err != nil {
		return size, unusable("%s: %w", path, err)
	}
	return size, nil
}

// size is that of the picture at path as it stands upright, from its header.
func (d *decoder) size(path string) (size image.Point, err error) {
	if d.lim == (limits{}) {
		d.lim = defaultLimits
	}
	if err := d.read(path); err != nil {
		return size, err
	}
	kind, err := header(d.buf, d.lim)
	if err != nil {
		return size, err
	}
	return kind.size(d.buf)
}

// size is that of a file's picture as it stands upright.
func (f *format) size(b []byte) (image.Point, error) {
	c, err := f.config(bytes.NewReader(b))
	if err == nil && f.orient(b) > 4 {
		return image.Pt(c.Height, c.Width), nil
	}
	return image.Pt(c.Width, c.Height), err
}

// bytes fills img from the file b.
func (d *decoder) bytes(b []byte) error {
	f, m, err := d.decode(b)
	if err != nil {
		return err
	}
	f.convert(&d.img, m)
	d.img.orient(f.orient(b))
	return nil
}

// lines is the picture in the file at path, until the next call: an upright JPEG as stored, so
// that it need not be converted as a whole before it is scaled, anything else as img.
func (d *decoder) lines(path string) (lines, error) {
	if err := d.read(path); err != nil {
		return nil, err
	}
	f, m, err := d.decode(d.buf)
	if err != nil {
		return nil, err
	}
	how := f.orient(d.buf)
	if y, ok := m.(*image.YCbCr); ok && f.name == "JPEG" && how <= 1 {
		d.planes.set(y)
		return &d.planes, nil
	}
	f.convert(&d.img, m)
	d.img.orient(how)
	return &d.img, nil
}

// decode is the file b as its decoder gives it.
func (d *decoder) decode(b []byte) (*format, image.Image, error) {
	f, err := header(b, d.lim)
	if err != nil {
		return nil, nil, err
	}
	m, err := f.safeDecode(b)
	if err != nil {
		return nil, nil, fmt.Errorf("damaged %s: %w", f.name, err)
	}
	return f, m, nil
}

// header finds the format of b and refuses it when its header asks for too much.
func header(b []byte, lim limits) (*format, error) {
	if len(b) == 0 {
		return nil, errors.New("empty file")
	}
	f := sniff(b)
	if f == nil {
		return nil, fmt.Errorf("not a JPEG, PNG, BMP or WebP image (begins with % x)", b[:min(len(b), 8)])
	}
	c, err := f.config(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("damaged %s: %w", f.name, err)
	}
	if c.Width < 1 || c.Height < 1 || int64(c.Width)*int64(c.Height) > lim.pixels {
		return nil, fmt.Errorf("%s of %d×%d pixels, want 1 to %d in all", f.name, c.Width, c.Height, lim.pixels)
	}
	return f, nil
}

func sniff(b []byte) *format {
	for i := range formats {
		if matches(formats[i].magic, b) {
			return &formats[i]
		}
	}
	return nil
}

func matches(magic string, b []byte) bool {
	if len(b) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != b[i] {
			return false
		}
	}
	return true
}

// safeDecode turns a panic of a decoder on hostile bytes into an error: one bad file may not end
// a training.
func (f *format) safeDecode(b []byte) (m image.Image, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoder panicked: %v", r)
		}
	}()
	return f.decode(bytes.NewReader(b))
}
