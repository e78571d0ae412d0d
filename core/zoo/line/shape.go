package line

import "math"

// Signed distances to the border of a shape, negative inside (the catalogue of I. Quilez,
// "2D distance functions"). Points are relative to the middle of the shape.

func circle(x, y, r float64) float64 { return math.Hypot(x, y) - r }

// box has half sides hx, hy and corners of radius r.
func box(x, y, hx, hy, r float64) float64 {
	dx, dy := math.Abs(x)-hx+r, math.Abs(y)-hy+r
	ox, oy := max(dx, 0), max(dy, 0)
	return math.Sqrt(ox*ox+oy*oy) + min(max(dx, dy), 0) - r
}

// hexagon has an inscribed circle of radius r.
func hexagon(x, y, r float64) float64 {
	x, y = math.Abs(x), math.Abs(y)
	return max(x*0.8660254037844386+y*0.5, y) - r
}

// segment is the distance to the stretch from a to b, and how far along it the nearest point is,
// 0 to 1.
func segment(p, a, b point) (dist, along float64) {
	px, py, bx, by := p.x-a.x, p.y-a.y, b.x-a.x, b.y-a.y
	t := clamp((px*bx + py*by) / (bx*bx + by*by + 1e-12))
	return math.Sqrt(sq(px-bx*t) + sq(py-by*t)), t
}

type point struct{ x, y float64 }

// polar is the point at a radius and an angle.
func polar(r, angle float64) point {
	s, c := math.Sincos(angle)
	return point{r * c, r * s}
}

// turn rotates p by an angle given as its sine and cosine.
func (p point) turn(sin, cos float64) point {
	return point{p.x*cos - p.y*sin, p.x*sin + p.y*cos}
}

// ring is n points evenly around a circle, the first at angle start.
func ring(n int, r, start float64) []point {
	ps := make([]point, n)
	for i := range ps {
		ps[i] = polar(r, start+2*math.Pi*float64(i)/float64(n))
	}
	return ps
}

// nearest is the point of ps closest to p, as an index, and p relative to it.
func nearest(ps []point, p point) (int, point) {
	at, best, rel := -1, math.Inf(1), point{}
	for i, c := range ps {
		x, y := p.x-c.x, p.y-c.y
		if d := x*x + y*y; d < best {
			at, best, rel = i, d, point{x, y}
		}
	}
	return at, rel
}

func sq(x float64) float64 { return x * x }

// clamp cuts x to [0, 1]. Branches are faster than min and max, which mind NaN and -0.
func clamp(x float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	return x
}

// ramp goes smoothly from 0 at a to 1 at b; b may be less than a.
func ramp(x, a, b float64) float64 {
	t := clamp((x - a) / (b - a))
	return t * t * (3 - 2*t)
}

// inside is 1 within a shape, 0 outside, and in between over the width of a pixel.
func inside(dist, px float64) float64 { return clamp(0.5 - dist/px) }
