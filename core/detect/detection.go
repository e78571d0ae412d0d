// Package detect is what a detector has beside its backbone: the head, the assignment of anchors to objects, the
// choice of boxes from its outputs, and average precision.
package detect

// Detection is a box that a detector found, in pixels of the picture, with continuous edges as data.Box has them.
type Detection struct {
	Class                  int
	Score                  float32
	XMin, YMin, XMax, YMax float32
}
