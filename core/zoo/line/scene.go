package line

import (
	"image"
	"math"
	"math/rand/v2"
	"sync"
)

// texel is what the camera sees in one direction.
type texel struct {
	z      float64 // height above the belt, part units
	albedo Colour
	gloss  float64 // 0 matt to 1 bare metal
	grain  point   // direction of brush marks, length 0 (none) to 1
}

// over covers t by s to the share a.
func (t texel) over(s texel, a float64) texel {
	return texel{
		z:      t.z + (s.z-t.z)*a,
		albedo: t.albedo.toward(s.albedo, a),
		gloss:  t.gloss + (s.gloss-t.gloss)*a,
		grain:  point{t.grain.x + (s.grain.x-t.grain.x)*a, t.grain.y + (s.grain.y-t.grain.y)*a},
	}
}

// specimen is one part, in its own coordinates: its silhouette lies within the unit circle or
// slightly beyond.
type specimen interface {
	// outline is the signed distance to the silhouette, negative inside; holes are outside.
	outline(p point) float64
	// surface is what p is made of, d being outline(p).
	surface(p point, d float64) texel
}

// draft is what a mould needs to make a specimen. Its two streams are apart, so that a missing
// part leaves all others as they were.
type draft struct {
	*rand.Rand            // of the specimen
	fault      *rand.Rand // of the defect
	state      State
	product    *Product
	px         float64 // width of a pixel
}

// missing is which of n fittings is left out, -1 for none.
func (d *draft) missing(n int) int {
	if d.state != MissingPart {
		return -1
	}
	return d.fault.IntN(n)
}

// stage is everything in front of the camera, and the camera.
type stage struct {
	w, h  int
	part  specimen
	flaws []flaw
	belt  belt
	lamp  lamp
	film  film

	unit     float64 // half short sides a pixel
	px       float64 // part units a pixel
	shift    point
	sin, cos float64
	scale    float64
}

// stage sets up the scene of a class.
func (l Line) stage(class int, seed, index uint64, w, h int) *stage {
	product, state := l.split(class)
	family := uint64(class / len(States))
	s := &stage{w: w, h: h, unit: 2 / float64(min(w, h))}
	key := index + family<<56
	s.place(l.Pose, stream(seed, key, "pose"))
	d := &draft{stream(seed, key, "part"), stream(seed, key, "fault"), state, product, s.px}
	s.part = product.mould(d)
	s.flaws = product.Defects.flaws(d, s.part)
	s.belt = l.Belt.lay(stream(seed, key, "belt"), s.unit)
	s.lamp = l.Light.hang(stream(seed, key, "light"))
	s.film = l.Camera.load(stream(seed, key, "camera"), s.unit)
	return s
}

func (s *stage) place(p Pose, rng *rand.Rand) {
	s.shift = point{p.Shift.draw(rng), p.Shift.draw(rng)}
	s.sin, s.cos = math.Sincos(p.Turn.draw(rng))
	s.scale = p.Scale.draw(rng)
	s.px = s.unit / s.scale
}

// margin is how many texels beyond the picture are laid out, for slopes and blur.
const margin = 1

// texels lays out the scene, (h+2·margin)×(w+2·margin).
func (s *stage) texels(field []texel) {
	w, h := s.w+2*margin, s.h+2*margin
	for i := range h {
		for j := range w {
			s.lay(&field[i*w+j], s.view(i-margin, j-margin))
		}
	}
}

// view is the middle of a pixel in half short sides from the middle of the picture.
func (s *stage) view(i, j int) point {
	return point{(float64(j) + 0.5 - float64(s.w)/2) * s.unit, (float64(i) + 0.5 - float64(s.h)/2) * s.unit}
}

// lay is what the camera sees at q.
func (s *stage) lay(t *texel, q point) {
	p := point{(q.x - s.shift.x) / s.scale, (q.y - s.shift.y) / s.scale}.turn(-s.sin, s.cos)
	d := s.part.outline(p)
	cover := inside(d, s.px)
	if cover == 0 {
		*t = s.belt.at(q)
		return
	}
	*t = s.part.surface(p, d)
	for _, f := range s.flaws {
		f.mark(t, p)
	}
	t.grain = t.grain.turn(s.sin, s.cos)
	if cover < 1 {
		*t = s.belt.at(q).over(*t, cover)
	}
}

// shoot lays out the scene, lights it and takes the picture.
func (s *stage) shoot() *image.RGBA {
	r := rooms.Get().(*room)
	defer rooms.Put(r)
	r.fit(s.w, s.h)
	s.texels(r.field)
	s.lamp.shine(r.light, r.field, s)
	return s.film.print(r.light, r.soft, s.w, s.h)
}

// room is the memory of one picture; rooms are used again, for a megabyte a picture keeps the
// garbage collector busier than the lamp.
type room struct {
	field       []texel  // (h+2·margin)×(w+2·margin)
	light, soft []Colour // h×w
}

var rooms = sync.Pool{New: func() any { return new(room) }}

func (r *room) fit(w, h int) {
	n, m := w*h, (w+2*margin)*(h+2*margin)
	if cap(r.light) < n || cap(r.field) < m {
		*r = room{make([]texel, m), make([]Colour, n), make([]Colour, n)}
	}
	r.field, r.light, r.soft = r.field[:m], r.light[:n], r.soft[:n]
}
