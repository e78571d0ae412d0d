package data

// Box is a labelled rectangle in pixels of the upright picture. Edges are continuous, a pixel is one unit wide:
// 0 ≤ XMin < XMax ≤ width, 0 ≤ YMin < YMax ≤ height.
type Box struct {
	Class                  int // index into Classes
	XMin, YMin, XMax, YMax float32
}

// Area is the number of pixels that b covers, 0 if it is empty.
func (b Box) Area() float32 { return max(b.XMax-b.XMin, 0) * max(b.YMax-b.YMin, 0) }

// Clip is the part of b from x0, y0 to x1, y1, perhaps without an area.
func (b Box) Clip(x0, y0, x1, y1 float32) Box {
	return Box{b.Class, min(max(b.XMin, x0), x1), min(max(b.YMin, y0), y1), min(max(b.XMax, x0), x1), min(max(b.YMax, y0), y1)}
}

// center is the middle of b.
func (b Box) center() (x, y float32) { return (b.XMin + b.XMax) / 2, (b.YMin + b.YMax) / 2 }

// Affine maps a point x, y to x·SX + DX, y·SY + DY. A negative scale turns around.
type Affine struct{ SX, SY, DX, DY float64 }

// Box is the image of b.
func (a Affine) Box(b Box) Box {
	x0, x1 := float64(b.XMin)*a.SX+a.DX, float64(b.XMax)*a.SX+a.DX
	y0, y1 := float64(b.YMin)*a.SY+a.DY, float64(b.YMax)*a.SY+a.DY
	return Box{b.Class, float32(min(x0, x1)), float32(min(y0, y1)), float32(max(x0, x1)), float32(max(y0, y1))}
}

// Then is a followed by b.
func (a Affine) Then(b Affine) Affine {
	return Affine{a.SX * b.SX, a.SY * b.SY, a.DX*b.SX + b.DX, a.DY*b.SY + b.DY}
}

// Inverse maps back. Scales are not 0.
func (a Affine) Inverse() Affine {
	return Affine{1 / a.SX, 1 / a.SY, -a.DX / a.SX, -a.DY / a.SY}
}
