package line

import (
	"image"
	"math"
	"math/rand/v2"
	"sync"
)

// Camera is the lens and the sensor.
type Camera struct {
	Width, Height int   // pixels of the pictures that Write stores
	Blur          Range // standard deviation in pixels of a picture 96 pixels high
	Noise         Range // standard deviation of one channel at full light, share of full scale
}

// film is a Camera at the moment of one picture.
type film struct {
	taps  []float64 // half of the blur kernel, from its middle
	noise float64
	seed  uint64
	curve *[levelSteps + 1]uint8
}

func (c Camera) load(rng *rand.Rand, unit float64) film {
	sigma := c.Blur.draw(rng) / (48 * unit)
	return film{taps: gauss(sigma), noise: c.Noise.draw(rng), seed: rng.Uint64(), curve: levels()}
}

// gauss is the right half of a normalised Gaussian kernel, cut at two standard deviations.
func gauss(sigma float64) []float64 {
	taps := make([]float64, 1+int(math.Ceil(2*sigma)))
	sum := 0.0
	for i := range taps {
		taps[i] = math.Exp(-sq(float64(i)) / (2*sigma*sigma + 1e-9))
		sum += 2 * taps[i]
	}
	sum -= taps[0]
	for i := range taps {
		taps[i] /= sum
	}
	return taps
}

// print blurs light, h×w, adds noise and rounds to 8 bits; soft is room for as much again.
func (f *film) print(light, soft []Colour, w, h int) *image.RGBA {
	for i := range h {
		f.blur(soft[i*w:], light[i*w:], w, 1)
	}
	for j := range w {
		f.blur(light[j:], soft[j:], h, w)
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i, c := range light {
		f.expose(img.Pix[4*i:4*i+4], c, uint64(i))
	}
	return img
}

// blur smooths n colours that lie stride apart; beyond the border lies the border.
func (f *film) blur(dst, src []Colour, n, stride int) {
	for i := range n {
		c := src[i*stride].scale(f.taps[0])
		for k := 1; k < len(f.taps); k++ {
			a, b, t := src[max(i-k, 0)*stride], src[min(i+k, n-1)*stride], f.taps[k]
			c.R += (a.R + b.R) * t
			c.G += (a.G + b.G) * t
			c.B += (a.B + b.B) * t
		}
		dst[i*stride] = c
	}
}

// expose is one pixel of the sensor. Shot noise grows with the root of the light; the constant is
// the noise of reading out, a quarter of it at full light.
func (f *film) expose(pix []uint8, c Colour, i uint64) {
	a := mix64(f.seed + i)
	b := mix64(a)
	noise := f.noise * math.Sqrt(c.G+0.06)
	pix[0] = f.level(c.R + noise*bell(uint32(a)))
	pix[1] = f.level(c.G + noise*bell(uint32(a>>32)))
	pix[2] = f.level(c.B + noise*bell(uint32(b)))
	pix[3] = 255
}

// bell is nearly normal with standard deviation 1: the sum of four even bytes.
func bell(bits uint32) float64 {
	sum := bits&255 + bits>>8&255 + bits>>16&255 + bits>>24
	return (float64(sum) - 510) / 147.8
}

// levelSteps is how finely the curve of the sensor is tabulated.
const levelSteps = 4096

// levels is the sRGB curve over even steps of linear light, made at the first picture.
var levels = sync.OnceValue(srgbTable)

func srgbTable() *[levelSteps + 1]uint8 {
	var t [levelSteps + 1]uint8
	for i := range t {
		x := float64(i) / levelSteps
		y := 12.92 * x
		if x > 0.0031308 {
			y = 1.055*math.Pow(x, 1/2.4) - 0.055
		}
		t[i] = uint8(255*y + 0.5)
	}
	return &t
}

// level rounds linear light to an sRGB level.
func (f *film) level(x float64) uint8 { return f.curve[int(clamp(x)*levelSteps+0.5)] }
