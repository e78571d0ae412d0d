// Package draw draws what a detector found into a picture.
package draw

import (
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/draw"

	"github.com/secateur/secateur/core/eval"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// colours are told apart by most colour-blind people too (Okabe & Ito, jfly.uni-koeln.de/color).
var colours = []color.NRGBA{
	{230, 159, 0, 255}, {86, 180, 233, 255}, {0, 158, 115, 255}, {240, 228, 66, 255},
	{0, 114, 178, 255}, {213, 94, 0, 255}, {204, 121, 167, 255},
}

// sideOfOne is the smaller side of a picture up to which lines and letters have their plain size.
const sideOfOne = 500

// Boxes is a copy of a picture with boxes and, above each where there is room, its class and score. Boxes are in pixels
// from the upper left corner of the picture. The best lies on top.
func Boxes(m image.Image, boxes []eval.Box) *image.NRGBA {
	b := m.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Bounds(), m, b.Min, draw.Src)
	p := pen{out, 1 + min(b.Dx(), b.Dy())/sideOfOne}
	for i := len(boxes) - 1; i >= 0; i-- {
		p.frame(boxes[i])
	}
	for i := len(boxes) - 1; i >= 0; i-- {
		p.label(boxes[i])
	}
	return out
}

// pen draws on a picture, everything scaled by a whole number.
type pen struct {
	on    *image.NRGBA
	scale int
}

func colourOf(class string) color.NRGBA {
	h := fnv.New32a()
	h.Write([]byte(class))
	return colours[h.Sum32()%uint32(len(colours))]
}

// edges is a box in whole pixels.
func edges(b eval.Box) image.Rectangle {
	return image.Rect(int(b.XMin), int(b.YMin), int(b.XMax+0.5), int(b.YMax+0.5))
}

// frame draws the outline, inside the box, between two dark lines so that it shows on any ground.
func (p pen) frame(b eval.Box) {
	r, w := edges(b), 2*p.scale
	p.outline(r.Inset(-1), w+2, color.NRGBA{0, 0, 0, 160})
	p.outline(r, w, colourOf(b.Class))
}

// outline draws four sides of a width, which meet without overlap.
func (p pen) outline(r image.Rectangle, w int, c color.NRGBA) {
	w = min(w, (r.Dx()+1)/2, (r.Dy()+1)/2)
	p.fill(image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+w), c)
	p.fill(image.Rect(r.Min.X, r.Max.Y-w, r.Max.X, r.Max.Y), c)
	p.fill(image.Rect(r.Min.X, r.Min.Y+w, r.Min.X+w, r.Max.Y-w), c)
	p.fill(image.Rect(r.Max.X-w, r.Min.Y+w, r.Max.X, r.Max.Y-w), c)
}

func (p pen) fill(r image.Rectangle, c color.NRGBA) {
	draw.Draw(p.on, r.Intersect(p.on.Bounds()), image.NewUniform(c), image.Point{}, draw.Over)
}

// label writes class and score above the box, below its upper edge where there is no room, moved into the picture.
func (p pen) label(b eval.Box) {
	text := fmt.Sprintf("%s %.2f", b.Class, b.Score)
	face, box := basicfont.Face7x13, edges(b)
	w, h := p.scale*(font.MeasureString(face, text).Ceil()+4), p.scale*(face.Height+2)
	at := image.Pt(box.Min.X, box.Min.Y-h)
	if at.Y < 0 {
		at.Y = box.Min.Y
	}
	size := p.on.Bounds().Size()
	at = image.Pt(max(min(at.X, size.X-w), 0), max(min(at.Y, size.Y-h), 0))
	p.fill(image.Rectangle{at, at.Add(image.Pt(w, h))}, colourOf(b.Class))
	p.write(text, at.Add(image.Pt(2*p.scale, p.scale)))
}

// write draws black letters, each of their pixels scale×scale.
func (p pen) write(text string, at image.Point) {
	face := basicfont.Face7x13
	mask := image.NewAlpha(image.Rect(0, 0, font.MeasureString(face, text).Ceil(), face.Height))
	d := font.Drawer{Dst: mask, Src: image.Opaque, Face: face, Dot: fixed.P(0, face.Ascent)}
	d.DrawString(text)
	for y := range mask.Rect.Dy() {
		for x := range mask.Rect.Dx() {
			if mask.AlphaAt(x, y).A > 127 {
				corner := at.Add(image.Pt(x, y).Mul(p.scale))
				p.fill(image.Rectangle{corner, corner.Add(image.Pt(p.scale, p.scale))}, color.NRGBA{A: 255})
			}
		}
	}
}
