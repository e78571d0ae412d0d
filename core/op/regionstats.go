package op

import (
	"fmt"
	"math"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// RegionStats is ChannelStats of parts of an image: for each region four blocks of C values, over the pixels that the region
// touches, at least one. Rows of regions begin with a class; those below 0 are none and get zeros.
//
//	a        N×H×W×C
//	regions  N×R×5  class, xmin, ymin, xmax, ymax in pixels of an image of Height×Width
//	y        N×R×4C
type RegionStats struct{ Height, Width int }

// Kind is RegionStats.
func (RegionStats) Kind() string { return "RegionStats" }

// Infer is N×R×4C.
func (r RegionStats) Infer(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != 2 || len(in[0]) != 4 || len(in[1]) != 3 || in[1][0] != in[0][0] || in[1][2] != 5 {
		return nil, fmt.Errorf("inputs %v, want an activation N×H×W×C and regions N×R×5", in)
	}
	if r.Height < 1 || r.Width < 1 {
		return nil, fmt.Errorf("an image of %d×%d pixels", r.Height, r.Width)
	}
	return tensor.Shape{in[0][0], in[1][1], 4 * in[0][3]}, nil
}

// Lower goes image by image, two passes over each region: the second for deviations from the mean.
func (r RegionStats) Lower(e *graph.Env, n *graph.Node, m *graph.Mem) graph.Loop {
	images, s := n.Shape[0], n.In[0].Shape
	body := func(i, _ int) {
		a, y := perImage(m.In[0], i, images), perImage(m.Out, i, images)
		for k, rows := 0, perImage(m.In[1], i, images); len(rows) > 0; k, rows = k+1, rows[5:] {
			out := y[k*4*s[3]:][:4*s[3]]
			clear(out)
			if rows[0] >= 0 {
				x0, x1 := touched(rows[1], rows[3], r.Width, s[2])
				y0, y1 := touched(rows[2], rows[4], r.Height, s[1])
				regionStats(out, a, s, [4]int{x0, y0, x1, y1})
			}
		}
	}
	return graph.Loop{Run: func() { e.Pool.Run(images, body) }}
}

// touched is the places of an axis that lie in from..to, of a length of side, on a map of that many.
func touched(from, to float32, side, places int) (int, int) {
	scale := float64(places) / float64(side)
	lo := min(max(int(math.Floor(float64(from)*scale)), 0), places-1)
	return lo, min(max(int(math.Ceil(float64(to)*scale)), lo+1), places)
}

// regionStats fills mean, maximum, share of positive values and deviation of the channels in a part of a map.
func regionStats(out, a []float32, s tensor.Shape, part [4]int) {
	c := s[3]
	mean, top, positive, std := out[:c], out[c:2*c], out[2*c:3*c], out[3*c:]
	for j := range top {
		top[j] = float32(math.Inf(-1))
	}
	each := func(f func(j int, v float32)) {
		for y := part[1]; y < part[3]; y++ {
			for j, v := range a[(y*s[2]+part[0])*c : (y*s[2]+part[2])*c] {
				f(j%c, v)
			}
		}
	}
	share := 1 / float32((part[2]-part[0])*(part[3]-part[1]))
	each(func(j int, v float32) {
		mean[j] += v * share
		top[j] = max(top[j], v)
		if v > 0 {
			positive[j] += share
		}
	})
	each(func(j int, v float32) { std[j] += (v - mean[j]) * (v - mean[j]) * share })
	for j, v := range std {
		std[j] = float32(math.Sqrt(float64(v)))
	}
}
