package data

import "image"

// canvas is the memory in which one goroutine makes an input of pictures, and follows their boxes.
type canvas struct {
	resizer Resizer
	input   RGB   // the pictures at the input's size
	boxes   []Box // in pixels of it
	tile    RGB   // a picture of a mosaic
	tmp     []float32
	kernel  []float32
}

// begin clears the boxes and gives the canvas the input's size. What it shows is drawn over or filled.
func (c *canvas) begin(w, h int) {
	c.input.reshape(w, h)
	c.boxes = c.boxes[:0]
}

// whole is the input that evaluation makes of a picture.
func (c *canvas) whole(p Preprocess, img *reduced, boxes []Box) *RGB {
	into := p.fit(img.w, img.h)
	c.follow(boxes, img.from().Then(between(img.Full(), into)), into)
	if img.W == p.Width && img.H == p.Height {
		return &img.RGB
	}
	compose(&c.input, into, img, img.Full(), &c.resizer)
	return &c.input
}

// part draws the crop of a change, shrunken, with grey around it.
func (c *canvas) part(p Preprocess, img *reduced, boxes []Box, d change) {
	into := d.place(p.fit(img.w, img.h), image.Rect(0, 0, p.Width, p.Height))
	compose(&c.input, into, img, d.box, &c.resizer)
	c.follow(boxes, img.from().Then(between(d.box, into)), into)
}

// place shrinks a rectangle and puts it anywhere on the canvas; without a shrink it stays.
func (d change) place(r, canvas image.Rectangle) image.Rectangle {
	if d.scale >= 1 {
		return r
	}
	w, h := max(int(float64(r.Dx())*d.scale), 1), max(int(float64(r.Dy())*d.scale), 1)
	x, y := int(d.atX*float64(canvas.Dx()-w+1)), int(d.atY*float64(canvas.Dy()-h+1))
	return image.Rect(x, y, x+w, y+h)
}

// change writes the canvas, turned and tinted, as numbers from 0 to 255, and turns the boxes with it.
//
//	dst  h×w×3  overwritten
func (c *canvas) change(dst []float32, d change) {
	w, h := c.input.W, c.input.H
	toFloat(dst, &c.input)
	c.tmp = grow(c.tmp, len(dst))
	if d.flip {
		FlipLeftRight(dst, w)
		c.move(Affine{-1, 1, float64(w), 0})
	}
	if d.flipUp {
		FlipUpDown(dst, w)
		c.move(Affine{1, -1, 0, float64(h)})
	}
	if d.swap {
		transpose(dst, w)
		c.transpose()
	}
	if d.angle != 0 {
		rotate(c.tmp, dst, w, h, d.angle)
		copy(dst, c.tmp)
		c.turn(d.angle)
	}
	if d.sigma > 0 {
		c.kernel = gaussian(c.kernel[:0], d.sigma)
		blur(dst, c.tmp, w, h, c.kernel)
	}
	light(dst, float32(d.contrast), float32(d.brightness))
}
