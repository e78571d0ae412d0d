package data

import (
	"bytes"
	"image"
	"image/color"
	"testing"
)

// picture is the formula of testdata/make_resize_golden.py.
func picture(w, h int) *RGB {
	m := NewRGB(w, h)
	for y := range h {
		for x := range w {
			for c := range 3 {
				m.Pix[(y*w+x)*3+c] = uint8((x*x*3 + y*y*5 + x*y*7 + c*400) / 8)
			}
		}
	}
	return m
}

// One Resizer does all cases in turn, so that nothing may be left over from the one before.
func TestResizeIsPillows(t *testing.T) {
	var g struct {
		Cases []struct {
			Source, Size [2]int
			Box          [4]float64
			Pix          string
		}
	}
	golden(t, "resize.json", &g)
	var r Resizer
	for _, c := range g.Cases {
		dst := NewRGB(c.Size[0], c.Size[1])
		r.Resize(dst, picture(c.Source[0], c.Source[1]), Rect{c.Box[0], c.Box[1], c.Box[2], c.Box[3]})
		allowed := 0
		if c.Size[0] > c.Source[0] && c.Size[1] < c.Source[1] {
			allowed = 1 // Pillow 13 scales columns first, earlier ones rows
		}
		if d := largestDifference(dst.Pix, pixels(t, c.Pix)); d > allowed {
			t.Errorf("%v, box %v, to %v: a sample differs by %d from Pillow's, want at most %d",
				c.Source, c.Box, c.Size, d, allowed)
		}
	}
}

func TestResizeToItself(t *testing.T) {
	src, dst := picture(9, 7), NewRGB(9, 7)
	new(Resizer).Resize(dst, src, src.Full())
	if !bytes.Equal(dst.Pix, src.Pix) {
		t.Error("a picture resized to its own size changed")
	}
}

func TestResizeKeepsPlainPictures(t *testing.T) {
	src := NewRGB(50, 40)
	for i := range src.Pix {
		src.Pix[i] = 255
	}
	dst := NewRGB(1, 1)
	new(Resizer).Resize(dst, src, Rect{0.1, 0.2, 49.9, 39.7})
	if !bytes.Equal(dst.Pix, []uint8{255, 255, 255}) {
		t.Errorf("white becomes %v", dst.Pix)
	}
}

func TestResizeAllocatesOnce(t *testing.T) {
	src, dst := picture(60, 50), NewRGB(24, 24)
	var r Resizer
	if n := testing.AllocsPerRun(10, func() { r.Resize(dst, src, Rect{1, 2, 55.5, 47}) }); n > 1 {
		t.Errorf("%v allocations a call, want at most 1", n)
	}
}

func TestResizeRefusesBoxOutside(t *testing.T) {
	for _, b := range []Rect{{-1, 0, 4, 4}, {0, 0, 4.5, 4}, {2, 0, 2, 4}, {0, 3, 4, 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("box %v of a 4×4 picture passes", b)
				}
			}()
			new(Resizer).Resize(NewRGB(2, 2), NewRGB(4, 4), b)
		}()
	}
}

func BenchmarkResize(b *testing.B) {
	src, dst := picture(1280, 960), NewRGB(224, 224)
	var r Resizer
	b.SetBytes(int64(len(src.Pix)))
	for b.Loop() {
		r.Resize(dst, src, src.Full())
	}
}

// TestScaled: origins do not matter, alpha is dropped, and what is scaled has the bytes of Resize.
func TestScaled(t *testing.T) {
	src := picture(20, 14)
	if got := Scaled(src.Image(), 20, 14); !bytes.Equal(got.Pix, src.Image().Pix) {
		t.Error("as large as before the pixels differ")
	}
	part := src.Image().SubImage(image.Rect(4, 2, 16, 12))
	alone, want := NewRGB(12, 10), NewRGB(5, 3)
	for y := range alone.H {
		copy(alone.row(y), src.row(y + 2)[3*4:])
	}
	new(Resizer).Resize(want, alone, alone.Full())
	if got := Scaled(part, 5, 3); got.Bounds() != image.Rect(0, 0, 5, 3) || !bytes.Equal(got.Pix, want.Image().Pix) {
		t.Errorf("%v has other pixels than that part by itself", got.Bounds())
	}
	clear := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	for i := 0; i < len(clear.Pix); i += 4 {
		copy(clear.Pix[i:], []uint8{200, 100, 50, 0})
	}
	if got := Scaled(clear, 1, 1).NRGBAAt(0, 0); got != (color.NRGBA{200, 100, 50, 255}) {
		t.Errorf("a clear picture becomes %v", got)
	}
}
