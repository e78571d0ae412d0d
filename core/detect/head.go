package detect

import (
	"fmt"
	"math"
	"strings"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/op"
	"github.com/secateur/secateur/core/random"
	"github.com/secateur/secateur/core/tensor"
)

// Names of a detector's nodes. Everything that a head adds begins with Prefix.
const (
	Prefix  = "detect."
	Logits  = Prefix + "logits"  // N×A×C, one question a class
	Boxes   = Prefix + "boxes"   // N×A×4, xmin, ymin, xmax, ymax in pixels of the input
	Centres = Prefix + "centres" // 1×A×4, x, y, x, y of the anchors

	Assigned  = Prefix + "assigned"  // N×A×6, what the anchors are to answer, where a loss asks
	Distances = Prefix + "distances" // N×A×4, to the edges, as logarithms in units of the stride
)

// Is reports whether a network is a detector: its outputs are logits N×A×C and boxes N×A×4.
func Is(g *graph.Graph) bool {
	if len(g.Outputs) != 2 {
		return false
	}
	z, b := g.Outputs[0].Shape, g.Outputs[1].Shape
	return len(z) == 3 && len(b) == 3 && z[1] == b[1] && b[2] == 4
}

// Head is the shape of a detection head: a small feature pyramid (Lin et al., CVPR 2017, 1612.03144) and, shared by its
// levels, one tower of depthwise-separable convolutions for classes and one for boxes (Tian et al., ICCV 2019, FCOS,
// 1904.01355). Each place of a level is an anchor, which answers for each class and gives the distances from its centre to
// the edges of its box.
type Head struct {
	Strides []int // of the levels, each twice the one before: pixels of the input a place
	Width   int   // channels of pyramid and towers
	Depth   int   // convolutions in a tower
	Seed    uint64
}

// DefaultHead has three levels.
func DefaultHead(seed uint64) Head {
	return Head{Strides: []int{8, 16, 32}, Width: 64, Depth: 2, Seed: seed}
}

// Prior is the score that every anchor begins with for every class (Lin et al., ICCV 2017, 1708.02002, §3.3).
const prior = 0.01

// reach is the most that a distance may be in units of the level's stride, as its logarithm.
const reach = 4

// AddHead is a backbone up to the last tensor of each level's size with the head behind them. What lies behind those tensors, a
// classifier, goes. Values are copied.
func (h Head) AddHead(backbone *graph.Graph, labels []string) (*graph.Graph, error) {
	taps, err := h.taps(backbone)
	if err != nil {
		return nil, err
	}
	g, at, err := backbone.Sub(nil, taps)
	if err != nil {
		return nil, err
	}
	g = g.Copy()
	b := &builder{Graph: g, head: h}
	for _, t := range taps {
		b.levels = append(b.levels, g.Node(at[t].Name))
	}
	b.build(len(labels))
	g.SetLabels(labels)
	return g, nil
}

// taps are the last tensors of each level's size, the finest level first. An older head of ours is passed over.
func (h Head) taps(g *graph.Graph) ([]*graph.Node, error) {
	in := g.Role(graph.Input)
	if len(in) != 1 || len(in[0].Shape) != 4 {
		return nil, fmt.Errorf("%d inputs, want one picture", len(in))
	}
	side := in[0].Shape[1:3]
	taps := make([]*graph.Node, len(h.Strides))
	for i, s := range h.Strides {
		for _, n := range g.Nodes {
			if len(n.Shape) == 4 && !n.IsLeaf() && !strings.HasPrefix(n.Name, Prefix) && n.Shape[1] == (side[0]+s-1)/s && n.Shape[2] == (side[1]+s-1)/s {
				taps[i] = n
			}
		}
		if taps[i] == nil {
			return nil, fmt.Errorf("no tensor is a %dth of the input's %d×%d pixels: a detection head has nothing to read at stride %d", s, side[0], side[1], s)
		}
	}
	return taps, nil
}

// builder adds a head to the graph of a backbone.
type builder struct {
	*graph.Graph
	head   Head
	levels []*graph.Node // of the backbone, then of the pyramid
}

func (b *builder) build(classes int) {
	b.pyramid()
	logits, distances := b.towers("class", classes, 0.01, float32(-math.Log((1-prior)/prior))), b.towers("box", 4, 0.01, float32(math.Log(2)))
	b.Outputs = []*graph.Node{b.join(Logits, logits), b.boxes(b.join(Distances, distances))}
}

// pyramid adds to each level what the coarser ones see there.
func (b *builder) pyramid() {
	finer := make([]*graph.Node, len(b.levels))
	for i := len(b.levels) - 1; i >= 0; i-- {
		x := b.levels[i]
		p := b.conv(b.name("lateral", i), x, b.head.Width, 1/math.Sqrt(float64(x.Shape.Channels())), 0)
		if i+1 < len(finer) {
			s := p.Shape
			up := b.Add(b.name("up", i), op.Resize{Mode: "nearest", Coord: "asymmetric", Round: "floor", Size: [2]int{s[1], s[2]}}, finer[i+1])
			p = b.Add(b.name("sum", i), op.Add{}, p, up)
		}
		finer[i] = p
	}
	for i, p := range finer {
		b.levels[i] = b.separable(b.name("smooth", i), b.name("smooth", i), p)
	}
}

func (b *builder) name(part string, level int) string {
	return fmt.Sprintf("%s%s%d", Prefix, part, b.head.Strides[level])
}

// separable is a 3×3 depthwise convolution, one of 1×1, and a ReLU. Levels that give the same weights name share them.
func (b *builder) separable(name, weights string, x *graph.Node) *graph.Node {
	c := x.Shape.Channels()
	w := b.normal(weights+".depthwise.weight", math.Sqrt(2./9), c, 3, 3, 1)
	x = b.Add(name+".depthwise", op.Depthwise{Pads: [4]int{1, 1, 1, 1}}, x, w)
	w = b.normal(weights+".weight", math.Sqrt(2/float64(c)), c, 1, 1, c)
	x = b.Add(name, op.Conv{}, x, w, b.constant(weights+".bias", c, 0))
	return b.Add(name+".relu", op.Relu{}, x)
}

// conv is a convolution of 1×1 with a bias.
func (b *builder) conv(name string, x *graph.Node, out int, deviation float64, bias float32) *graph.Node {
	w := b.normal(name+".weight", deviation, out, 1, 1, x.Shape.Channels())
	return b.Add(name, op.Conv{}, x, w, b.constant(name+".bias", out, bias))
}

// towers is a tower on each level, with an answer of its own at the end.
func (b *builder) towers(what string, out int, deviation float64, bias float32) []*graph.Node {
	answers := make([]*graph.Node, len(b.levels))
	for i, x := range b.levels {
		for k := range b.head.Depth {
			layer := fmt.Sprintf("%s.%d", what, k)
			x = b.separable(b.name(layer+".", i), Prefix+layer, x)
		}
		answers[i] = b.conv(b.name(what, i), x, out, deviation, bias)
	}
	return answers
}

// join is the answers of all levels, N×A×K, row by row of each level.
func (b *builder) join(name string, of []*graph.Node) *graph.Node {
	flat := make([]*graph.Node, len(of))
	for i, x := range of {
		flat[i] = b.Add(x.Name+".rows", op.Reshape{Dims: []int{x.Shape[1] * x.Shape[2], x.Shape[3]}}, x)
	}
	return b.Add(name, op.Concat{Axis: 1}, flat...)
}

// boxes turns distances to left, top, right and bottom, as logarithms in units of the stride, into edges.
func (b *builder) boxes(distances *graph.Node) *graph.Node {
	centres, strides := b.anchors()
	x := b.Add(Prefix+"clip", op.Clip{Min: -reach, Max: reach}, distances)
	x = b.Add(Prefix+"exp", op.Exp{}, x)
	x = b.Add(Prefix+"pixels", op.Mul{}, x, strides)
	return b.Add(Boxes, op.Add{}, x, centres)
}

// anchors are the centres, and the strides with the signs of the edges.
func (b *builder) anchors() (centres, strides *graph.Node) {
	var c, s []float32
	for i, x := range b.levels {
		side := float32(b.head.Strides[i])
		for y := range x.Shape[1] {
			for x := range x.Shape[2] {
				cx, cy := (float32(x)+0.5)*side, (float32(y)+0.5)*side
				c, s = append(c, cx, cy, cx, cy), append(s, -side, -side, side, side)
			}
		}
	}
	shape := tensor.Shape{1, len(c) / 4, 4}
	return b.Leaf(Centres, graph.Const, shape, c), b.Leaf(Prefix+"strides", graph.Const, shape, s)
}

// normal is the parameter of that name, drawn by the seed when it is first asked for.
func (b *builder) normal(name string, deviation float64, s ...int) *graph.Node {
	return b.param(name, s, func(v []float32) {
		r := random.Stream(b.head.Seed, "init/"+name, 0)
		for i := range v {
			v[i] = float32(deviation * r.NormFloat64())
		}
	})
}

func (b *builder) constant(name string, n int, value float32) *graph.Node {
	return b.param(name, tensor.Shape{n}, func(v []float32) {
		for i := range v {
			v[i] = value
		}
	})
}

func (b *builder) param(name string, s tensor.Shape, fill func([]float32)) *graph.Node {
	if n := b.Node(name); n != nil {
		return n
	}
	v := tensor.Floats(s.Elems())
	fill(v)
	return b.Leaf(name, graph.Param, s, v)
}
