package op

import (
	"math/rand/v2"
	"testing"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/tensor"
)

// TestMeasured compares the sums that a loop makes with those of a pass over its output.
func TestMeasured(t *testing.T) {
	sums := BatchNormSums{1e-3, -0.25, 0.5}
	x, v := tensor.Shape{5, 33, 32, 6}, tensor.Shape{6}
	w, dw := tensor.Shape{6, 3, 3, 6}, tensor.Shape{6, 3, 3, 1}
	one, wide := tensor.Shape{6, 1, 1, 6}, tensor.Shape{5, 66, 64, 6}
	pads := [4]int{1, 1, 1, 1}
	two := [2]int{2, 2}
	for _, c := range []struct {
		name string
		of   graph.Op
		by   graph.Op
		in   []tensor.Shape
	}{
		{"conv", Conv{Pads: pads}, BatchStats{}, []tensor.Shape{x, w}},
		{"conv of pixels", Conv{}, BatchStats{}, []tensor.Shape{x, one}},
		{"depthwise", Depthwise{Pads: pads}, BatchStats{}, []tensor.Shape{x, dw}},
		{"depthwise stride", Depthwise{Pads: pads, Stride: two}, BatchStats{}, []tensor.Shape{wide, dw}},
		{"grad", ConvGradInput{Pads: pads, InSize: [2]int{33, 32}}, sums, []tensor.Shape{x, w}},
		{"grad stride", ConvGradInput{Pads: pads, Stride: two, InSize: [2]int{66, 64}}, sums, []tensor.Shape{x, w}},
		{"depthwise grad stride", DepthwiseGradInput{Pads: pads, Stride: two, InSize: [2]int{66, 64}, Multiplier: 1}, sums, []tensor.Shape{x, dw}},
	} {
		t.Run(c.name, func(t *testing.T) {
			y := inferred(t, c.of, c.in...)
			o, ok := FuseSums(c.of, c.by, y)
			if !ok {
				t.Fatalf("%s and %s do not fuse", c.of.Kind(), c.by.Kind())
			}
			shapes := c.in
			if c.by == graph.Op(sums) {
				shapes = append(shapes[:2:2], y, v, v, v, v)
			}
			in := randomIn(shapes, gradOpts{fill: byInput(map[int]func(int, *rand.Rand, []float32){6: uniform(0.5, 2)})})
			g := graph.New()
			var args []*graph.Node
			for _, a := range in {
				args = append(args, g.Leaf("x", graph.Param, a.shape, a.v))
			}
			apart := g.Add("y", c.of, args[:2]...)
			want := g.Add("sums", c.by, append([]*graph.Node{apart}, args[2:]...)...)
			whole := g.Add("whole", o, args...)
			front := g.Add("front", Front{Dims: y}, whole)
			joined := []*graph.Node{whole}
			if len(args) > 2 {
				joined = append(joined, args[6])
			}
			got := g.Add("joined", Joined{By: c.by, Channels: 6}, joined...)
			p := sameEverywhere(t, g)
			wantBits(t, "output", p.mem[front.ID][:y.Elems()], p.mem[apart.ID])
			wantClose(t, "sums", p.mem[got.ID], p.mem[want.ID], 2e-5)
		})
	}
}

func TestMeasuredRefuses(t *testing.T) {
	large, small := tensor.Shape{8, 32, 32, 4}, tensor.Shape{1, 8, 8, 4}
	for _, c := range []struct {
		of, by graph.Op
		y      tensor.Shape
	}{{Conv{}, BatchStats{}, small}, {Relu{}, BatchStats{}, large}, {Conv{}, Relu{}, large}} {
		if o, ok := FuseSums(c.of, c.by, c.y); ok {
			t.Errorf("%v of %s is %s, want two ops", c.y, c.of.Kind(), o.Kind())
		}
	}
	checkRefuses(t, Measured{Conv{}, BatchStats{}}, large)
	checkRefuses(t, Measured{ConvGradInput{InSize: [2]int{32, 32}}, BatchNormSums{}}, large, tensor.Shape{4, 1, 1, 4})
	checkRefuses(t, Front{Dims: []int{2, 3}}, tensor.Shape{5})
	checkRefuses(t, Joined{BatchStats{}, 3}, tensor.Shape{5})
	checkRefuses(t, Joined{BatchNormSums{}, 3}, tensor.Shape{5000})
}
