package data

import (
	"cmp"
	"image"
	"math"
	"slices"
)

// visible is the share of a box's area that must be left for it to stay.
const visible = 0.4

// follow appends boxes where a picture's map puts them on the canvas, cut to the part that was drawn. One stays whose
// centre stays, with enough of its area.
func (c *canvas) follow(boxes []Box, m Affine, drawn image.Rectangle) {
	for _, b := range boxes {
		if b, ok := seen(m.Box(b), drawn); ok {
			c.boxes = append(c.boxes, b)
		}
	}
}

// seen is what is left of b inside a part of the canvas, and whether that is enough.
func seen(b Box, in image.Rectangle) (Box, bool) {
	x0, y0, x1, y1 := float32(in.Min.X), float32(in.Min.Y), float32(in.Max.X), float32(in.Max.Y)
	left := b.Clip(x0, y0, x1, y1)
	x, y := b.center()
	stays := x0 <= x && x < x1 && y0 <= y && y < y1
	return left, stays && left.Area() > 0 && left.Area() >= visible*b.Area()
}

// move maps every box by a map of the canvas to itself.
func (c *canvas) move(m Affine) {
	for i, b := range c.boxes {
		c.boxes[i] = m.Box(b)
	}
}

// transpose swaps x and y of the boxes.
func (c *canvas) transpose() {
	for i, b := range c.boxes {
		c.boxes[i] = Box{b.Class, b.YMin, b.XMin, b.YMax, b.XMax}
	}
}

// turn makes of every box the smallest upright one around it when the canvas is rotated.
func (c *canvas) turn(radians float64) {
	sin, cos := math.Sincos(radians)
	all, mx, my := c.boxes, float64(c.input.W)/2, float64(c.input.H)/2
	c.boxes = c.boxes[:0]
	for _, b := range all {
		x, y := b.center()
		dx, dy := float64(x)-mx, float64(y)-my
		w, h := float64(b.XMax-b.XMin)/2, float64(b.YMax-b.YMin)/2
		w, h = w*math.Abs(cos)+h*math.Abs(sin), w*math.Abs(sin)+h*math.Abs(cos)
		cx, cy := mx+dx*cos+dy*sin, my-dx*sin+dy*cos
		around := Box{b.Class, float32(cx - w), float32(cy - h), float32(cx + w), float32(cy + h)}
		if b, ok := seen(around, image.Rect(0, 0, c.input.W, c.input.H)); ok {
			c.boxes = append(c.boxes, b)
		}
	}
}

// boxValues is the length of a row of Batch.Boxes.
const boxValues = 5

// writeBoxes fills the rows of one picture, -1 as the class of those left over. Of too many boxes the largest stay.
//
//	dst  rows×5: class, xmin, ymin, xmax, ymax  overwritten
func writeBoxes(dst []float32, boxes []Box) {
	if rows := len(dst) / boxValues; len(boxes) > rows {
		slices.SortStableFunc(boxes, func(a, b Box) int { return cmp.Compare(b.Area(), a.Area()) })
		boxes = boxes[:rows]
	}
	for _, b := range boxes {
		copy(dst, []float32{float32(b.Class), b.XMin, b.YMin, b.XMax, b.YMax})
		dst = dst[boxValues:]
	}
	noBoxes(dst)
}

// noBoxes marks rows as holding none.
func noBoxes(rows []float32) {
	clear(rows)
	for i := 0; i < len(rows); i += boxValues {
		rows[i] = -1
	}
}
