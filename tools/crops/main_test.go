package main

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secateur/secateur/core/data"
)

// folder is a picture of 40×30 whose red and green say the column and the row of a pixel, with the tables given.
func folder(t *testing.T, boxes, parts string) string {
	t.Helper()
	dir := t.TempDir()
	img := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for y := range 30 {
		for x := range 40 {
			img.Set(x, y, color.RGBA{uint8(x), uint8(y), 0, 255})
		}
	}
	if err := save(filepath.Join(dir, "images", "a.png"), img); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"boxes.csv": boxes, "labels.csv": parts} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestCrops: squares of one size around the middles of boxes, moved into the picture, that the program reads as a data set.
func TestCrops(t *testing.T) {
	dir := folder(t, "file,class,xmin,ymin,xmax,ymax\na.png,screw,10,5,30,15\na.png,hole,36,26,39,29\n", "split,file\ntrain,a.png\n")
	out := filepath.Join(t.TempDir(), "crops")
	if n, err := run(dir, "labels.csv", out, 8); n != 2 || err != nil {
		t.Fatalf("%d crops, %v", n, err)
	}
	for name, corner := range map[string][2]uint8{"screw/a-0.png": {16, 6}, "hole/a-1.png": {32, 22}} {
		f, err := os.Open(filepath.Join(out, "train", name))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		b := img.Bounds()
		r, g, _, _ := img.At(b.Min.X, b.Min.Y).RGBA()
		if b.Dx() != 8 || b.Dy() != 8 || uint8(r>>8) != corner[0] || uint8(g>>8) != corner[1] {
			t.Errorf("%s: %v from column %d, row %d, want 8×8 from %v", name, b, r>>8, g>>8, corner)
		}
	}
	s, err := data.Open(out, data.Options{})
	if err != nil || len(s.Classes) != 2 || len(s.Train)+len(s.Val)+len(s.Test) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestRefuses names the table and the line.
func TestRefuses(t *testing.T) {
	const boxes, parts = "file,class,xmin,ymin,xmax,ymax\n", "file,split\n"
	for _, c := range []struct{ boxes, parts, want string }{
		{"a,b\n", parts, "boxes.csv has the columns a, b, want file, class"},
		{boxes + "a.png,screw,1,2,x,4\n", parts, `boxes.csv: line 2: "x" is no whole number`},
		{boxes + "../a.png,screw,1,2,3,4\n", parts, "leaves the folder"},
		{boxes, parts + "a.png,tests\n", `labels.csv: line 2: split "tests"`},
		{boxes + "a.png,screw,1,2,3,4\n", parts, "a.png has boxes and no line"},
		{"", parts, "boxes.csv is empty"},
	} {
		if _, err := run(folder(t, c.boxes, c.parts), "labels.csv", t.TempDir(), 8); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
