package line

import "math"

// housing is the moulded cover of a control unit: a lip, vents, four screws, a connector with
// pins, a paper label. Its missing part is a screw or the connector.
type housing struct {
	body material
	half point
	px   float64 // width of a pixel

	screws []point
	twist  []point // sine and cosine of each cross
	plug   point   // middle of the connector
	pins   float64

	label, shell, floor, gilt, zinc Colour

	gone int // a screw, or len(screws) for the connector
	marking
}

// labelHalf is the half size of the paper.
var labelHalf = point{0.5, 0.27}

func newHousing(d *draft) specimen {
	h := &housing{body: d.material(), half: point{0.92, 0.76}, px: d.px}
	h.screws = []point{{0.75, 0.59}, {-0.75, 0.59}, {0.75, -0.59}, {-0.75, -0.59}}
	for range h.screws {
		h.twist = append(h.twist, polar(1, math.Pi*d.Float64()))
	}
	h.plug, h.pins = point{0.3 * (d.Float64() - 0.5), 0.5}, float64(5+d.IntN(2))
	h.label = Hex(pick(d.Rand, []uint32{0xe9e7df, 0xe9e7df, 0xe6dcb4}))
	h.shell, h.floor, h.gilt, h.zinc = Hex(0xcfccc0), Hex(0x4a4844), Hex(0xd9a83a), Hex(0xa7a9ab)
	h.marking = d.mark(barcode(d), point{0, 0.02}, 0.84, 0.42)
	h.gone = -1
	if k := d.missing(8); k >= 0 {
		h.gone = min(k, len(h.screws))
	}
	return h
}

// barcode is a label's print: bars above a serial number, a mark of conformity beside them.
func barcode(d *draft) *stencil {
	s := newStencil(44, 22)
	for x := 0; x < 28; {
		bar := 1 + d.IntN(2)
		s.fill(x, 0, min(x+bar, 28), 10)
		x += bar + 1 + d.IntN(2)
	}
	s.write(serial(d.Rand, 4), 0, 13)
	s.fill(32, 0, 43, 2)
	s.fill(32, 8, 43, 10)
	s.fill(32, 2, 34, 8)
	s.fill(41, 2, 43, 8)
	s.fill(32, 14, 43, 16)
	s.fill(32, 19, 40, 21)
	return s
}

func (h *housing) outline(p point) float64 { return box(p.x, p.y, h.half.x, h.half.y, 0.16) }

func (h *housing) surface(p point, d float64) texel {
	lip := ramp(d, -0.12, -0.09) - 1.6*ramp(d, -0.05, 0)
	t := h.body.at(p, 0.2+0.025*lip)
	switch {
	case math.Abs(p.x) < labelHalf.x+0.05 && math.Abs(p.y) < labelHalf.y+0.05:
		h.paper(&t, p)
	case p.y < -0.4 && math.Abs(p.x) < 0.56:
		h.vent(&t, p)
	case p.y > 0.3 && math.Abs(p.x-h.plug.x) < 0.5:
		return h.connector(t, point{p.x - h.plug.x, p.y - h.plug.y})
	}
	return h.screw(t, p)
}

// paper sticks the label on and prints it.
func (h *housing) paper(t *texel, p point) {
	a := inside(box(p.x, p.y, labelHalf.x, labelHalf.y, 0.03), h.px)
	*t = t.over(texel{0.206, h.label, 0.12, point{}}, a)
	if a == 1 {
		h.print(t, p)
	}
}

// vent cuts slots into the lower edge.
func (h *housing) vent(t *texel, p point) {
	const pitch = 0.16
	x := math.Remainder(p.x, pitch)
	a := ramp(box(x, p.y+0.5, 0.04, 0.1, 0.04), 0.012, -0.012)
	*t = t.over(texel{z: 0.12, albedo: h.body.colour.scale(0.2)}, a)
}

// connector is a white header with gilded pins, or the hole for it; q from its middle.
func (h *housing) connector(t texel, q point) texel {
	if h.gone == len(h.screws) {
		a := ramp(box(q.x, q.y, 0.32, 0.1, 0.02), 0.012, -0.012)
		return t.over(texel{z: 0.08, albedo: h.body.colour.scale(0.12)}, a)
	}
	shell := box(q.x, q.y, 0.34, 0.12, 0.03)
	t = t.over(texel{0.27, h.shell, 0.2, point{}}, ramp(shell, 0.012, -0.012))
	t = t.over(texel{0.2, h.floor, 0.1, point{}}, ramp(shell+0.05, 0.01, -0.01))
	pitch := 0.58 / h.pins
	x := q.x + 0.29 - pitch/2
	x -= pitch * min(max(math.Round(x/pitch), 0), h.pins-1)
	pin := box(x, q.y, 0.024, 0.045, 0.01)
	return t.over(texel{0.25, h.gilt, 0.6, point{}}, ramp(pin, 0.012, -0.012))
}

// screw is a cross-head screw in its boss, or the empty boss.
func (h *housing) screw(t texel, p point) texel {
	i, q := nearest(h.screws, p)
	r := math.Sqrt(q.x*q.x + q.y*q.y)
	if r > 0.15 {
		return t
	}
	t.z -= 0.03 * ramp(r, 0.145, 0.125)
	if i == h.gone {
		return socket(t, q, 0.07)
	}
	head := texel{t.z + 0.05 - 0.03*ramp(r, 0.06, 0.11), h.zinc, 0.55, point{}}
	q = q.turn(h.twist[i].y, h.twist[i].x)
	cross := min(box(q.x, q.y, 0.065, 0.016, 0), box(q.x, q.y, 0.016, 0.065, 0))
	head = head.over(texel{z: t.z, albedo: Colour{0.03, 0.03, 0.03}}, ramp(cross, 0.012, -0.012))
	return t.over(head, ramp(r, 0.12, 0.1))
}
