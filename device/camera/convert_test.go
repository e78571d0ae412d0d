package camera

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"testing"
)

// frameOf is a frame of a format whose bytes are given, lines padded to stride.
func frameOf(p Pixel, w, h, stride int, buf []byte) *Frame {
	f := &Frame{Format: Format{Pixel: p, Width: w, Height: h}}
	f.setPlanes(buf, stride)
	return f
}

// encode writes one colour of a JFIF picture in a format, every line padded with rubbish.
func encode(p Pixel, w, h, pad int, y, cb, cr byte) *Frame {
	f := &Frame{Format: Format{Pixel: p, Width: w, Height: h, Full: true}}
	for i, s := range p.Planes() {
		row, lines := s.Row(w), s.Lines(h)
		pl := Plane{bytes.Repeat([]byte{0xee}, (row+pad)*lines), row + pad}
		for j := range lines {
			line := pl.Pix[j*pl.Stride:][:row]
			for k := range line {
				switch {
				case p == YUYV:
					line[k] = [4]byte{y, cb, y, cr}[k%4]
				case p == UYVY:
					line[k] = [4]byte{cb, y, cr, y}[k%4]
				case p == NV12 && i == 1:
					line[k] = [2]byte{cb, cr}[k%2]
				case p == I420 && i > 0:
					line[k] = [3]byte{0, cb, cr}[i]
				default:
					line[k] = y
				}
			}
		}
		f.Planes = append(f.Planes, pl)
	}
	return f
}

func TestComponentsOfEveryFormat(t *testing.T) {
	var c Converter
	for _, p := range []Pixel{YUYV, UYVY, NV12, I420, Grey} {
		for _, size := range [][2]int{{8, 6}, {7, 5}, {1, 1}, {2, 3}} {
			m, err := c.Image(encode(p, size[0], size[1], 5, 100, 90, 160))
			if err != nil {
				t.Fatalf("%s %v: %v", p, size, err)
			}
			if m.Bounds() != image.Rect(0, 0, size[0], size[1]) {
				t.Errorf("%s %v: picture of %v", p, size, m.Bounds())
			}
			want := color.YCbCr{Y: 100, Cb: 90, Cr: 160}
			for y := range size[1] {
				for x := range size[0] {
					if got, ok := m.At(x, y).(color.YCbCr); ok && got != want {
						t.Fatalf("%s %v: pixel %d,%d is %v, want %v", p, size, x, y, got, want)
					} else if !ok && m.At(x, y) != (color.Gray{Y: 100}) {
						t.Fatalf("%s %v: pixel %d,%d is %v", p, size, x, y, m.At(x, y))
					}
				}
			}
		}
	}
}

// Black and white of limited range become 0 and 255, no colour stays none.
func TestLimitedRangeIsWidened(t *testing.T) {
	var c Converter
	for in, want := range map[byte]byte{16: 0, 235: 255, 0: 0, 255: 255, 126: 128} {
		f := encode(NV12, 4, 4, 0, in, 128, 240)
		f.Full = false
		m, err := c.Image(f)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.(*image.YCbCr); got.Y[0] != want || got.Cb[0] != 128 || got.Cr[0] != 255 {
			t.Errorf("luma %d, colour 128 and 240 become %d, %d, %d; want %d, 128, 255", in, got.Y[0], got.Cb[0], got.Cr[0], want)
		}
	}
}

// BT.709's primaries at full level (BT.709-6 §3.2 to §3.4) come out as they went in.
func TestBT709(t *testing.T) {
	var c Converter
	for want, in := range map[[3]byte][3]byte{{255, 0, 0}: {63, 102, 240}, {0, 255, 0}: {173, 42, 26}, {0, 0, 255}: {32, 240, 118}, {255, 255, 255}: {235, 128, 128}, {0, 0, 0}: {16, 128, 128}} {
		f := encode(YUYV, 2, 2, 0, in[0], in[1], in[2])
		f.Full, f.BT709 = false, true
		m, err := c.Image(f)
		if err != nil {
			t.Fatal(err)
		}
		p := m.(*image.NRGBA).Pix
		for k := range 3 {
			if d := int(p[k]) - int(want[k]); d < -2 || d > 2 {
				t.Errorf("%v becomes %v, want %v", in, p[:3], want)
				break
			}
		}
	}
}

// mosaic takes from a picture the colour that each pixel of a format has.
func mosaicOf(m bayer, w, h int, rgb func(x, y int) [3]byte) []byte {
	var buf []byte
	for y := range h {
		for x := range w {
			c := rgb(x, y)
			red, blue := x%2 == m.redX && y%2 == m.redY, x%2 != m.redX && y%2 != m.redY
			v := c[1]
			if red {
				v = c[0]
			}
			if blue {
				v = c[2]
			}
			if m.bits == 8 {
				buf = append(buf, v)
			} else {
				wide := uint16(v) << (m.bits - 8)
				buf = append(buf, byte(wide), byte(wide>>8))
			}
		}
	}
	return buf
}

// Plain colours come out of every mosaic of every size; ramps do inside the border.
func TestDemosaic(t *testing.T) {
	var c Converter
	plain := func(x, y int) [3]byte { return [3]byte{200, 100, 50} }
	ramp := func(x, y int) [3]byte { return [3]byte{byte(10 + 4*x + 2*y), byte(200 - 4*x), byte(2*x + 6*y)} }
	for p, m := range mosaics {
		for _, size := range [][2]int{{2, 2}, {9, 7}, {16, 12}} {
			w, h := size[0], size[1]
			for name, rgb := range map[string]func(x, y int) [3]byte{"plain": plain, "ramp": ramp} {
				got, err := c.Image(frameOf(p, w, h, 0, mosaicOf(m, w, h, rgb)))
				if err != nil {
					t.Fatal(err)
				}
				edge := 0
				if name == "ramp" {
					edge = 1
				}
				for y := edge; y < h-edge; y++ {
					for x := edge; x < w-edge; x++ {
						q := got.(*image.NRGBA).Pix[4*(y*w+x):]
						if want := rgb(x, y); [3]byte(q[:3]) != want || q[3] != 255 {
							t.Fatalf("%s %d×%d %s: pixel %d,%d is %v, want %v", p, w, h, name, x, y, q[:4], want)
						}
					}
				}
			}
		}
	}
}

func TestRGBFrames(t *testing.T) {
	var c Converter
	m, err := c.Image(frameOf(RGB, 2, 2, 8, []byte{1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0}))
	if err != nil || !bytes.Equal(m.(*image.NRGBA).Pix, []byte{1, 2, 3, 255, 4, 5, 6, 255, 7, 8, 9, 255, 10, 11, 12, 255}) {
		t.Errorf("%v, %v", m, err)
	}
}

// noise is a JPEG of a picture with something in it.
func noise(t testing.TB, w, h int) []byte {
	t.Helper()
	m := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	rng := rand.New(rand.NewPCG(1, 1))
	for _, plane := range [][]byte{m.Y, m.Cb, m.Cr} {
		for i := range plane {
			plane[i] = byte(rng.Uint32())
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withoutTables takes the Huffman tables out, as many cameras do. Go's encoder writes the standard's.
func withoutTables(b []byte) []byte {
	out := bytes.Clone(b[:2])
	for i := 2; b[i] == 0xff; {
		n := 2 + int(b[i+2])<<8 + int(b[i+3])
		if b[i+1] == 0xda {
			return append(out, b[i:]...)
		}
		if b[i+1] != 0xc4 {
			out = append(out, b[i:i+n]...)
		}
		i += n
	}
	return out
}

func TestJPEGWithoutTables(t *testing.T) {
	var c Converter
	whole := noise(t, 64, 48)
	bare := withoutTables(whole)
	if len(whole)-len(bare) < 400 {
		t.Fatalf("%d bytes with tables, %d without", len(whole), len(bare))
	}
	want, err := jpeg.Decode(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Image(frameOf(MJPEG, 64, 48, 0, bare))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.(*image.YCbCr).Y, want.(*image.YCbCr).Y) || !bytes.Equal(got.(*image.YCbCr).Cr, want.(*image.YCbCr).Cr) {
		t.Error("the picture differs without its tables")
	}
}

func TestDamagedFramesAreRefused(t *testing.T) {
	var c Converter
	for name, f := range map[string]*Frame{
		"short":      frameOf(YUYV, 8, 8, 0, make([]byte, 8*8*2-1)),
		"no planes":  {Format: Format{Pixel: NV12, Width: 8, Height: 8}},
		"stride":     {Format: Format{Pixel: Grey, Width: 8, Height: 8}, Planes: []Plane{{make([]byte, 64), 7}}},
		"half jpeg":  frameOf(MJPEG, 64, 48, 0, noise(t, 64, 48)[:700]),
		"no jpeg":    frameOf(MJPEG, 64, 48, 0, []byte("hello")),
		"empty jpeg": frameOf(MJPEG, 64, 48, 0, nil),
	} {
		if _, err := c.Image(f); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v, want ErrDamaged", name, err)
		}
	}
	for _, f := range []Format{{Pixel: "????", Width: 1, Height: 1}, {Pixel: Grey, Width: 0, Height: 1}, {Pixel: Grey, Width: 1 << 15, Height: 1 << 15}} {
		if _, err := c.Image(&Frame{Format: f}); err == nil {
			t.Errorf("%v passes", f)
		}
	}
}

func TestWitness(t *testing.T) {
	m := image.NewGray(image.Rect(0, 0, 10, 10))
	for i := range m.Pix {
		m.Pix[i] = byte(100 + 20*(i%2))
	}
	w, err := Measure(m, image.Rectangle{})
	if err != nil || w.Mean != 110 || w.Spread != 10 {
		t.Fatalf("%+v, %v; want mean 110, spread 10", w, err)
	}
	for i := range m.Pix {
		m.Pix[i] += 4
	}
	now, _ := Measure(m, w.Region)
	if err := w.Compare(now, 5); err != nil {
		t.Error(err)
	}
	if err := w.Compare(now, 3); !errors.Is(err, ErrDrift) {
		t.Errorf("4 brighter: %v, want ErrDrift", err)
	}
	if _, err := Measure(m, image.Rect(5, 5, 11, 6)); err == nil {
		t.Error("a region outside the picture passes")
	}
}
