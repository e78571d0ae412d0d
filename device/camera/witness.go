package camera

import (
	"errors"
	"fmt"
	"image"
	"math"
)

// Witness is what a part of the picture that must not change looks like: a grey card in the
// fixture, or the whole of an empty scene. Controls that read back right prove little where a camera
// ignores them; the picture proves it.
type Witness struct {
	Region image.Rectangle `json:"region"`
	Mean   float64         `json:"mean"`   // luma, 0 to 255
	Spread float64         `json:"spread"` // standard deviation
}

// ErrDrift is a witness that left its limits.
var ErrDrift = errors.New("the brightness of the witness region has changed")

// Measure looks at a region of a picture, all of it when the region is empty.
func Measure(m image.Image, region image.Rectangle) (Witness, error) {
	if region.Empty() {
		region = m.Bounds()
	}
	if !region.In(m.Bounds()) {
		return Witness{}, fmt.Errorf("witness region %v lies outside the picture, %v", region, m.Bounds())
	}
	var n, sum, squares float64
	luma := lumaOf(m)
	for y := region.Min.Y; y < region.Max.Y; y++ {
		for x := region.Min.X; x < region.Max.X; x++ {
			v := luma(x, y)
			n, sum, squares = n+1, sum+v, squares+v*v
		}
	}
	mean := sum / n
	return Witness{region, mean, math.Sqrt(max(squares/n-mean*mean, 0))}, nil
}

// lumaOf reads the luma of a pixel.
func lumaOf(m image.Image) func(x, y int) float64 {
	switch m := m.(type) {
	case *image.YCbCr:
		return func(x, y int) float64 { return float64(m.Y[m.YOffset(x, y)]) }
	case *image.Gray:
		return func(x, y int) float64 { return float64(m.Pix[m.PixOffset(x, y)]) }
	}
	return func(x, y int) float64 {
		r, g, b, _ := m.At(x, y).RGBA()
		return (0.299*float64(r) + 0.587*float64(g) + 0.114*float64(b)) / 257
	}
}

// Compare refuses a witness that differs from w by more than tolerance in mean or spread.
func (w Witness) Compare(now Witness, tolerance float64) error {
	if math.Abs(now.Mean-w.Mean) > tolerance || math.Abs(now.Spread-w.Spread) > tolerance {
		return fmt.Errorf("%w: mean %.1f and spread %.1f, were %.1f and %.1f; at most %.1f is allowed", ErrDrift, now.Mean, now.Spread, w.Mean, w.Spread, tolerance)
	}
	return nil
}
