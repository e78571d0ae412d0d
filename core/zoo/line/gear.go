package line

import "math"

// gear is a spur gear: a cast web between a turned hub and a toothed rim. Its missing part is a
// tooth, broken off.
type gear struct {
	body, web material
	teeth     float64
	phase     float64
	root, tip float64 // radii
	hub, bore float64
	holes     []point // through the web
	hole      float64
	broken    float64 // angle of the missing tooth, NaN for none
	stump     float64 // what is left of it, share of its height
	marking   marking
	middle    float64 // angle of the marking
}

func newGear(d *draft) specimen {
	g := &gear{body: d.material()}
	g.web = g.body.as(Cast, 0.62)
	n := 11 + d.IntN(8)
	g.teeth, g.phase = float64(n), 2*math.Pi*d.Float64()
	g.tip = 0.94 + 0.04*d.Float64()
	g.root = g.tip - 0.17 + 0.03*d.Float64()
	g.bore = 0.13 + 0.05*d.Float64()
	g.hub = g.bore + 0.12 + 0.03*d.Float64()
	g.middle, g.hole = 2*math.Pi*d.Float64(), 0.07+0.03*d.Float64()
	for _, a := range [][]float64{{math.Pi}, {2.2, -2.2}, {1.9, math.Pi, -1.9}}[d.IntN(3)] {
		g.holes = append(g.holes, polar(0.49, g.middle+a))
	}
	text := lettering(serial(d.Rand, 4))
	g.marking = d.mark(text, point{}, 0.84, 0.27)
	g.broken = math.NaN()
	if k := d.missing(n); k >= 0 {
		g.broken = 2 * math.Pi * float64(k) / g.teeth
		g.stump = 0.25 * d.fault.Float64()
	}
	return g
}

func (g *gear) outline(p point) float64 {
	r := math.Sqrt(p.x*p.x + p.y*p.y)
	key := box(p.x, p.y-g.bore, 0.05, 0.07, 0.01)
	d := max(g.bore-r, -key)
	if len(g.holes) > 0 {
		_, q := nearest(g.holes, p)
		d = max(d, g.hole-math.Sqrt(q.x*q.x+q.y*q.y))
	}
	if r < g.root-0.1 {
		return max(d, r-g.root)
	}
	return max(d, 0.8*(r-g.rim(p)))
}

// rim is the radius of the toothed border in the direction of p.
func (g *gear) rim(p point) float64 {
	a := math.Atan2(p.y, p.x) - g.phase
	tooth := clamp(0.5 + 1.15*math.Cos(g.teeth*a))
	if away := math.Abs(math.Remainder(a-g.broken, 2*math.Pi)); away*g.teeth < math.Pi {
		tooth *= g.stump * (1 + 0.6*value(a*30, 0, g.body.seed))
	}
	return g.root + (g.tip-g.root)*tooth
}

func (g *gear) surface(p point, d float64) texel {
	r := math.Sqrt(p.x*p.x + p.y*p.y)
	edge := 0.03 * ramp(d, -0.045, 0)
	web := ramp(r, g.hub, g.hub+0.05) * ramp(r, g.root-0.1, g.root-0.15)
	if web == 0 {
		return g.body.at(p, 0.2-edge)
	}
	t := g.web.at(p, 0.13-edge)
	if web < 1 {
		return g.body.at(p, 0.2-edge).over(t, web)
	}
	a := math.Remainder(math.Atan2(p.y, p.x)-g.middle, 2*math.Pi)
	g.marking.print(&t, point{a * 0.49, 0.49 - r})
	return t
}
