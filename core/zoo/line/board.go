package line

import "math"

// board is a wooden panel with a burnt brand. Its missing part is a plug.
type board struct {
	wood   material
	plug   material
	half   point
	plugs  []point
	radius float64
	gone   int
	marking
}

func newBoard(d *draft) specimen {
	b := &board{wood: d.material(), half: point{0.84 + 0.08*d.Float64(), 0.72 + 0.12*d.Float64()}}
	b.plug = material{Moulded, Hex(pick(d.Rand, []uint32{0xd8cfb8, 0xa3281f, 0x2f5f9f, 0xb9b23c})), d.Uint32()}
	b.radius = 0.09 + 0.02*d.Float64()
	x, y := b.half.x-0.2, b.half.y-0.19
	b.plugs = [][]point{
		{{x, y}, {-x, y}, {x, -y}, {-x, -y}},
		{{x, -y}, {0, -y}, {-x, -y}},
		{{x, y}, {-x, -y}},
	}[d.IntN(3)]
	b.marking = d.mark(brand(serial(d.Rand, 3)), point{0, 0.03}, 1.02, 0.38)
	b.gone = d.missing(len(b.plugs))
	return b
}

// brand is a frame with a disc and text, as a branding iron burns it.
func brand(text string) *stencil {
	w, h := glyphWidth*len(text)+20, capHeight+6
	s := newStencil(w, h)
	s.fill(0, 0, w, 1)
	s.fill(0, h-1, w, h)
	s.write(text, 17, 3)
	for y := range h {
		for x := range 16 {
			r := math.Hypot(float64(x)-8, float64(y)-7)
			s.ink[y*w+x] = max(s.ink[y*w+x], clamp(5.5-r)*clamp(r-2))
		}
	}
	return s
}

func (b *board) outline(p point) float64 { return box(p.x, p.y, b.half.x, b.half.y, 0.05) }

func (b *board) surface(p point, d float64) texel {
	t := b.wood.at(p, 0.18-0.05*ramp(d, -0.07, 0))
	b.print(&t, p)
	i, q := nearest(b.plugs, p)
	if i == b.gone {
		return socket(t, q, 0.8*b.radius)
	}
	r := math.Sqrt(q.x*q.x + q.y*q.y)
	if r > b.radius+0.03 {
		return t
	}
	cap := b.plug.at(p, t.z+0.03-0.03*ramp(r, 0.6*b.radius, b.radius))
	return t.over(cap, ramp(r, b.radius+0.012, b.radius-0.012))
}
