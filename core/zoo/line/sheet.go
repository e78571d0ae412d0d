package line

import (
	"image"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// gutter is the white between the pictures of a sheet, pixels.
const gutter = 2

// Sheet is a contact sheet: a labelled row a class, perClass pictures of size×size pixels in it.
// Pictures one above the other show the same specimen in another state.
func Sheet(l Line, perClass, size int, seed uint64) *image.RGBA {
	classes := l.Classes()
	left := labelWidth(classes)
	cell := size + gutter
	img := image.NewRGBA(image.Rect(0, 0, left+perClass*cell, len(classes)*cell+gutter))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	for class, name := range classes {
		y := gutter + class*cell
		caption(img, name, gutter, y+size/2)
		for k := range perClass {
			at := image.Rect(0, 0, size, size).Add(image.Pt(left+k*cell, y))
			draw.Draw(img, at, l.Render(class, seed, uint64(k), size, size), image.Point{}, draw.Src)
		}
	}
	return img
}

func labelWidth(classes []string) int {
	longest := 0
	for _, c := range classes {
		longest = max(longest, len(c))
	}
	return longest*glyphWidth + 3*gutter
}

func caption(img *image.RGBA, text string, x, y int) {
	d := font.Drawer{Dst: img, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(x, y+4)}
	d.DrawString(text)
}
