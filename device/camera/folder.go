package camera

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/secateur/secateur/device/clock"
)

// folder plays the pictures of a folder, or one picture, in the order of their names.
type folder struct {
	files []string
	every time.Duration
	loop  bool
	at    int
	count uint64
}

// maxFile is the largest picture file that is read.
const maxFile = 64 << 20

func openFolder(s Spec) (*folder, error) {
	st, err := os.Stat(s.Path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	f := &folder{files: []string{s.Path}, every: s.interval(), loop: s.Loop}
	if !st.IsDir() {
		return f, nil
	}
	entries, err := os.ReadDir(s.Path)
	if err != nil {
		return nil, err
	}
	f.files = nil
	for _, e := range entries {
		if isPicture(e.Name()) && e.Type().IsRegular() {
			f.files = append(f.files, filepath.Join(s.Path, e.Name()))
		}
	}
	if len(f.files) == 0 {
		return nil, fmt.Errorf("%w: %s holds no JPEG or PNG picture", ErrMissing, s.Path)
	}
	return f, nil
}

func isPicture(name string) bool {
	return !strings.HasPrefix(name, ".") && slices.Contains([]string{".jpg", ".jpeg", ".png"}, strings.ToLower(filepath.Ext(name)))
}

func (d *folder) Next(ctx context.Context, f *Frame) error {
	if d.count > 0 {
		if err := clock.Sleep(ctx, d.every); err != nil {
			return err
		}
	}
	if d.at == len(d.files) {
		if !d.loop {
			return io.EOF
		}
		d.at = 0
	}
	path := d.files[d.at]
	d.at++
	*f = Frame{Planes: f.Planes, Sequence: d.count, Time: clock.Now()}
	d.count++
	if err := f.readPicture(path); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return ctx.Err()
}

func (d *folder) Close() error { return nil }

// readPicture fills f with a file: a JPEG as it is, a PNG as RGB.
func (f *Frame) readPicture(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() || st.Size() > maxFile {
		return fmt.Errorf("%d bytes, want a regular file of at most %d", st.Size(), maxFile)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if strings.HasPrefix(string(b), "\x89PNG") {
		return f.readPNG(b)
	}
	return f.setJPEG(b)
}

func (f *Frame) readPNG(b []byte) error {
	head, err := png.DecodeConfig(strings.NewReader(string(b)))
	if err == nil {
		f.Format = Format{Pixel: RGB, Width: head.Width, Height: head.Height}
		err = f.Format.check()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	m, err := png.Decode(strings.NewReader(string(b)))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	f.setPlanes(rgbBytes(m), 0)
	return nil
}

// rgbBytes is the picture's pixels, red first.
func rgbBytes(m image.Image) []byte {
	b := m.Bounds()
	out := make([]byte, 0, 3*b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, b, _ := m.At(x, y).RGBA()
			out = append(out, byte(r>>8), byte(g>>8), byte(b>>8))
		}
	}
	return out
}
