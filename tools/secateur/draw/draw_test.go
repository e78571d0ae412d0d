package draw

import (
	"image"
	"image/color"
	"testing"

	"github.com/secateur/secateur/core/eval"
)

// TestBoxes: the outline is the box's, the inside is the picture's, the label has the class's colour, and what leaves the
// picture does no harm.
func TestBoxes(t *testing.T) {
	m := image.NewGray(image.Rect(10, 10, 210, 110)) // a part of a larger picture
	hole := colourOf("hole")
	out := Boxes(m, []eval.Box{{Class: "hole", Score: 0.9, XMin: 50, YMin: 40, XMax: 90, YMax: 80}})
	if out.Bounds() != image.Rect(0, 0, 200, 100) {
		t.Fatalf("bounds %v", out.Bounds())
	}
	black := color.NRGBA{A: 255}
	for at, want := range map[image.Point]color.NRGBA{
		{50, 60}: hole, {89, 60}: hole, {70, 40}: hole, {70, 79}: hole, // the four sides
		{70, 60}: black, {30, 60}: black, {95, 60}: black, // inside and outside
		{51, 26}: hole, // the label above it
	} {
		if got := out.NRGBAAt(at.X, at.Y); got != want {
			t.Errorf("%v is %v, want %v", at, got, want)
		}
	}
	letters := 0
	for y := 25; y < 40; y++ {
		for x := 50; x < 120; x++ {
			if c := out.NRGBAAt(x, y); c == black && x > 52 {
				letters++
			}
		}
	}
	if letters < 40 {
		t.Errorf("%d dark pixels in the label", letters)
	}
	Boxes(m, []eval.Box{{Class: "a class with a very long name indeed, longer than the picture", XMin: -50, YMin: -50, XMax: 500, YMax: 500}, {XMin: 3, YMin: 3, XMax: 3, YMax: 3}})
	if Boxes(image.NewGray(image.Rectangle{}), nil).Bounds().Dx() != 0 {
		t.Error("an empty picture")
	}
}
