package line

import "math"

// Defects says what the defects of a product look like. Lengths are in part units.
type Defects struct {
	Scratch   Scratch
	Dent      Dent
	Stain     Stain
	Misprints Misprints
}

// Scratch is a groove, and what its bare flanks look like.
type Scratch struct {
	Length, Width, Depth Range
	Bend                 float64 // largest sagitta, share of the length
	Strokes              int     // at most, side by side
	Tint                 Colour
	Opacity              Range
}

// Dent is a hollow with a flat bottom and a raised rim.
type Dent struct {
	Radius, Depth Range
	Stretch       Range   // longer over shorter axis
	Rim           float64 // its height, share of the depth
}

// Stain is a blot of something: oil, rust, residue.
type Stain struct {
	Radius  Range
	Tints   []Colour
	Opacity Range
	Body    float64 // 0 glazes like oil, 1 covers like dried lime
	Gloss   float64 // of the wet or dried surface
	Edge    float64 // how much darker the edge is than the middle, as coffee dries
	Rough   float64 // how ragged the border is
}

// flaw changes the texels of a part around one place.
type flaw interface {
	mark(t *texel, p point)
}

// flaws are the defects of the surface; missing parts and misprints are matters of the mould.
func (k *Defects) flaws(d *draft, part specimen) []flaw {
	switch d.state {
	case Scratched:
		return k.Scratch.draw(d, part)
	case Dented:
		return []flaw{k.Dent.draw(d, part)}
	case Stained:
		return []flaw{k.Stain.draw(d, part)}
	}
	return nil
}

// spot is an even point of the part at least room from its silhouette, or the last of many tries.
func (d *draft) spot(part specimen, room float64) point {
	var p point
	for range 200 {
		p = point{1.9*d.fault.Float64() - 0.95, 1.9*d.fault.Float64() - 0.95}
		if part.outline(p) < -room {
			break
		}
	}
	return p
}

// flat is a spot with level ground around it, or the last of many tries.
func (d *draft) flat(part specimen, room float64) point {
	var p point
	for range 40 {
		p = d.spot(part, room)
		low, high := math.Inf(1), math.Inf(-1)
		for _, q := range ring(8, room, 0) {
			q = point{p.x + q.x, p.y + q.y}
			z := part.surface(q, part.outline(q)).z
			low, high = min(low, z), max(high, z)
		}
		if high-low < levelGround {
			break
		}
	}
	return p
}

// levelGround is more than the roughness of any finish, less than any step of a part.
const levelGround = 0.022

// scratch is a run of straight pieces, tapered at both ends.
type scratch struct {
	path         []point
	width, depth float64
	tint         Colour
	opacity      float64
	low, high    point // bounding box
}

// scratchPieces make one stroke.
const scratchPieces = 6

func (k *Scratch) draw(d *draft, part specimen) []flaw {
	at, angle := d.spot(part, 0.1), 2*math.Pi*d.fault.Float64()
	length, bend := k.Length.draw(d.fault), k.Bend*(2*d.fault.Float64()-1)
	var strokes []flaw
	for i := range 1 + d.fault.IntN(k.Strokes) {
		s := &scratch{width: max(k.Width.draw(d.fault), 0.45*d.px), depth: k.Depth.draw(d.fault),
			tint: k.Tint, opacity: k.Opacity.draw(d.fault)}
		aside := point{0.06 * float64(i), 0.1 * (d.fault.Float64() - 0.5)}
		s.lay(at, angle+0.1*float64(i)*(d.fault.Float64()-0.5), length*(1-0.25*float64(i)), bend, aside)
		strokes = append(strokes, s)
	}
	return strokes
}

// lay runs a parabola of the given length through at, and leaves room for its width.
func (s *scratch) lay(at point, angle, length, bend float64, aside point) {
	sin, cos := math.Sincos(angle)
	s.low, s.high = point{9, 9}, point{-9, -9}
	for i := range scratchPieces + 1 {
		t := 2*float64(i)/scratchPieces - 1
		q := point{length / 2 * t, length * bend * (1 - t*t)}
		q = point{q.x + aside.y, q.y + aside.x}.turn(sin, cos)
		q = point{at.x + q.x, at.y + q.y}
		s.path = append(s.path, q)
		s.low = point{min(s.low.x, q.x-4*s.width), min(s.low.y, q.y-4*s.width)}
		s.high = point{max(s.high.x, q.x+4*s.width), max(s.high.y, q.y+4*s.width)}
	}
}

func (s *scratch) mark(t *texel, p point) {
	if p.x < s.low.x || p.x > s.high.x || p.y < s.low.y || p.y > s.high.y {
		return
	}
	dist, along := s.nearest(p)
	width := s.width * (0.4 + 0.6*ramp(math.Abs(2*along-1), 1, 0.3))
	groove := math.Exp(-sq(dist / width))
	flank := math.Exp(-sq((dist - 2*width) / width))
	t.z += s.depth * (0.5*flank - groove)
	t.albedo = t.albedo.toward(s.tint, s.opacity*groove)
	t.grain = point{t.grain.x * (1 - groove), t.grain.y * (1 - groove)}
}

// nearest is the distance from p to the path and the share of the path up to there.
func (s *scratch) nearest(p point) (dist, along float64) {
	dist = math.Inf(1)
	for i := range scratchPieces {
		if d, t := segment(p, s.path[i], s.path[i+1]); d < dist {
			dist, along = d, (float64(i)+t)/scratchPieces
		}
	}
	return dist, along
}

// dent is a Dent in one place.
type dent struct {
	at            point
	sin, cos      float64
	radius, depth float64
	stretch, rim  float64
}

func (k *Dent) draw(d *draft, part specimen) flaw {
	f := &dent{radius: k.Radius.draw(d.fault), rim: k.Rim, stretch: math.Sqrt(k.Stretch.draw(d.fault))}
	f.at = d.flat(part, 0.6*f.radius)
	f.depth = k.Depth.draw(d.fault)
	f.sin, f.cos = math.Sincos(math.Pi * d.fault.Float64())
	return f
}

func (f *dent) mark(t *texel, p point) {
	q := point{p.x - f.at.x, p.y - f.at.y}.turn(f.sin, f.cos)
	r2 := (sq(q.x/f.stretch) + sq(q.y*f.stretch)) / sq(f.radius)
	if r2 > 4 {
		return
	}
	bowl, rim := math.Exp(-2*r2*r2), math.Exp(-4*sq(r2-1.4))
	t.z += f.depth * (f.rim*rim - bowl)
	t.albedo = t.albedo.scale(1 - 0.1*bowl)
}

// stain is a Stain in one place.
type stain struct {
	Stain
	at      point
	radius  float64
	tint    Colour
	opacity float64
	seed    uint32
}

func (k *Stain) draw(d *draft, part specimen) flaw {
	f := &stain{Stain: *k, radius: k.Radius.draw(d.fault), seed: d.fault.Uint32()}
	f.at = d.spot(part, 0.5*f.radius)
	f.tint, f.opacity = pick(d.fault, k.Tints), k.Opacity.draw(d.fault)
	return f
}

func (f *stain) mark(t *texel, p point) {
	x, y := (p.x-f.at.x)/f.radius, (p.y-f.at.y)/f.radius
	r := math.Sqrt(x*x + y*y)
	if r > 1.8 {
		return
	}
	r += f.Rough * fractal(1.6*x, 1.6*y, f.seed, 2)
	a := f.opacity * ramp(r, 1, 0.8) * (1 - f.Edge*ramp(r, 0.85, 0.5))
	t.albedo = t.albedo.toward(t.albedo.times(f.tint).toward(f.tint, f.Body), a)
	t.gloss += (f.Gloss - t.gloss) * a
}
