package data

import (
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// grey writes a picture, or a mask where light says which pixels are.
func grey(t *testing.T, path string, w, h int, light func(x, y int) bool) Sample {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			if light(x, y) {
				m.SetGray(x, y, color.Gray{255})
			}
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, m); err != nil {
		t.Fatal(err)
	}
	return Sample{Path: path}
}

func never(int, int) bool { return false }

func sumOf(r Region) float64 {
	sum := 0.0
	for _, v := range r {
		sum += float64(v)
	}
	return sum / float64(len(r))
}

// TestRegions: masks and boxes become shares of the picture; what does not fit is named and skipped.
func TestRegions(t *testing.T) {
	dir := t.TempDir()
	var samples []Sample
	for _, name := range []string{"images/a/mask.png", "images/b/boxes.png", "images/b/odd.png", "images/b/none.png", "images/b/small.png"} {
		s := grey(t, filepath.Join(dir, name), 40, 20, never)
		s.Name = name
		samples = append(samples, s)
	}
	grey(t, filepath.Join(dir, "masks/a/mask.png"), 40, 20, func(x, y int) bool { return x >= 30 })
	grey(t, filepath.Join(dir, "masks/b/small.png"), 10, 5, never)
	table := "file,class,xmin,ymin,xmax,ymax\nb/boxes.png,b,0,0,20,10\nb/boxes.png,b,10,0,30,10\nb/odd.png,b,0,0,99,9\nb/boxes.png,b,5,x,6,7\nb/boxes.png,b,9,9,3,3\n"
	if err := os.WriteFile(filepath.Join(dir, boxesFile), []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	r, skipped, err := Regions(samples)
	if err != nil {
		t.Fatal(err)
	}
	if r[2] != nil || r[3] != nil || r[4] != nil {
		t.Error("a region where there is none")
	}
	if a, b := sumOf(r[0]), sumOf(r[1]); math.Abs(a-0.25) > 1e-6 || math.Abs(b-0.375) > 1e-6 {
		t.Errorf("regions of %v and %v of the picture, want a quarter and three eighths", a, b)
	}
	if g := r[0].Grid(1, 4); g[0] != 0 || g[2] != 0 || math.Abs(float64(g[3])-1) > 1e-6 {
		t.Errorf("columns are covered by %v", g)
	}
	var all []string
	for _, s := range skipped {
		all = append(all, s.Reason)
	}
	text := strings.Join(all, "\n")
	for _, want := range []string{`"x" is no number of pixels`, "box 9,9 to 3,3 is empty", "leaves the picture of 40×20", "is 10×5, the picture 40×20"} {
		if !strings.Contains(text, want) {
			t.Errorf("skipped:\n%s\nwant %q", text, want)
		}
	}
	if _, _, err := Regions(samples[3:4]); !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), "none of 1 pictures has a mask") {
		t.Errorf("error %v", err)
	}
}

// TestRegionsReal: every defect of the magnetic tiles has its mask, and every picture of NEU-DET its boxes.
func TestRegionsReal(t *testing.T) {
	for name, want := range map[string]int{"neu-det": 1440, "magnetic-tile": 200} {
		s, err := Open(sharedData(t, name), Options{HeaderOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		r, skipped, err := Regions(s.Train)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, x := range r {
			if x != nil {
				n++
			}
		}
		if n < want || len(skipped) > 0 {
			t.Errorf("%s: %d regions, skipped %v", name, n, skipped)
		}
	}
}

// TestInputRegions: in a letterbox of 40×20 a picture of 10×10 with its left half marked has it in the second quarter; squashed
// it has it in the left half.
func TestInputRegions(t *testing.T) {
	s := grey(t, filepath.Join(t.TempDir(), "a.png"), 10, 10, never)
	s.Boxes = []Box{{XMax: 5, YMax: 10}}
	for letterbox, want := range map[bool][4]float32{false: {1, 1, 0, 0}, true: {0, 1, 0, 0}} {
		list, _, err := InputRegions([]Sample{s}, Preprocess{Width: 40, Height: 20, Letterbox: letterbox})
		if err != nil {
			t.Fatal(err)
		}
		if got := [4]float32(list[0].Grid(1, 4)); got != want {
			t.Errorf("letterbox %v: quarters %v, want %v", letterbox, got, want)
		}
	}
	if _, err := Size(s.Path + "x"); !errors.Is(err, ErrUnusable) {
		t.Errorf("size of a picture that is not there: %v", err)
	}
}
