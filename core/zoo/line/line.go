// Package line photographs parts that never existed: a procedural production line, for `secateur
// demo` and for pretraining the embedded model.
//
// A photograph is made as a camera makes one. A part and the belt under it become a field of
// texels (height, albedo, gloss); a lamp lights the field; a lens blurs it; a sensor adds noise
// and rounds to 8 bits. A defect changes texels, nothing after them: the same (seed, index) shows
// the same part in the same pose under the same lamp in every class, so the difference from the
// ok picture is the defect and nothing else.
//
// Lengths are in part units: the short side of the picture spans about 2.3 of them. Colours are
// linear light until the sensor.
package line

import (
	"image"
	"math/rand/v2"
)

// Line describes one production line. Its values may be changed before the first picture; the
// shapes of its products are fixed.
type Line struct {
	Name     string
	Products []Product // families of parts; every one has all States
	Belt     Belt
	Light    Light
	Pose     Pose
	Camera   Camera
}

// Product is a family of parts: no two specimens are alike, but all have the same features.
type Product struct {
	Name    string
	Finish  Finish
	Colours []Colour // of the body, one a batch
	Inks    []Colour // of what is printed, etched or burnt on it
	Defects Defects

	mould func(*draft) specimen
}

// Pose says how far parts lie from the middle of the belt.
type Pose struct {
	Shift Range // along x and y, in half short sides of the picture
	Turn  Range // radians
	Scale Range // half short sides of the picture a part unit
}

// State is the condition of one specimen.
type State int

// The conditions, in the order of the classes.
const (
	OK State = iota
	Scratched
	Dented
	Stained
	MissingPart
	Misprinted
)

// States are the names of the conditions.
var States = [...]string{"ok", "scratch", "dent", "stain", "missing_part", "misprint"}

// Classes are the names of the classes in the order of their numbers: the States where the line
// makes one product, and PRODUCT-STATE, product by product, where it makes several.
func (l Line) Classes() []string {
	var names []string
	for _, p := range l.Products {
		prefix := ""
		if len(l.Products) > 1 {
			prefix = p.Name + "-"
		}
		for _, s := range States {
			names = append(names, prefix+s)
		}
	}
	return names
}

// split is the product and the state of a class.
func (l Line) split(class int) (*Product, State) {
	return &l.Products[uint(class)/uint(len(States))], State(class % len(States))
}

// Render photographs specimen number index of a class (its place in Classes), w×h pixels. It
// panics on a class that the line does not have. It is safe to call from many goroutines.
func (l Line) Render(class int, seed, index uint64, w, h int) *image.RGBA {
	return l.stage(class, seed, index, w, h).shoot()
}

// DefectMask is 255 where the photograph of the same arguments would differ from the ok one
// without sensor noise by more than maskLevels, 0 elsewhere.
func (l Line) DefectMask(class int, seed, index uint64, w, h int) *image.Gray {
	mask := image.NewGray(image.Rect(0, 0, w, h))
	bad := l.still(class, seed, index, w, h)
	good := l.still(class-class%len(States), seed, index, w, h)
	for i := range mask.Pix {
		if apart(bad.Pix[4*i:4*i+3], good.Pix[4*i:4*i+3]) > maskLevels {
			mask.Pix[i] = 255
		}
	}
	return mask
}

// maskLevels is about the sensor noise of one pixel, in 8-bit levels.
const maskLevels = 6

// still is Render with a sensor that makes no noise.
func (l Line) still(class int, seed, index uint64, w, h int) *image.RGBA {
	l.Camera.Noise = Range{}
	return l.Render(class, seed, index, w, h)
}

// apart is the largest difference of two pixels over their channels.
func apart(a, b []uint8) int {
	most := 0
	for i := range a {
		d := int(a[i]) - int(b[i])
		most = max(most, d, -d)
	}
	return most
}

// Range is an interval that numbers are drawn from evenly.
type Range struct{ Min, Max float64 }

func (r Range) draw(rng *rand.Rand) float64 {
	return r.Min + (r.Max-r.Min)*rng.Float64()
}

// pick draws one of a list.
func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }
