package line

import "math"

// plate is a sheet-metal cover, printed with a lot number. Its missing part is a rivet.
type plate struct {
	body   material
	hx, hy float64
	corner float64
	rivets []point
	head   float64
	gone   int
	slots  []point
	slot   float64 // half length
	steel  Colour
	marking
}

func newPlate(d *draft) specimen {
	p := &plate{body: d.material(), hx: 0.9 + 0.06*d.Float64(), hy: 0.62 + 0.1*d.Float64()}
	p.corner = 0.04 + 0.14*d.Float64()
	x, y := p.hx-0.16, p.hy-0.15
	p.rivets = []point{{x, y}, {-x, y}, {x, -y}, {-x, -y}}
	if d.IntN(2) == 0 {
		p.rivets = append(p.rivets, point{0, y}, point{0, -y})
	}
	p.head, p.slot = 0.075+0.015*d.Float64(), 0.1+0.1*d.Float64()
	p.slots = [][]point{{{-0.72, 0}}, {{0.72, 0}}, {{-0.72, 0}, {0.72, 0}}}[d.IntN(3)]
	p.marking = d.mark(lettering(serial(d.Rand, 5)), point{0.06 * (d.Float64() - 0.5), 0}, 0.98, 0.31)
	p.steel = Hex(0x9a9ca0)
	p.gone = d.missing(len(p.rivets))
	return p
}

func (p *plate) outline(q point) float64 {
	_, s := nearest(p.slots, q)
	return max(box(q.x, q.y, p.hx, p.hy, p.corner), -box(s.x, s.y, 0.05, p.slot, 0.05))
}

func (p *plate) surface(q point, d float64) texel {
	t := p.body.at(q, 0.1-0.025*ramp(d, -0.035, 0))
	p.print(&t, q)
	i, r := nearest(p.rivets, q)
	if i == p.gone {
		return socket(t, r, 0.05)
	}
	return p.rivet(t, r)
}

// rivet is a domed head of bare metal, q from its middle.
func (p *plate) rivet(t texel, q point) texel {
	r := math.Sqrt(q.x*q.x + q.y*q.y)
	if r > p.head+0.03 {
		return t
	}
	dome := texel{t.z + 0.06*math.Sqrt(max(0, 1-sq(r/p.head))), p.steel, 0.6, point{}}
	return t.over(dome, ramp(r, p.head+0.012, p.head-0.012))
}
