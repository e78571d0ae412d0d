package data

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestPrepare(t *testing.T) {
	img := &RGB{2, 1, []uint8{0, 128, 255, 10, 20, 30}}
	p := Preprocess{Width: 2, Height: 1, Mean: [3]float32{1, 2, 3}, Std: [3]float32{1, 2, 4}}
	got := make([]float32, p.Floats())
	p.Prepare(got, img, new(Resizer))
	same(t, "RGB", got, []float32{-1, 63, 63, 9, 9, 6.75})
	p.BGR = true
	p.Prepare(got, img, new(Resizer))
	same(t, "BGR, mean and std blue first", got, []float32{254, 63, -0.75, 29, 9, 1.75})
}

func TestPrepareResizes(t *testing.T) {
	p := Preprocess{Width: 5, Height: 4, Std: [3]float32{1, 1, 1}}
	img, small := picture(12, 9), NewRGB(5, 4)
	new(Resizer).Resize(small, img, img.Full())
	got, want := make([]float32, p.Floats()), make([]float32, p.Floats())
	p.Prepare(got, img, new(Resizer))
	toFloat(want, small)
	same(t, "pixels", got, want)
}

func TestPreprocessRefuses(t *testing.T) {
	one := [3]float32{1, 1, 1}
	nan := float32(math.NaN())
	for _, c := range []struct {
		p    Preprocess
		want string
	}{
		{Preprocess{Width: 0, Height: 4, Std: one}, "input of 0×4 pixels, want 1 to 67108864 in all"},
		{Preprocess{Width: 1 << 40, Height: 1 << 40, Std: one}, "input of 1099511627776×1099511627776 pixels, want 1 to 67108864 in all"},
		{Preprocess{Width: 4, Height: 4, Std: [3]float32{1, 0, 1}}, "std of channel 1 is 0, want a finite number other than 0"},
		{Preprocess{Width: 4, Height: 4, Std: one, Mean: [3]float32{0, 0, nan}}, "mean of channel 2 is NaN, want a finite number"},
	} {
		if err := c.p.Check(); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}

// A file that is scaled line by line becomes what it becomes when it is decoded as a whole.
func TestPrepareFileIsPrepare(t *testing.T) {
	files, err := filepath.Glob("testdata/images/*")
	must(t, err)
	var one, other Resizer
	for _, p := range []Preprocess{
		{Width: 9, Height: 7, Mean: [3]float32{1, 2, 3}, Std: [3]float32{4, 5, 6}},
		{Width: 50, Height: 80, Mean: [3]float32{1, 2, 3}, Std: [3]float32{4, 5, 6}, BGR: true},
	} {
		for _, path := range files {
			img, err := Decode(path)
			got, want := make([]float32, p.Floats()), make([]float32, p.Floats())
			size, also := p.PrepareFile(got, path, &one)
			if err != nil || also != nil {
				same(t, path+" errors", fmt.Sprint(also), fmt.Sprint(err))
				continue
			}
			p.Prepare(want, img, &other)
			same(t, path, got, want)
			same(t, path+" size", size, image.Pt(img.W, img.H))
			p.checkNormalised(t, got, img)
		}
	}
}

// checkNormalised compares with the definition in float64.
func (p Preprocess) checkNormalised(t *testing.T, got []float32, img *RGB) {
	t.Helper()
	small := NewRGB(p.Width, p.Height)
	new(Resizer).Resize(small, img, img.Full())
	for i, v := range got {
		c, at := i%3, i
		if p.BGR {
			at += 2 - 2*c
		}
		if want := (float64(small.Pix[at]) - float64(p.Mean[c])) / float64(p.Std[c]); math.Abs(float64(v)-want) > 1e-4 {
			t.Fatalf("value %d is %v, want %v", i, v, want)
		}
	}
}

// A camera's picture gives the same input as the JPEG file that it was decoded from, and any other
// picture the same as its pixels.
func TestPrepareImageIsPrepareFile(t *testing.T) {
	p := Preprocess{Width: 24, Height: 20, Mean: [3]float32{10, 20, 30}, Std: [3]float32{50, 60, 70}, BGR: true}
	var r Resizer
	for _, name := range []string{"420.jpg", "444.jpg"} {
		path := filepath.Join("testdata", "images", name)
		want, got := make([]float32, p.Floats()), make([]float32, p.Floats())
		if _, err := p.PrepareFile(want, path, &r); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := jpeg.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.PrepareImage(got, m, &r); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: the decoded picture gives another input than the file, %v", name, err)
		}
		rgb, err := Decode(path)
		if err != nil {
			t.Fatal(err)
		}
		p.Prepare(want, rgb, &r)
		if err := p.PrepareImage(got, rgb.Image(), &r); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: as NRGBA it gives another input than its pixels, %v", name, err)
		}
	}
	if err := p.PrepareImage(nil, image.NewGray(image.Rectangle{}), &r); !errors.Is(err, ErrUnusable) {
		t.Errorf("an empty picture: %v, want ErrUnusable", err)
	}
}
