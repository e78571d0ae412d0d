package line

import "math"

// flange is a turned disc with a bolt circle. Its missing part is a bolt.
type flange struct {
	body, steel material
	radius      float64
	bore, hub   float64
	bolts       []point
	head        float64 // inscribed radius of a bolt's head
	twist       []point // sine and cosine of each head
	gone        int
	marking     marking
	middle      float64 // angle of the marking
}

func newFlange(d *draft) specimen {
	f := &flange{body: d.material(), radius: 0.92 + 0.05*d.Float64()}
	f.steel = material{Cast, Hex(pick(d.Rand, []uint32{0x55585c, 0x8c8f93, 0xa08a50})), d.Uint32()}
	f.bore = 0.15 + 0.1*d.Float64()
	f.hub = f.bore + 0.08
	f.head = 0.085 + 0.015*d.Float64()
	n := 4 + d.IntN(4)
	f.bolts = ring(n, 0.76, 2*math.Pi*d.Float64())
	for range n {
		f.twist = append(f.twist, polar(1, math.Pi*d.Float64()))
	}
	f.middle = 2 * math.Pi * d.Float64()
	f.marking = d.mark(lettering(serial(d.Rand, 5)), point{}, 0.98, 0.25)
	f.gone = d.missing(n)
	return f
}

func (f *flange) outline(p point) float64 {
	r := math.Sqrt(p.x*p.x + p.y*p.y)
	return max(r-f.radius, f.bore-r)
}

func (f *flange) surface(p point, d float64) texel {
	r := math.Sqrt(p.x*p.x + p.y*p.y)
	z := 0.14 + 0.06*ramp(r, f.hub+0.03, f.hub) - 0.03*ramp(d, -0.05, 0) - 0.012*ramp(math.Abs(r-0.62), 0.02, 0.008)
	t := f.body.at(p, z)
	if r < 0.64 {
		a := math.Remainder(math.Atan2(p.y, p.x)-f.middle, 2*math.Pi)
		f.marking.print(&t, point{a * 0.47, 0.47 - r})
		return t
	}
	i, q := nearest(f.bolts, p)
	if i == f.gone {
		return socket(t, q, 0.075)
	}
	return f.bolt(t, q.turn(f.twist[i].y, f.twist[i].x))
}

// bolt is a hexagon head on a washer, q from its middle.
func (f *flange) bolt(t texel, q point) texel {
	r := math.Sqrt(q.x*q.x + q.y*q.y)
	if r > 1.6*f.head {
		return t
	}
	washer := f.steel.at(q, t.z+0.015)
	t = t.over(washer, ramp(r, 1.5*f.head, 1.35*f.head))
	h := hexagon(q.x, q.y, f.head)
	head := f.steel.at(q, t.z+0.07-0.03*ramp(r, 0.7*f.head, 1.1*f.head))
	head.albedo, head.gloss = head.albedo.scale(1.25), 0.5
	return t.over(head, ramp(h, 0.015, -0.015))
}

// socket is the empty hole of a fitting, q from its middle: a countersink and the dark.
func socket(t texel, q point, radius float64) texel {
	r := math.Sqrt(q.x*q.x + q.y*q.y)
	t.z -= 0.02 * ramp(r, 1.35*radius, radius)
	hole := texel{z: t.z - 0.1, albedo: Colour{0.012, 0.012, 0.013}}
	return t.over(hole, ramp(r, radius+0.015, radius-0.015))
}
