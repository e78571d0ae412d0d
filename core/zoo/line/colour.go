package line

import (
	"math"
	"math/rand/v2"
)

// Colour is linear light, 0 to 1 a channel.
type Colour struct{ R, G, B float64 }

// Hex is the colour that an sRGB number such as 0xff8000 shows.
func Hex(rgb uint32) Colour {
	return Colour{linear(uint8(rgb >> 16)), linear(uint8(rgb >> 8)), linear(uint8(rgb))}
}

// linear decodes one sRGB channel (IEC 61966-2-1).
func linear(v uint8) float64 {
	f := float64(v) / 255
	if f <= 0.04045 {
		return f / 12.92
	}
	return math.Pow((f+0.055)/1.055, 2.4)
}

func (c Colour) scale(s float64) Colour { return Colour{c.R * s, c.G * s, c.B * s} }

func (c Colour) times(d Colour) Colour { return Colour{c.R * d.R, c.G * d.G, c.B * d.B} }

// toward goes the share t of the way to d.
func (c Colour) toward(d Colour, t float64) Colour {
	return Colour{c.R + (d.R-c.R)*t, c.G + (d.G-c.G)*t, c.B + (d.B-c.B)*t}
}

// batch is one of several colours as a batch of paint brings it: a little lighter or darker.
func batch(rng *rand.Rand, from []Colour) Colour {
	return pick(rng, from).scale(0.88 + 0.24*rng.Float64())
}
