package line

import (
	"math"
	"math/rand/v2"
)

// Light is one lamp over the belt and the light of the hall.
type Light struct {
	Azimuth   Range // radians
	Elevation Range // radians above the belt
	Gain      Range // exposure
	Ambient   Range // share of the light that comes from everywhere
	Warmth    Range // -1 bluish to 1 reddish
	Vignette  Range // loss of light in the corners, share
}

// lamp is a Light as it hangs over one picture.
type lamp struct {
	at                      [3]float64 // half short sides from the middle of the picture
	sx, sy, sz              float64    // unit vector to the lamp from there
	gain, ambient, vignette float64
	tint                    Colour
}

// lampDistance makes a light fall off visibly over a picture: half short sides.
const lampDistance = 4

func (l Light) hang(rng *rand.Rand) lamp {
	sa, ca := math.Sincos(l.Azimuth.draw(rng))
	se, ce := math.Sincos(l.Elevation.draw(rng))
	m := lamp{sx: ce * ca, sy: ce * sa, sz: se}
	m.at = [3]float64{m.sx * lampDistance, m.sy * lampDistance, m.sz * lampDistance}
	m.gain, m.ambient, m.vignette = l.Gain.draw(rng), l.Ambient.draw(rng), l.Vignette.draw(rng)
	warm := l.Warmth.draw(rng)
	m.tint = Colour{1 + 0.14*warm, 1, 1 - 0.18*warm}
	return m
}

// shine lights a field of texels, (h+2·margin)×(w+2·margin); out is h×w.
func (m *lamp) shine(out []Colour, field []texel, s *stage) {
	stride := s.w + 2*margin
	steps := m.shadowSteps(s.px)
	for i := range s.h {
		for j := range s.w {
			k := (i+margin)*stride + j + margin
			t := &field[k]
			n := normal(field[k-1].z, field[k+1].z, field[k-stride].z, field[k+stride].z, s.px)
			lit := shadow(field, k, i+margin, j+margin, stride, s.h+2*margin, steps)
			out[i*s.w+j] = m.reflect(t, n, s.view(i, j), lit)
		}
	}
}

// normal is the upward unit normal from heights one pixel left, right, above and below.
func normal(l, r, a, b, px float64) [3]float64 {
	x, y := slope((l-r)/(2*px)), slope((a-b)/(2*px))
	k := 1 / math.Sqrt(x*x+y*y+1)
	return [3]float64{x * k, y * k, k}
}

// slope keeps edges from turning black or white altogether.
func slope(v float64) float64 { return 3*clamp(v/3+0.5) - 1.5 }

// tap is one sample on the way from a texel to the lamp.
type tap struct {
	di, dj int
	rise   float64 // of the ray, part units
}

// shadowReach is the longest shadow, part units; shadowTaps samples lie on the way.
const (
	shadowReach = 0.22
	shadowTaps  = 6
)

func (m *lamp) shadowSteps(px float64) []tap {
	taps := make([]tap, shadowTaps)
	flat := math.Hypot(m.sx, m.sy)
	for i := range taps {
		far := shadowReach * float64(i+1) / shadowTaps
		taps[i] = tap{
			di:   int(math.Round(far * m.sy / flat / px)),
			dj:   int(math.Round(far * m.sx / flat / px)),
			rise: far * m.sz / flat,
		}
	}
	return taps
}

// shadow is 1 in full light, less where something higher stands in the way.
func shadow(field []texel, k, i, j, w, h int, taps []tap) float64 {
	z, dark := field[k].z, 0.0
	for _, t := range taps {
		if uint(i+t.di) < uint(h) && uint(j+t.dj) < uint(w) {
			if over := field[k+t.di*w+t.dj].z - z - t.rise; over > dark {
				dark = over
			}
		}
	}
	return 1 - 0.75*ramp(dark, 0, 0.07)
}

// reflect is Lambert's law and a highlight: that of Blinn (1977) where the surface has no grain,
// that of Kajiya and Kay (1989) across brush marks. A flat surface is
// as bright under a low lamp as under a high one: the exposure sees to that.
func (m *lamp) reflect(t *texel, n [3]float64, q point, lit float64) Colour {
	x, y, z := m.at[0]-q.x, m.at[1]-q.y, m.at[2]
	k := 1 / math.Sqrt(x*x+y*y+z*z)
	fall := lampDistance * lampDistance * k * k
	x, y, z = x*k, y*k, z*k
	facing := n[0]*x + n[1]*y + n[2]*z
	diffuse := m.ambient*(0.55+0.45*n[2]) + (1-m.ambient)*lit*fall*clamp(facing)/m.sz
	half := 1 / math.Sqrt(2+2*z) // 1/|lamp + viewer|
	plain := power16(clamp((facing + n[2]) * half))
	along := (t.grain.x*x + t.grain.y*y) * half
	brushed := power16(1 - along*along)
	grainy := t.grain.x*t.grain.x + t.grain.y*t.grain.y
	spark := t.gloss * lit * fall * (plain + (brushed*(0.4+0.6*plain)-plain)*grainy)
	light := m.gain * (1 - m.vignette*(q.x*q.x+q.y*q.y)/2)
	body := t.albedo.scale(diffuse * (1 - 0.45*t.gloss))
	shine := t.albedo.toward(Colour{1, 1, 1}, 0.35).scale(0.75 * spark)
	return Colour{body.R + shine.R, body.G + shine.G, body.B + shine.B}.times(m.tint).scale(light)
}

func power16(x float64) float64 {
	x *= x
	x *= x
	x *= x
	return x * x
}
