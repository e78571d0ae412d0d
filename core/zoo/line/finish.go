package line

import "math"

// Finish is the texture of a surface.
type Finish int

// The finishes: metal brushed in one direction, metal turned on a lathe, cast metal, planed wood,
// moulded plastic.
const (
	Brushed Finish = iota
	Turned
	Cast
	Wood
	Moulded
)

// material is a finish in one colour on one specimen.
type material struct {
	finish Finish
	colour Colour
	seed   uint32
}

func (d *draft) material() material {
	return material{d.product.Finish, batch(d.Rand, d.product.Colours), d.Uint32()}
}

// as is the same specimen's material with another finish.
func (m material) as(f Finish, shade float64) material {
	return material{f, m.colour.scale(shade), m.seed ^ uint32(f)<<8}
}

// at is the texel of a flat surface of the material at height z.
func (m material) at(p point, z float64) texel {
	switch m.finish {
	case Brushed:
		return m.brushed(p, z)
	case Turned:
		return m.turned(p, z)
	case Cast:
		return m.cast(p, z)
	case Wood:
		return m.wood(p, z)
	}
	return m.moulded(p, z)
}

func (m material) brushed(p point, z float64) texel {
	n := fractal(p.x*2.2, p.y*34, m.seed, 2)
	c := m.colour.scale(1 + 0.13*n)
	return texel{z, c, 0.62, point{0.9, 0}}
}

func (m material) turned(p point, z float64) texel {
	r := math.Sqrt(p.x*p.x + p.y*p.y)
	k := 0.9 / (r + 1e-6)
	n := value(r*42, 0.3*p.x, m.seed) + 0.5*value(r*16, 0.5*p.y, m.seed+1)
	return texel{z, m.colour.scale(1 + 0.11*n), 0.66, point{-p.y * k, p.x * k}}
}

func (m material) cast(p point, z float64) texel {
	n := fractal(p.x*11, p.y*11, m.seed, 2)
	return texel{z + 0.0045*n, m.colour.scale(0.8 + 0.1*n), 0.24, point{}}
}

// wood is a board cut from rings that wander along x.
func (m material) wood(p point, z float64) texel {
	bend := fractal(p.x*0.9, p.y*2.2, m.seed, 2)
	rings := 0.5 + 0.5*math.Sin(21*(p.y+0.24*bend))
	fibre := value(p.x*4, p.y*55, m.seed+7)
	dark := 0.62*rings*rings + 0.16*fibre
	c := m.colour.toward(m.colour.times(Colour{0.52, 0.4, 0.3}), clamp(0.15+dark))
	return texel{z - 0.002*rings, c, 0.1, point{}}
}

// moulded has the fine grain of an etched mould, and soft clouds.
func (m material) moulded(p point, z float64) texel {
	n := value(p.x*33, p.y*33, m.seed)
	clouds := value(p.x*1.7, p.y*1.7, m.seed+3)
	return texel{z + 0.0036*n, m.colour.scale(1 + 0.05*clouds), 0.3, point{}}
}
