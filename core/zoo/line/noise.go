package line

import (
	"math"
	"math/rand/v2"
)

// stream is the random stream called name of picture index: streams do not disturb each other, so
// what a defect draws moves no lamp.
func stream(seed, index uint64, name string) *rand.Rand {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return rand.New(rand.NewPCG(mix64(seed^h), mix64(index+h)))
}

// mix64 is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// lattice is an even number in [-1, 1) for a point of the integer grid.
func lattice(x, y int32, seed uint32) float64 {
	h := uint32(x)*0x9e3779b1 ^ uint32(y)*0x85ebca77 ^ seed
	h = (h ^ h>>15) * 0x2c1b3c6d
	h = (h ^ h>>12) * 0x297a2d39
	return float64(int32(h^h>>15)) * (1.0 / (1 << 31))
}

// value is value noise in [-1, 1]: smooth, one feature a unit.
func value(x, y float64, seed uint32) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy := int32(fx), int32(fy)
	u, v := x-fx, y-fy
	u, v = u*u*(3-2*u), v*v*(3-2*v)
	a, b := lattice(ix, iy, seed), lattice(ix+1, iy, seed)
	c, d := lattice(ix, iy+1, seed), lattice(ix+1, iy+1, seed)
	a += (b - a) * u
	c += (d - c) * u
	return a + (c-a)*v
}

// fractal sums octaves of value noise, each twice as fine and half as strong; within [-2, 2].
func fractal(x, y float64, seed uint32, octaves int) float64 {
	sum, gain := 0.0, 1.0
	for range octaves {
		sum += gain * value(x, y, seed)
		x, y = 2*x+17.3, 2*y-9.1
		gain /= 2
		seed += 0x632be5ab
	}
	return sum
}
