package firmwareconfig

import (
	"fmt"
	"slices"
)

// mostCorners bounds a polygon.
const mostCorners = 64

func (c *Config) checkZones(k *checks) {
	width, height := float64(c.Camera.Width), float64(c.Camera.Height)
	if r := c.Camera.Crop; len(r) == 4 {
		width, height = float64(r[2]), float64(r[3])
	}
	for i, z := range c.Zones {
		at := fmt.Sprintf("zone[%d]", i)
		k.name(at+".name", z.Name)
		k.between(at+".score", z.Score, 0, 1)
		if slices.ContainsFunc(c.Zones[:i], func(o Zone) bool { return o.Name == z.Name }) {
			k.bad(at+".name", "%q is the name of another zone", z.Name)
		}
		if len(z.Classes)+len(c.Reject.Classes) == 0 {
			k.bad(at+".classes", "is empty, and so is reject.classes: nothing would be rejected here")
		}
		k.polygon(at+".polygon", z.Polygon, width, height)
	}
}

// polygon wants corners within the picture, and an outline that does not cross itself.
func (k *checks) polygon(key string, p [][]float64, width, height float64) {
	if len(p) < 3 || len(p) > mostCorners {
		k.bad(key, "found %d corners, want 3 to %d like [[10, 10], [200, 10], [100, 150]]", len(p), mostCorners)
		return
	}
	for i, c := range p {
		if len(c) != 2 {
			k.bad(key, "corner %d has %d numbers, want x and y", i+1, len(c))
			return
		}
		if !(c[0] >= 0 && c[0] <= width && c[1] >= 0 && c[1] <= height) {
			k.bad(key, "corner %d is %v, %v, want it within %v x %v", i+1, c[0], c[1], width, height)
			return
		}
	}
	for i := range p {
		for j := i + 2; j < len(p); j++ {
			if (i > 0 || j < len(p)-1) && cross(p[i], p[i+1], p[j], p[(j+1)%len(p)]) {
				k.bad(key, "the side from corner %d crosses the one from corner %d", i+1, j+1)
				return
			}
		}
	}
	if area(p) == 0 {
		k.bad(key, "has no area")
	}
}

// side is on which side of the line from a to b c lies: its sign.
func side(a, b, c []float64) float64 { return (b[0]-a[0])*(c[1]-a[1]) - (b[1]-a[1])*(c[0]-a[0]) }

// cross reports whether a to b and c to d have a point in common that is inside both.
func cross(a, b, c, d []float64) bool {
	return side(a, b, c)*side(a, b, d) < 0 && side(c, d, a)*side(c, d, b) < 0
}

// area is twice that of a polygon, with the sign of its turn.
func area(p [][]float64) float64 {
	sum := 0.0
	for i, a := range p {
		b := p[(i+1)%len(p)]
		sum += a[0]*b[1] - a[1]*b[0]
	}
	return sum
}
