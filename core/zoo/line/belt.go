package line

import (
	"math"
	"math/rand/v2"
)

// Weave is the structure of a belt.
type Weave int

// The weaves: rubber with a woven face, modular links with slots.
const (
	Woven Weave = iota
	Modular
)

// Belt is what the parts lie on.
type Belt struct {
	Weave   Weave
	Colours []Colour
	Pitch   float64 // of the weave, half short sides of the picture
	Dirt    Range   // share of the belt under crumbs
}

// belt is a Belt as it runs under one part.
type belt struct {
	Belt
	colour Colour
	phase  point
	crumbs float64
	seed   uint32
	unit   float64
}

func (b Belt) lay(rng *rand.Rand, unit float64) belt {
	return belt{b, batch(rng, b.Colours), point{rng.Float64(), rng.Float64()}, b.Dirt.draw(rng), rng.Uint32(), unit}
}

// at is the belt at q, half short sides from the middle of the picture.
func (b *belt) at(q point) texel {
	x, y := q.x/b.Pitch+b.phase.x, q.y/b.Pitch+b.phase.y
	n := value(q.x*11, q.y*11, b.seed)
	t := texel{albedo: b.colour.scale(1 + 0.14*n), gloss: 0.08}
	if b.Weave == Modular {
		b.link(&t, x, y)
	} else {
		t.z = 0.006 * math.Sin(2*math.Pi*x) * math.Sin(2*math.Pi*y)
	}
	b.crumb(&t, q)
	return t
}

// link is one module: staggered slots, a seam between the rows.
func (b *belt) link(t *texel, x, y float64) {
	row := math.Floor(y)
	v := y - row - 0.5
	u := x + 0.5*(row-2*math.Floor(row/2))
	u -= math.Floor(u) + 0.5
	px := 1.5 * b.unit / b.Pitch
	slot := inside(box(u, v, 0.3, 0.16, 0.16), px)
	seam := inside(0.47-math.Abs(v), px)
	t.albedo = t.albedo.scale(1 - 0.55*max(slot, 0.45*seam))
	t.z = -0.03 * max(slot, 0.6*seam)
	t.gloss = 0.16 * (1 - slot)
}

// crumb drops swarf and dust: at most one crumb a cell of a fine grid.
func (b *belt) crumb(t *texel, q point) {
	const cell = 0.09
	x, y := q.x/cell, q.y/cell
	ix, iy := math.Floor(x), math.Floor(y)
	if 0.5+0.5*lattice(int32(ix), int32(iy), b.seed^0x51) > b.crumbs {
		return
	}
	size := 0.16 + 0.1*lattice(int32(iy), int32(ix), b.seed^0x52)
	if a := ramp(math.Hypot(x-ix-0.5, y-iy-0.5), size, 0.5*size); a > 0 {
		t.albedo = t.albedo.toward(Colour{0.32, 0.3, 0.27}, a)
		t.z += 0.03 * a
	}
}
