package data

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Augment says how much a training picture may change from epoch to epoch. The zero value changes
// nothing; each field switches one change on.
type Augment struct {
	MinArea    float64 // crop a part of this share of the area or more, in the whole's proportions; 0 is off
	Flip       float64 // probability to swap left and right
	FlipUp     float64 // probability to swap top and bottom
	Transpose  float64 // probability to swap x and y of a square input: with both flips, all eight symmetries of the square
	Rotate     float64 // largest angle in degrees, either way
	Contrast   float64 // largest relative change of the distance from mid-grey
	Brightness float64 // largest change of brightness as a share of mid-grey
	Blur       float64 // largest sigma of a Gaussian blur, in pixels of the model's input
	Shrink     float64 // draw at down to this share of the input's length, grey around; 0 is off
	Mosaic     float64 // probability to put four pictures with boxes together
	Mixup      float64 // alpha of mixup's Beta distribution (arXiv:1710.09412); wants soft targets
}

// DefaultAugment is the recipe of the PyTorch baselines that accuracy is compared with.
func DefaultAugment() Augment {
	return Augment{MinArea: 0.7, Flip: 0.5, Contrast: 0.2, Brightness: 0.2}
}

// BoxAugment is the recipe for pictures with boxes, of which there are few.
func BoxAugment() Augment {
	return Augment{MinArea: 0.5, Flip: 0.5, Contrast: 0.2, Brightness: 0.2, Shrink: 0.6, Mosaic: 0.5}
}

// Check refuses numbers outside what the fields mean.
func (a *Augment) Check() error {
	for _, f := range []struct {
		name      string
		v, lo, hi float64
	}{
		{"smallest area of a crop", a.MinArea, 0, 1},
		{"flip", a.Flip, 0, 1},
		{"flip up", a.FlipUp, 0, 1},
		{"transpose", a.Transpose, 0, 1},
		{"rotation in degrees", a.Rotate, 0, 180},
		{"contrast", a.Contrast, 0, 1},
		{"brightness", a.Brightness, 0, 1},
		{"blur in pixels", a.Blur, 0, 16},
		{"smallest length", a.Shrink, 0, 1},
		{"mosaic", a.Mosaic, 0, 1},
		{"mixup", a.Mixup, 0, 16},
	} {
		if !(f.lo <= f.v && f.v <= f.hi) {
			return fmt.Errorf("augmentation: %s is %v, want %v to %v", f.name, f.v, f.lo, f.hi)
		}
	}
	return nil
}

// change is what Augment came to for one picture in one epoch.
type change struct {
	box                  Rect
	flip, flipUp, swap   bool
	contrast, brightness float64 // y = (x-128)*contrast + 128*brightness
	angle                float64 // radians
	sigma                float64
	scale                float64 // of lengths in the input
	atX, atY             float64 // where the shrunken picture lies, shares of what is free
}

// draw decides the change of one w×h picture. It draws the same numbers whatever is switched on,
// so that switching one change off leaves the others as they were.
func (a *Augment) draw(rng *rand.Rand, w, h int) change {
	u := func(lo, hi float64) float64 { return lo + (hi-lo)*rng.Float64() }
	area := u(a.MinArea, 1)
	if a.MinArea <= 0 {
		area = 1
	}
	side := math.Sqrt(min(area, 1))
	d := change{
		box:        cropBox(rng, w, h, side),
		flip:       rng.Float64() < a.Flip,
		contrast:   u(1-a.Contrast, 1+a.Contrast),
		brightness: u(1-a.Brightness, 1+a.Brightness),
		flipUp:     rng.Float64() < a.FlipUp,
		angle:      u(-a.Rotate, a.Rotate) * math.Pi / 180,
		sigma:      u(0, a.Blur),
		scale:      u(a.Shrink, 1),
		atX:        rng.Float64(),
		atY:        rng.Float64(),
		swap:       rng.Float64() < a.Transpose,
	}
	if a.Shrink <= 0 {
		d.scale = 1
	}
	return d
}

// cropBox is a box of whole pixels with side times both lengths, anywhere in w×h.
func cropBox(rng *rand.Rand, w, h int, side float64) Rect {
	cw, ch := max(int(float64(w)*side), 1), max(int(float64(h)*side), 1)
	x, y := place(rng, w-cw), place(rng, h-ch)
	return Rect{float64(x), float64(y), float64(x + cw), float64(y + ch)}
}

// place is a whole number from 0 to most, from exactly one draw.
func place(rng *rand.Rand, most int) int { return int(rng.Float64() * float64(most+1)) }

// light changes contrast about mid-grey and brightness, and stays from 0 to 255.
func light(x []float32, contrast, brightness float32) {
	shift := 128*brightness - 128*contrast
	for i, v := range x {
		x[i] = min(max(v*contrast+shift, 0), 255)
	}
}

// FlipLeftRight mirrors a picture in place.
//
//	x  H×w×3
func FlipLeftRight(x []float32, w int) {
	for ; len(x) > 0; x = x[w*3:] {
		for i, j := 0, (w-1)*3; i < j; i, j = i+3, j-3 {
			x[i], x[i+1], x[i+2], x[j], x[j+1], x[j+2] = x[j], x[j+1], x[j+2], x[i], x[i+1], x[i+2]
		}
	}
}

// FlipUpDown turns a picture upside down in place.
//
//	x  H×w×3
func FlipUpDown(x []float32, w int) {
	for i, j := 0, len(x)-w*3; i < j; i, j = i+w*3, j-w*3 {
		for k := range w * 3 {
			x[i+k], x[j+k] = x[j+k], x[i+k]
		}
	}
}

// transpose swaps x and y of a square picture.
func transpose(x []float32, side int) {
	for i := range side {
		for j := range i {
			a, b := x[(i*side+j)*3:][:3], x[(j*side+i)*3:][:3]
			a[0], a[1], a[2], b[0], b[1], b[2] = b[0], b[1], b[2], a[0], a[1], a[2]
		}
	}
}
